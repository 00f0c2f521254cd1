#include "mapping/cost/looptree/data_movement.h"

#include <algorithm>
#include <set>

#include "mapping/cost/looptree/compute_movement.h"
#include "mapping/cost/looptree/store_movement.h"

namespace tessera::mapping::looptree {

namespace {

std::vector<int> tensors_of(const workloads::Layer& layer) {
  std::vector<int> tensors;
  for (const auto& input : layer.inputs) tensors.push_back(input.tensor);
  tensors.push_back(layer.output.tensor);
  return tensors;
}

}  // namespace

LeafMovement movement_of(const FusedTree& tree, const LeafTiles& leaf) {
  const auto& layer = tree.network->layers[leaf.layer];
  LeafMovement result;
  result.layer = leaf.layer;
  for (const auto& outer : leaf.outer) result.operations += outer.operations.size();
  std::set<std::pair<int, int>> done;
  for (std::size_t i = 0; i < leaf.path.size(); ++i) {
    const PathStep& step = leaf.path[i];
    if (step.kind != StepKind::kStore) continue;
    for (const int tensor : step.tensors)
      if (operand_of(layer, tensor) != nullptr && done.emplace(step.level, tensor).second)
        result.movements.push_back(movement_at_store(tree, leaf, i, tensor));
  }
  auto compute = movement_at_compute(tree, leaf);
  result.steps = std::move(compute.steps);
  for (auto& movement : compute.movements) result.movements.push_back(std::move(movement));
  const auto order = tensors_of(layer);
  std::ranges::stable_sort(result.movements, [&](const Movement& a, const Movement& b) {
    if (a.level != b.level) return a.level < b.level;
    return std::ranges::find(order, a.tensor) < std::ranges::find(order, b.tensor);
  });
  return result;
}

}  // namespace tessera::mapping::looptree
