#include "mapping/stage_plan.h"

#include <algorithm>
#include <cstdlib>

namespace tessera::mapping {

using workloads::Layer;
using workloads::RankTile;

namespace {

/// Index of a tile along each split of one axis: the first split is the slowest.
void decode(std::int64_t position, const std::vector<const PartitionSplit*>& splits,
            std::vector<std::int64_t>& index) {
  index.assign(splits.size(), 0);
  for (std::size_t i = splits.size(); i-- > 0;) {
    index[i] = position % splits[i]->ways;
    position /= splits[i]->ways;
  }
}

std::int64_t ways_of(const std::vector<const PartitionSplit*>& splits) {
  std::int64_t product = 1;
  for (const auto* split : splits) product *= split->ways;
  return product;
}

void narrow(workloads::RankRange& range, const PartitionSplit& split, std::int64_t index) {
  const std::int64_t size = range.size();
  if (split.size == 0) {
    range = {range.begin + index * size / split.ways,
             range.begin + (index + 1) * size / split.ways};
  } else {
    const std::int64_t begin = std::min(range.begin + index * split.size, range.end);
    range = {begin, std::min(begin + split.size, range.end)};
  }
}

}  // namespace

bool StagePlan::splits_sums(const Layer& of) const {
  return std::ranges::any_of(partition, [&](const PartitionSplit& split) {
    return split.ways > 1 && of.ranks[split.rank].reduced;
  });
}

std::string operand_name(const Layer& layer, int input) {
  if (layer.inputs[input].role == workloads::OperandRole::kWeight) {
    const bool first = std::none_of(
        layer.inputs.begin(), layer.inputs.begin() + input,
        [](const auto& other) { return other.role == workloads::OperandRole::kWeight; });
    return first ? "W" : "W" + std::to_string(input);
  }
  return "I" + std::to_string(input);
}

Shares deal_shares(const StagePlan& plan, const Layer& layer, TileGrid grid) {
  std::vector<const PartitionSplit*> by_axis[3];
  for (const auto& split : plan.partition) by_axis[static_cast<int>(split.axis)].push_back(&split);
  const auto& columns = by_axis[static_cast<int>(Axis::kMeshX)];
  const auto& rows = by_axis[static_cast<int>(Axis::kMeshY)];
  const auto& order = by_axis[static_cast<int>(Axis::kTiles)];

  Shares shares;
  struct Dealt {
    TileId tile;
    RankTile ranks;
    std::vector<std::int64_t> place;
  };
  std::vector<Dealt> dealt;
  std::vector<std::int64_t> index;
  for (std::size_t position = 0; position < plan.tiles.size(); ++position) {
    const TileId tile = plan.tiles[position];
    RankTile ranks = layer.whole();
    std::vector<std::int64_t> chosen(plan.partition.size(), 0);
    bool used = true;
    const auto deal = [&](std::int64_t place, const std::vector<const PartitionSplit*>& splits) {
      used &= place < ways_of(splits);
      decode(place, splits, index);
      for (std::size_t i = 0; i < splits.size(); ++i) {
        narrow(ranks[splits[i]->rank], *splits[i], index[i]);
        chosen[static_cast<std::size_t>(splits[i] - plan.partition.data())] = index[i];
      }
    };
    if (!order.empty() || (rows.empty() && columns.empty()))
      deal(static_cast<std::int64_t>(position), order);
    if (!rows.empty() || !columns.empty()) {
      deal(tile / grid.columns, rows);
      deal(tile % grid.columns, columns);
    }
    if (used && workloads::volume(ranks) > 0)
      dealt.push_back({tile, std::move(ranks), std::move(chosen)});
  }
  std::ranges::sort(dealt, {}, &Dealt::tile);
  shares.nominal.assign(layer.ranks.size(), 0);
  for (auto& [tile, ranks, place] : dealt) {
    for (std::size_t r = 0; r < ranks.size(); ++r)
      shares.nominal[r] = std::max(shares.nominal[r], ranks[r].size());
    shares.tiles.push_back(tile);
    shares.ranks.push_back(std::move(ranks));
    shares.places.push_back(std::move(place));
  }
  return shares;
}

std::int64_t touched(const workloads::DimensionAccess& access,
                     const std::vector<std::int64_t>& extents) {
  std::int64_t span = 1;
  std::int64_t trips = 1;
  int moving = 0;
  for (const auto& term : access.terms) {
    const std::int64_t extent = extents[term.rank];
    span += std::abs(term.coefficient) * (extent - 1);
    if (extent > 1) {
      ++moving;
      trips = extent;
    }
  }
  return moving == 1 ? trips : span;
}

std::vector<std::int64_t> nominal_region(const workloads::Operand& operand,
                                         const std::vector<std::int64_t>& extents) {
  std::vector<std::int64_t> counts;
  counts.reserve(operand.dimensions.size());
  for (const auto& access : operand.dimensions)
    counts.push_back(std::min(touched(access, extents),
                              std::max<std::int64_t>(access.valid_end - access.valid_begin, 0)));
  return counts;
}

std::int64_t padded_elements(const workloads::Operand& operand,
                             const std::vector<std::int64_t>& extents) {
  std::int64_t elements = 1;
  for (const auto& access : operand.dimensions) elements *= touched(access, extents);
  return elements;
}

std::int64_t nominal_elements(const workloads::Operand& operand,
                              const std::vector<std::int64_t>& extents) {
  std::int64_t elements = 1;
  for (const auto count : nominal_region(operand, extents)) elements *= count;
  return elements;
}

bool contiguous(const Layer& layer, const workloads::Operand& operand,
                const std::vector<std::int64_t>& extents) {
  for (const auto& access : operand.dimensions)
    for (const auto& high : access.terms)
      for (const auto& low : access.terms) {
        const std::int64_t whole = layer.ranks[low.rank].extent;
        const bool digits =
            high.coefficient > low.coefficient && high.coefficient >= low.coefficient * whole;
        if (digits && extents[high.rank] > 1 && extents[low.rank] < whole) return false;
      }
  return true;
}

std::vector<std::int64_t> extents_inside(const std::vector<BufferLoop>& loops, int depth,
                                         std::vector<std::int64_t> extents) {
  for (int i = 0; i < depth; ++i)
    extents[loops[i].rank] = std::min(extents[loops[i].rank], loops[i].tile);
  return extents;
}

std::vector<std::int64_t> trip_counts(const std::vector<BufferLoop>& loops,
                                      std::vector<std::int64_t> extents) {
  std::vector<std::int64_t> counts;
  for (const auto& loop : loops) {
    counts.push_back(ceil_div(extents[loop.rank], loop.tile));
    extents[loop.rank] = std::min(extents[loop.rank], loop.tile);
  }
  return counts;
}

int change_depth(const StagePlan& plan, const workloads::Operand& operand, int depth,
                 const std::vector<std::int64_t>& nominal) {
  const auto counts = trip_counts(plan.loops, nominal);
  for (int i = depth; i > 0; --i)
    if (counts[i - 1] > 1 && Layer::indexes(operand, plan.loops[i - 1].rank)) return i;
  return 0;
}

}  // namespace tessera::mapping
