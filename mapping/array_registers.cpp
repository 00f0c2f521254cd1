#include "mapping/array_registers.h"

#include <algorithm>

#include "mapping/stage_plan.h"

namespace tessera::mapping {

std::int64_t register_words(const workloads::Layer& layer, const ArrayMapping& mapping, int operand,
                            std::vector<std::int64_t> extents, hw::SpatialReduction reduction) {
  constexpr int kOutput = 2;
  const auto& moved =
      operand == kOutput ? layer.output : layer.inputs[static_cast<std::size_t>(operand)];
  for (int i = 0; i < mapping.store_depth[operand]; ++i) {
    const auto& loop = mapping.loops[static_cast<std::size_t>(i)];
    extents[loop.rank] = std::min(extents[loop.rank], loop.tile);
  }
  std::int64_t sharing_a_sum = 1;
  const bool tree = operand == kOutput && reduction == hw::SpatialReduction::kTree;
  for (const auto& split : mapping.rows)
    if (tree && layer.ranks[split.rank].reduced) sharing_a_sum *= split.ways;
  for (const auto* axis : {&mapping.rows, &mapping.columns})
    for (const auto& split : *axis) extents[split.rank] = ceil_div(extents[split.rank], split.ways);
  return ceil_div(nominal_elements(moved, extents), sharing_a_sum);
}

}  // namespace tessera::mapping
