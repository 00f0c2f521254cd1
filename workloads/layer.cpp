#include "workloads/layer.h"

#include <algorithm>
#include <numeric>

namespace tessera::workloads {

namespace {

std::int64_t positive_modulo(std::int64_t value, std::int64_t modulus) {
  const std::int64_t remainder = value % modulus;
  return remainder < 0 ? remainder + modulus : remainder;
}

/// Keeps the indices of `range` that lie in [low, high).
IndexRange clip(IndexRange range, std::int64_t low, std::int64_t high) {
  if (range.count <= 0) return {low, 0, 1};
  if (range.begin < low) {
    const std::int64_t skipped = (low - range.begin + range.step - 1) / range.step;
    range.begin += skipped * range.step;
    range.count -= skipped;
  }
  if (range.count > 0 && range.last() >= high)
    range.count = (high - 1 - range.begin) / range.step + 1;
  if (range.begin >= high) range.count = 0;
  range.count = std::max<std::int64_t>(range.count, 0);
  return range;
}

IndexRange index_range(const DimensionAccess& access, const RankTile& tile) {
  IndexRange range{access.offset, 1, 1};
  std::int64_t last = access.offset;
  std::int64_t step = 0;
  int moving = 0;
  for (const auto& term : access.terms) {
    const auto& rank = tile[term.rank];
    if (rank.size() == 0) return {access.valid_begin, 0, 1};
    range.begin += term.coefficient * rank.begin;
    last += term.coefficient * (rank.end - 1);
    if (rank.size() > 1) {
      ++moving;
      step = term.coefficient;
    }
  }
  range.step = moving == 1 ? step : 1;
  range.count = (last - range.begin) / range.step + 1;
  return clip(range, access.valid_begin, access.valid_end);
}

IndexRange intersect(const IndexRange& a, const IndexRange& b) {
  const IndexRange& coarse = a.step >= b.step ? a : b;
  const IndexRange& fine = a.step >= b.step ? b : a;
  if (a.count == 0 || b.count == 0) return {coarse.begin, 0, 1};
  IndexRange common = clip(coarse, fine.begin, fine.last() + 1);
  const bool aligned = fine.step == 1 || common.count == 0 ||
                       positive_modulo(common.begin - fine.begin, fine.step) == 0;
  if (!aligned) common.count = 0;
  return common;
}

}  // namespace

std::int64_t Region::elements() const {
  std::int64_t product = 1;
  for (const auto& dimension : dimensions) product *= dimension.count;
  return product;
}

Region region_of(const Operand& operand, const RankTile& tile) {
  Region region;
  region.dimensions.reserve(operand.dimensions.size());
  for (const auto& access : operand.dimensions)
    region.dimensions.push_back(index_range(access, tile));
  return region;
}

Region intersect(const Region& a, const Region& b) {
  Region common;
  common.dimensions.reserve(a.dimensions.size());
  for (std::size_t i = 0; i < a.dimensions.size(); ++i)
    common.dimensions.push_back(intersect(a.dimensions[i], b.dimensions[i]));
  return common;
}

bool overlap(const Region& a, const Region& b) {
  for (std::size_t i = 0; i < a.dimensions.size(); ++i) {
    const auto& x = a.dimensions[i];
    const auto& y = b.dimensions[i];
    if (x.count == 0 || y.count == 0 || x.begin > y.last() || y.begin > x.last()) return false;
  }
  return true;
}

std::int64_t volume(const RankTile& tile) {
  std::int64_t product = 1;
  for (const auto& range : tile) product *= range.size();
  return product;
}

std::int64_t Layer::macs() const { return kind == LayerKind::kMatrix ? volume(whole()) : 0; }

std::int64_t Layer::vector_operations() const {
  return kind == LayerKind::kMatrix ? 0 : volume(whole()) * passes;
}

std::vector<std::int64_t> Layer::extents() const {
  std::vector<std::int64_t> extents;
  for (const auto& rank : ranks) extents.push_back(rank.extent);
  return extents;
}

RankTile Layer::whole() const {
  RankTile tile;
  for (const auto& rank : ranks) tile.push_back({0, rank.extent});
  return tile;
}

int Layer::rank_index(const std::string& rank_name) const {
  for (std::size_t i = 0; i < ranks.size(); ++i)
    if (ranks[i].name == rank_name) return static_cast<int>(i);
  return -1;
}

bool Layer::indexes(const Operand& operand, RankId rank) {
  return std::ranges::any_of(operand.dimensions, [rank](const DimensionAccess& access) {
    return std::ranges::any_of(access.terms,
                               [rank](const AffineTerm& term) { return term.rank == rank; });
  });
}

}  // namespace tessera::workloads
