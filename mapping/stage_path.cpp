#include "mapping/stage_path.h"

namespace tessera::mapping {

using workloads::Layer;

namespace {

class PathWriter {
 public:
  PathWriter(const Layer& layer, const StagePlan& plan) : layer_(layer), plan_(plan) {}

  Node write() {
    add(NodeKind::kPlace).place.tiles = plan_.tiles;
    for (const auto& split : plan_.partition) add_split(split);
    add_homes();
    for (std::size_t depth = 0; depth <= plan_.loops.size(); ++depth) {
      if (depth > 0) {
        add_loop(plan_.loops[depth - 1].rank, plan_.loops[depth - 1].tile);
        path_.back().loop.rotates = rotated_by(static_cast<int>(depth) - 1);
        path_.back().loop.gives_turn = plan_.turn_depth == static_cast<int>(depth);
        if (path_.back().loop.gives_turn) path_.back().loop.turns_later = plan_.turns_later;
      }
      add_buffer(static_cast<int>(depth));
    }
    if (layer_.kind == workloads::LayerKind::kMatrix) add_array();
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
    for (const int input : given.apart) split.no_multicast.push_back(operand_name(layer_, input));
  }

  /// Shared operand whose pieces a loop passes on.
  std::string rotated_by(int loop) const {
    const auto turns = [&](const Holding& held) {
      return held.shared_by > 1 && loop >= held.turn && loop < held.depth;
    };
    for (std::size_t i = 0; i < plan_.inputs.size(); ++i)
      if (turns(plan_.inputs[i])) return operand_name(layer_, static_cast<int>(i));
    return turns(plan_.output) ? "O" : "";
  }

  void add_array_split(const SpatialSplit& split, Axis axis) {
    add_split({split.rank, 0, static_cast<int>(split.ways), axis});
  }

  void add_loop(workloads::RankId rank, std::int64_t tile) {
    auto& loop = add(NodeKind::kLoop).loop;
    loop.ranks = {{"", layer_.ranks[rank].name}};
    loop.tile = tile;
  }

  void add_homes() {
    auto& store = add(NodeKind::kStore).store;
    store.level = level_of(plan_.output_home);
    store.tensors.push_back(
        {.tensor = "O",
         .double_buffered = plan_.output_twice,
         .places = plan_.ring_places,
         .or_dram = plan_.output_may_leave && plan_.output_home == Home::kTiles});
    StoreNode beside{"tiles", {}, ""};
    if (plan_.output_kept) beside.tensors.push_back({.tensor = "O"});
    for (std::size_t i = 0; i < layer_.inputs.size(); ++i)
      if (plan_.inputs[i].from_tiles)
        beside.tensors.push_back({.tensor = operand_name(layer_, static_cast<int>(i))});
    if (!beside.tensors.empty()) add(NodeKind::kStore).store = std::move(beside);
  }

  static const char* level_of(Home home) {
    return home == Home::kTiles ? "tiles" : home == Home::kShared ? "shared" : "dram";
  }

  /// Inputs that stay in the staging FIFO from so many loops on.
  void add_staging(int depth) {
    StoreNode store;
    store.level = "staging";
    for (std::size_t i = 0; i < layer_.inputs.size(); ++i)
      if (plan_.inputs[i].stays_from == depth)
        store.tensors.push_back({.tensor = operand_name(layer_, static_cast<int>(i))});
    if (!store.tensors.empty()) add(NodeKind::kStore).store = std::move(store);
  }

  /// Operands whose store stands inside exactly so many loops.
  void add_buffer(int depth) {
    add_staging(depth);
    StoreNode store;
    store.level = "buffer";
    const auto stands_here = [&](const Holding& held) {
      return (held.shared_by > 1 ? held.turn : held.depth) == depth && !held.staging;
    };
    for (std::size_t i = 0; i < layer_.inputs.size(); ++i)
      if (stands_here(plan_.inputs[i]))
        store.tensors.push_back({.tensor = operand_name(layer_, static_cast<int>(i)),
                                 .double_buffered = plan_.inputs[i].double_buffered,
                                 .shared_by = plan_.inputs[i].shared_by,
                                 .distribution = Distribution::kMulticast});
    if (stands_here(plan_.output))
      store.tensors.push_back({.tensor = "O",
                               .double_buffered = plan_.output.double_buffered,
                               .shared_by = plan_.output.shared_by,
                               .partial_sums = plan_.sums_in_pieces ? PartialSums::kToOwnerInPieces
                                                                    : PartialSums::kToOwner});
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
    for (std::size_t depth = 0; depth < array.loops.size(); ++depth) {
      add_registers(static_cast<int>(depth));
      add_loop(array.loops[depth].rank, array.loops[depth].tile);
    }
    add_registers(static_cast<int>(array.loops.size()));
    for (const auto& split : array.rows) add_array_split(split, Axis::kArrayY);
    for (const auto& split : array.columns) add_array_split(split, Axis::kArrayX);
    for (const auto& split : array.lanes) add_array_split(split, Axis::kLanes);
  }

  const Layer& layer_;
  const StagePlan& plan_;
  std::vector<Node> path_;
};

}  // namespace

Node stage_path(const Layer& layer, const StagePlan& plan) {
  return PathWriter(layer, plan).write();
}

}  // namespace tessera::mapping
