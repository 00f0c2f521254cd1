#include "tests/support/fused_tree.h"

#include <algorithm>

namespace tessera::test {

using namespace mapping;

namespace {

Node node_of(NodeKind kind) {
  Node node;
  node.kind = kind;
  return node;
}

Node loop_of(const std::string& rank, std::int64_t tile) {
  Node node = node_of(NodeKind::kLoop);
  node.loop.ranks = {{"", rank}};
  node.loop.tile = tile;
  return node;
}

std::vector<Node> stores_at(const workloads::Network& network, const FusedTree& tree, int depth) {
  std::vector<Node> stores;
  for (const auto& tensor : network.tensors) {
    const auto held = tree.held.find(tensor.name);
    const int own = held == tree.held.end() ? static_cast<int>(tree.loops.size()) : held->second;
    if (own != depth || (held == tree.held.end() && !tree.own_loops.empty())) continue;
    Node store = node_of(NodeKind::kStore);
    store.store.level = "buffer";
    const bool reuse = std::ranges::find(tree.no_reuse, tensor.name) == tree.no_reuse.end();
    const bool twice =
        std::ranges::find(tree.double_buffered, tensor.name) != tree.double_buffered.end();
    store.store.tensors.push_back(
        {.tensor = tensor.name, .double_buffered = twice, .exploits_reuse = reuse});
    stores.push_back(std::move(store));
  }
  return stores;
}

/// Place, split, own loops and own stores of a layer.
std::vector<Node> head_of_branch(const workloads::Network& network, const FusedTree& tree,
                                 int index) {
  const auto& layer = network.layers[index];
  std::vector<Node> path;
  if (tree.organisation != Organisation::kExplicit) {
    path.push_back(node_of(NodeKind::kPlace));
    path.back().place.organisation = tree.organisation;
    path.back().place.depth = static_cast<int>(network.layers.size());
    path.back().place.index = index;
  }
  if (tree.ways > 1 && layer.rank_index(tree.dealt_rank) >= 0) {
    path.push_back(node_of(NodeKind::kSplit));
    path.back().split.ranks = {{"", tree.dealt_rank}};
    path.back().split.ways = tree.ways;
  }
  if (tree.own_loops.empty()) return path;
  for (const auto& loop : tree.own_loops)
    if (layer.rank_index(loop.rank) >= 0) path.push_back(loop_of(loop.rank, loop.tile));
  Node store = node_of(NodeKind::kStore);
  store.store.level = "buffer";
  const auto add = [&](workloads::TensorId tensor) {
    const auto& name = network.tensors[tensor].name;
    if (!tree.held.contains(name)) store.store.tensors.push_back({.tensor = name});
  };
  for (const auto& input : layer.inputs) add(input.tensor);
  add(layer.output.tensor);
  path.push_back(std::move(store));
  return path;
}

}  // namespace

Node chained(std::vector<Node> path) {
  for (std::size_t i = path.size() - 1; i > 0; --i)
    path[i - 1].children.push_back(std::move(path[i]));
  return std::move(path.front());
}

Node plain_branch(const workloads::Layer& layer) {
  std::vector<Node> path;
  if (layer.kind == workloads::LayerKind::kMatrix)
    for (const auto& rank : layer.ranks) path.push_back(loop_of(rank.name, 1));
  Node leaf = node_of(NodeKind::kLayer);
  leaf.layer.layer = layer.name;
  path.push_back(std::move(leaf));
  return chained(std::move(path));
}

Schedule fused_schedule(const workloads::Network& network, const FusedTree& tree) {
  std::vector<Node> path;
  for (const auto& given : tree.splits) {
    Node split = node_of(NodeKind::kSplit);
    split.split.ranks = {{"", given.rank}};
    split.split.ways = given.ways;
    split.split.axis = given.axis;
    path.push_back(std::move(split));
  }
  for (int depth = 0; depth <= static_cast<int>(tree.loops.size()); ++depth) {
    if (depth > 0) path.push_back(loop_of(tree.loops[depth - 1].rank, tree.loops[depth - 1].tile));
    std::ranges::move(stores_at(network, tree, depth), std::back_inserter(path));
  }
  Node sequence = node_of(tree.pipelined ? NodeKind::kPipeline : NodeKind::kSequence);
  for (std::size_t l = 0; l < network.layers.size(); ++l) {
    auto branch = head_of_branch(network, tree, static_cast<int>(l));
    branch.push_back(plain_branch(network.layers[l]));
    sequence.children.push_back(chained(std::move(branch)));
  }
  path.push_back(std::move(sequence));
  Schedule schedule;
  schedule.name = "fused";
  schedule.origin = "fused tree";
  schedule.root = chained(std::move(path));
  return schedule;
}

}  // namespace tessera::test
