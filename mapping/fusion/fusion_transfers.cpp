#include <algorithm>

#include "mapping/dram_order.h"
#include "mapping/fusion/fusion_plan.h"

namespace tessera::mapping {

using workloads::Layer;
using workloads::Network;
using workloads::Operand;

namespace {

/// Dimensions of an operand that the loops around its store move, outermost loop first.
std::vector<int> moved_dimensions(const FusionMember& member, const Operand& operand, int depth) {
  std::vector<int> moved;
  for (int l = 0; l < depth; ++l) {
    const auto& loop = member.loops[l];
    if (loop.rank < 0 || loop.count < 2) continue;
    for (std::size_t d = 0; d < operand.dimensions.size(); ++d)
      if (std::ranges::any_of(operand.dimensions[d].terms,
                              [&](const auto& term) { return term.rank == loop.rank; }) &&
          std::ranges::find(moved, static_cast<int>(d)) == moved.end())
        moved.push_back(static_cast<int>(d));
  }
  return moved;
}

/// Of the first layer, in the order of the schedule, whose loops move the tensor.
std::vector<int> first_moved(const std::vector<Fusion>& fusions, const Network& network,
                             workloads::TensorId tensor) {
  std::vector<int> moved;
  for (const auto& fusion : fusions)
    for (const auto& member : fusion.members) {
      const Layer& layer = network.layers[member.layer];
      if (layer.output.tensor == tensor)
        moved = moved_dimensions(member, layer.output, member.output.depth);
      for (std::size_t i = 0; i < layer.inputs.size() && moved.empty(); ++i)
        if (layer.inputs[i].tensor == tensor)
          moved = moved_dimensions(member, layer.inputs[i], member.inputs[i].depth);
      if (!moved.empty()) return moved;
    }
  return moved;
}

}  // namespace

void copy_everything(Fusion& fusion) {
  for (auto& member : fusion.members) {
    for (auto& input : member.inputs) input.double_buffered = true;
    member.output.double_buffered = true;
    for (auto& copied : member.array.double_buffered) copied = true;
  }
}

std::vector<int> fetch_order(const std::vector<Fusion>& fusions, const Network& network,
                             workloads::TensorId tensor) {
  const auto& stored = network.tensors[tensor];
  if (stored.kind != workloads::TensorKind::kWeight && stored.extents.size() == 4) return {};
  auto order = first_moved(fusions, network, tensor);
  if (order.empty()) return {};
  for (const int dimension : dram_order(stored))
    if (std::ranges::find(order, dimension) == order.end()) order.push_back(dimension);
  return order;
}

}  // namespace tessera::mapping
