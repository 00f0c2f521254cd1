#include "tests/support/stage_tree.h"

#include <algorithm>

#include "mapping/array_choice.h"

namespace tessera::test {

using namespace mapping;
using workloads::Layer;
using workloads::LayerKind;
using workloads::Network;

namespace {

class PathBuilder {
 public:
  PathBuilder(const Layer& layer, const StagePlan& plan) : layer_(layer), plan_(plan) {}

  Node build() {
    add(NodeKind::kPlace).place.tiles = plan_.tiles;
    for (const auto& split : plan_.partition) add_split(split);
    auto& home = add(NodeKind::kStore).store;
    home.level = plan_.output_home == Home::kDram    ? "dram"
                 : plan_.output_home == Home::kTiles ? "tiles"
                                                     : "shared";
    home.tensors.push_back({.tensor = "O"});
    for (int depth = 0; depth <= static_cast<int>(plan_.loops.size()); ++depth) {
      if (depth > 0) add_loop(plan_.loops[depth - 1].rank, plan_.loops[depth - 1].tile);
      add_buffer(depth);
    }
    if (layer_.kind == LayerKind::kMatrix) add_array();
    add(NodeKind::kLayer).layer.layer = layer_.name;
    for (std::size_t i = path_.size() - 1; i > 0; --i)
      path_[i - 1].children.push_back(std::move(path_[i]));
    return std::move(path_.front());
  }

 private:
  Node& add(NodeKind kind) {
    path_.emplace_back().kind = kind;
    return path_.back();
  }

  void add_split(const PartitionSplit& given) {
    auto& split = add(NodeKind::kSplit).split;
    split.ranks = {{"", layer_.ranks[given.rank].name}};
    split.size = given.size;
    split.ways = given.ways;
    split.axis = given.axis;
  }

  void add_array_split(const SpatialSplit& split, Axis axis) {
    add_split({split.rank, 0, static_cast<int>(split.ways), axis});
  }

  void add_loop(workloads::RankId rank, std::int64_t tile) {
    auto& loop = add(NodeKind::kLoop).loop;
    loop.ranks = {{"", layer_.ranks[rank].name}};
    loop.tile = tile;
  }

  /// Operands whose store stands inside exactly so many loops.
  void add_buffer(int depth) {
    StoreNode store;
    store.level = "buffer";
    for (std::size_t i = 0; i < layer_.inputs.size(); ++i)
      if (plan_.inputs[i].depth == depth)
        store.tensors.push_back({.tensor = operand_name(layer_, static_cast<int>(i)),
                                 .double_buffered = plan_.inputs[i].double_buffered});
    if (plan_.output.depth == depth)
      store.tensors.push_back({.tensor = "O", .double_buffered = plan_.output.double_buffered});
    if (!store.tensors.empty()) add(NodeKind::kStore).store = std::move(store);
  }

  void add_registers(int depth) {
    StoreNode store;
    store.level = "registers";
    for (int kind = 0; kind < 3; ++kind) {
      if (plan_.array.store_depth[kind] != depth) continue;
      if (kind == 1 && layer_.inputs.size() < 2) continue;
      store.tensors.push_back({.tensor = kind == 2 ? "O" : operand_name(layer_, kind),
                               .double_buffered = plan_.array.double_buffered[kind]});
    }
    if (!store.tensors.empty()) add(NodeKind::kStore).store = std::move(store);
  }

  void add_array() {
    const auto& array = plan_.array;
    for (std::size_t depth = 0; depth <= array.loops.size(); ++depth) {
      if (depth > 0) add_loop(array.loops[depth - 1].rank, array.loops[depth - 1].tile);
      add_registers(static_cast<int>(depth));
    }
    for (const auto& split : array.rows) add_array_split(split, Axis::kArrayY);
    for (const auto& split : array.columns) add_array_split(split, Axis::kArrayX);
    for (const auto& split : array.lanes) add_array_split(split, Axis::kLanes);
  }

  const Layer& layer_;
  const StagePlan& plan_;
  std::vector<Node> path_;
};

}  // namespace

StagePlan plain_plan(const Network& network, workloads::LayerId layer) {
  StagePlan plan;
  plan.layer = layer;
  plan.tiles = {0};
  plan.inputs.resize(network.layers[layer].inputs.size());
  return plan;
}

void choose_array(StagePlan& plan, const Network& network, const hw::Accelerator& accelerator) {
  const Layer& layer = network.layers[plan.layer];
  if (layer.kind != LayerKind::kMatrix) return;
  const auto shares = deal_shares(plan, layer, {accelerator.rows, accelerator.columns});
  const auto extents =
      extents_inside(plan.loops, static_cast<int>(plan.loops.size()), shares.nominal);
  plan.array =
      choose_array_mapping(layer, extents, accelerator.tile.array, accelerator.word_bytes())
          .mapping;
}

Node stage_path(const Network& network, const StagePlan& plan) {
  return PathBuilder(network.layers[plan.layer], plan).build();
}

Schedule schedule_of(const Network& network, const std::vector<StagePlan>& plans) {
  Schedule schedule{"by_hand", "schedule by hand", {}};
  for (const auto& plan : plans) schedule.root.children.push_back(stage_path(network, plan));
  return schedule;
}

}  // namespace tessera::test
