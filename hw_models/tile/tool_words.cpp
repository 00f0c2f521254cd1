#include "hw_models/tile/tool_words.h"

#include <algorithm>

#include "mapping/sliding_window.h"
#include "sim/base/types.h"

namespace tessera::hw {

using mapping::ArrayMapping;
using workloads::Layer;
using workloads::Operand;
using workloads::RankTile;

namespace {

/// Walks the tiles that one PE keeps of an operand.
class TileOfOnePe {
 public:
  TileOfOnePe(const Layer& layer, const ArrayMapping& mapping, int kind,
              const std::vector<std::int64_t>& extents)
      : operand_(layer.inputs[static_cast<std::size_t>(kind)]), ranks_(layer.ranks.size()) {
    ways_.assign(layer.ranks.size(), 1);
    for (const auto* axis : {&mapping.rows, &mapping.columns, &mapping.lanes})
      for (const auto& split : *axis) {
        const auto used = std::min(split.ways, ceil_div(extents[split.rank], ways_[split.rank]));
        ways_[split.rank] *= used;
        if (Layer::indexes(operand_, split.rank)) copies_ *= used;
      }
    auto inside = extents;
    const bool streamed = mapping.streamed[kind];
    for (int i = 0; i < mapping.store_depth[kind]; ++i) {
      const auto& loop = mapping.loops[static_cast<std::size_t>(i)];
      const auto count = ceil_div(inside[loop.rank], loop.tile);
      inside[loop.rank] = std::min(inside[loop.rank], loop.tile);
      loops_.push_back({loop.rank, count, per_pe(loop.rank, inside[loop.rank])});
    }
    while (!streamed && !loops_.empty() &&
           (loops_.back().count == 1 || !Layer::indexes(operand_, loops_.back().rank)))
      loops_.pop_back();
    for (std::size_t r = 0; r < ranks_.size(); ++r)
      ranks_[r] = {0, per_pe(static_cast<int>(r), inside[r])};
    slides_ = !streamed && has_window();
  }

  std::int64_t words() {
    if (slides_) {
      walk(0);
      return copies_ * walked_;
    }
    std::int64_t words = copies_ * mapping::bounding_box(region_of(operand_, ranks_)).elements();
    for (const auto& loop : loops_) words *= loop.count;
    return words;
  }

 private:
  struct Loop {
    workloads::RankId rank;
    std::int64_t count;
    std::int64_t tile;
  };

  std::int64_t per_pe(workloads::RankId rank, std::int64_t extent) const {
    return ceil_div(extent, ways_[rank]);
  }

  /// Some dimension sums several ranks that move, and the innermost loop moves one of them.
  bool has_window() const {
    if (loops_.empty()) return false;
    return std::ranges::any_of(operand_.dimensions, [&](const workloads::DimensionAccess& access) {
      return access.terms.size() > 1 &&
             std::ranges::any_of(access.terms, [&](const workloads::AffineTerm& term) {
               return term.rank == loops_.back().rank;
             });
    });
  }

  void walk(std::size_t depth) {
    if (depth == loops_.size()) {
      walked_ += window_.advance(mapping::bounding_box(region_of(operand_, ranks_))).elements();
      return;
    }
    const Loop& loop = loops_[depth];
    auto& range = ranks_[loop.rank];
    const auto outer = range;
    std::int64_t last = 0;
    for (std::int64_t i = 0; i < std::min<std::int64_t>(loop.count, 2); ++i) {
      const std::int64_t before = walked_;
      range = {outer.begin + i * loop.tile, outer.begin + i * loop.tile + outer.size()};
      walk(depth + 1);
      last = walked_ - before;
    }
    if (loop.count > 2) skip(loop, (loop.count - 2), last);
    range = outer;
  }

  /// Iterations after the second move as the second did; the tool extrapolates likewise.
  void skip(const Loop& loop, std::int64_t iterations, std::int64_t words) {
    walked_ += iterations * words;
    std::vector<std::int64_t> by;
    for (const auto& access : operand_.dimensions) {
      by.push_back(0);
      for (const auto& term : access.terms)
        if (term.rank == loop.rank) by.back() += term.coefficient * loop.tile * iterations;
    }
    window_.translate(by);
  }

  const Operand& operand_;
  RankTile ranks_;
  std::vector<std::int64_t> ways_;
  std::vector<Loop> loops_;
  std::int64_t copies_ = 1;
  bool slides_ = false;
  mapping::SlidingWindow window_;
  std::int64_t walked_ = 0;
};

}  // namespace

std::array<std::int64_t, 2> tool_words(const Layer& layer, const ArrayMapping& mapping,
                                       const std::vector<std::int64_t>& extents) {
  std::array<std::int64_t, 2> words{};
  for (int kind = 0; kind < 2; ++kind)
    if (static_cast<std::size_t>(kind) < layer.inputs.size())
      words[static_cast<std::size_t>(kind)] = TileOfOnePe(layer, mapping, kind, extents).words();
  return words;
}

KeptBlocks kept_blocks(const Layer& layer, const ArrayMapping& mapping, int kind,
                       const RankTile& ranks) {
  RankTile first = ranks;
  for (int i = 0; i < mapping.store_depth[kind]; ++i) {
    const auto& loop = mapping.loops[static_cast<std::size_t>(i)];
    first[loop.rank].end = std::min(first[loop.rank].end, first[loop.rank].begin + loop.tile);
  }
  RankTile last = ranks;
  for (std::size_t r = 0; r < ranks.size(); ++r)
    last[r].begin += (ranks[r].size() - 1) / first[r].size() * first[r].size();
  const auto& operand = layer.inputs[static_cast<std::size_t>(kind)];
  return {mapping::bounding_box(region_of(operand, first)),
          mapping::bounding_box(region_of(operand, last))};
}

}  // namespace tessera::hw
