#include "mapping/tangram/forwarding.h"

#include <algorithm>

#include "mapping/lowering.h"
#include "mapping/stage_plan.h"
#include "sim/base/error.h"

namespace tessera::mapping {

using workloads::Layer;
using workloads::Network;

namespace {

bool over_tiles(Axis axis) {
  return axis == Axis::kTiles || axis == Axis::kMeshX || axis == Axis::kMeshY;
}

const Layer& leaf_of(const Node& node, const Network& network) {
  const Node* leaf = &node;
  while (leaf->kind != NodeKind::kLayer) leaf = &leaf->children.front();
  return *std::ranges::find(network.layers, leaf->layer.layer, &Layer::name);
}

/// Two images through one weight.
Network probe_network() {
  Network network;
  network.name = "probe";
  network.batch = 2;
  network.tensors = {{"in", workloads::TensorKind::kInput, {2, 1}},
                     {"weight", workloads::TensorKind::kWeight, {1, 1}},
                     {"out", workloads::TensorKind::kOutput, {2, 1}}};
  Layer layer;
  layer.name = "probe";
  layer.ranks = {{"N", 2}, {"K", 1}, {"C", 1, true}};
  const auto along = [](int rank, std::int64_t extent) {
    return workloads::DimensionAccess{{{rank, 1}}, 0, 0, extent};
  };
  layer.inputs = {{0, workloads::OperandRole::kInput, {along(0, 2), along(2, 1)}},
                  {1, workloads::OperandRole::kWeight, {along(1, 1), along(2, 1)}}};
  layer.output = {2, workloads::OperandRole::kOutput, {along(0, 2), along(1, 1)}};
  network.layers.push_back(std::move(layer));
  return network;
}

Schedule probe_schedule() {
  Schedule schedule{"probe", "probe", {}};
  Node leaf, store, split;
  leaf.kind = NodeKind::kLayer;
  leaf.layer.layer = "probe";
  store.kind = NodeKind::kStore;
  store.store.level = "buffer";
  for (const char* tensor : {"W", "I0", "O"}) store.store.tensors.push_back({.tensor = tensor});
  store.children.push_back(std::move(leaf));
  split.kind = NodeKind::kSplit;
  split.split.ranks = {{"", "N"}};
  split.split.ways = 2;
  split.split.no_multicast = {"W"};
  split.children.push_back(std::move(store));
  schedule.root.children.push_back(std::move(split));
  return schedule;
}

}  // namespace

void send_apart(Node& node, const Network& network) {
  if (node.kind == NodeKind::kSplit && over_tiles(node.split.axis)) {
    const Layer& layer = leaf_of(node, network);
    node.split.no_multicast.clear();
    for (std::size_t i = 0; i < layer.inputs.size(); ++i)
      node.split.no_multicast.push_back(operand_name(layer, static_cast<int>(i)));
  }
  if (node.kind == NodeKind::kStore)
    for (auto& tensor : node.store.tensors) tensor.distribution = Distribution::kUnicast;
  for (auto& child : node.children) send_apart(child, network);
}

bool lowers_apart(const hw::Accelerator& accelerator) {
  if (accelerator.tiles() < 2) return true;  // nobody to share with
  const auto program = lower(probe_schedule(), probe_network(), accelerator);
  return std::ranges::all_of(program.stages.front().groups,
                             [](const auto& group) { return group.members.size() == 1; });
}

Schedule schedule_apart(const Network& network, const hw::Accelerator& accelerator,
                        MachineRates rates) {
  if (!lowers_apart(accelerator))
    throw UserError(
        "--tangram-forwarding off: lowering sends tiles that want the same data one copy that "
        "forks on its way, whatever the tree says; allowed: on");
  rates.multicast = false;
  Schedule schedule = schedule_layerwise(network, accelerator, rates);
  for (auto& top : schedule.root.children) send_apart(top, network);
  return schedule;
}

}  // namespace tessera::mapping
