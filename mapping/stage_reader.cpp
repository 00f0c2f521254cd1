#include "mapping/stage_reader.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include "sim/base/error.h"
#include "sim/base/names.h"

namespace tessera::mapping {

using workloads::Layer;
using workloads::Network;

namespace {

/// Collects the nodes of one path from a stage's top to its leaf.
class StageReader {
 public:
  StageReader(const Schedule& schedule, const Network& network, TileGrid grid)
      : schedule_(schedule), network_(network), grid_(grid) {
    plan_.layer = -1;
  }

  StagePlan read(const Node& top) {
    std::vector<const Node*> path;
    for (const Node* node = &top;; node = &node->children.front()) {
      path.push_back(node);
      if (node->kind == NodeKind::kLayer) break;
      if (node->children.size() != 1)
        refuse("a stage is one path of nodes down to its layer; sequence and pipeline below it");
    }
    plan_.layer = find_layer(path.back()->layer.layer);
    plan_.inputs.resize(layer().inputs.size());
    find_bypassing(path);
    for (const Node* node : path) visit(*node);
    finish();
    return std::move(plan_);
  }

 private:
  const Layer& layer() const { return network_.layers[plan_.layer]; }

  [[noreturn]] void refuse(const std::string& why) const {
    throw UserError(schedule_.origin, ": ", plan_.layer < 0 ? "" : "layer " + layer().name + ": ",
                    why);
  }

  workloads::LayerId find_layer(const std::string& name) const {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < network_.layers.size(); ++i) {
      if (network_.layers[i].name == name) return static_cast<workloads::LayerId>(i);
      names.push_back(network_.layers[i].name);
    }
    throw UserError(schedule_.origin, ": no layer '", name, "' in network ", network_.name, "; ",
                    suggest(name, names));
  }

  workloads::RankId rank(const std::vector<RankReference>& ranks) const {
    if (ranks.size() != 1) refuse("fused ranks in a layer-by-layer stage");
    if (!ranks[0].of_tensor.empty())
      refuse("range of " + ranks[0].of_tensor + "'s rows or columns that is no range of outputs");
    const int id = layer().rank_index(ranks[0].rank);
    if (id < 0) {
      std::vector<std::string> names;
      for (const auto& known : layer().ranks) names.push_back(known.name);
      refuse("no rank '" + ranks[0].rank + "'; it has " + join(names));
    }
    return id;
  }

  /// Operands of a matrix layer that no store names at level buffer bypass it.
  void find_bypassing(const std::vector<const Node*>& path) {
    held_.assign(layer().inputs.size() + 1, layer().kind == workloads::LayerKind::kMatrix);
    for (const Node* node : path)
      if (node->kind == NodeKind::kStore && node->store.level == "buffer")
        for (const auto& tensor : node->store.tensors)
          held_[place_of(operand(tensor.tensor))] = false;
    for (std::size_t i = 0; i < plan_.inputs.size(); ++i) plan_.inputs[i].staging = held_[i];
    plan_.output.staging = held_.back();
  }

  std::size_t place_of(int operand) const {
    return operand < 0 ? held_.size() - 1 : static_cast<std::size_t>(operand);
  }

  void visit(const Node& node) {
    switch (node.kind) {
      case NodeKind::kPlace:
        return visit_place(node.place);
      case NodeKind::kSplit:
        return visit_split(node.split);
      case NodeKind::kLoop:
        return visit_loop(node.loop);
      case NodeKind::kStore:
        return visit_store(node.store);
      case NodeKind::kLayer:
        return;
      default:
        refuse("sequence or pipeline inside a stage");
    }
  }

  void visit_place(const PlaceNode& place) {
    if (place.organisation != Organisation::kExplicit) refuse("an organisation needs a pipeline");
    for (const int tile : place.tiles)
      if (tile < 0 || tile >= grid_.rows * grid_.columns)
        refuse(detail::concatenate("tile ", tile, " outside 0..", grid_.rows * grid_.columns - 1));
    plan_.tiles = place.tiles;
  }

  void visit_split(const SplitNode& split) {
    if (split.ways < 1) refuse("a split needs at least one way");
    if (split.joint)
      refuse("split of " + split.ranks.front().rank +
             " that advances with the one above it (joint)");
    if (split.skewed) refuse("skewed split in a layer-by-layer stage");
    const auto id = rank(split.ranks);
    if (split.axis == Axis::kArrayY || split.axis == Axis::kArrayX || split.axis == Axis::kLanes)
      return visit_array_split(split, id);
    if (std::ranges::any_of(plan_.loops, [&](const BufferLoop& loop) { return loop.rank == id; }))
      refuse("split over tiles of rank " + layer().ranks[id].name + " inside a loop over it");
    if (split.step != 0 && split.step != split.size) refuse("overlapping split over tiles");
    plan_.partition.push_back({id, split.size, split.ways, split.axis, apart(split)});
  }

  std::vector<int> apart(const SplitNode& split) const {
    std::vector<int> inputs;
    for (const auto& tensor : split.no_multicast)
      if (const int input = operand(tensor); input >= 0) inputs.push_back(input);
    return inputs;
  }

  /// The array deals neighbouring indices to neighbouring PEs, so extents inside the array count
  /// those of all PEs: loops below a split are longer by its ways, and a split of fewer PEs than
  /// parts folds into a loop.
  void visit_array_split(const SplitNode& split, workloads::RankId rank) {
    auto& axis = split.axis == Axis::kArrayY   ? plan_.array.rows
                 : split.axis == Axis::kArrayX ? plan_.array.columns
                                               : plan_.array.lanes;
    if (split.joint) refuse("two ranks that advance together over one axis of the array");
    if (split.step != 0 && split.step != split.size) refuse("overlapping split over the array");
    const std::int64_t before = side_by_side(rank);
    axis.push_back({rank, split.ways});
    if (split.size == 0) return;
    sized_splits_ = true;
    const std::int64_t reach = split.size * split.ways * before;
    if (remaining(rank) > reach) plan_.array.loops.push_back({rank, reach});
  }

  std::int64_t side_by_side(workloads::RankId rank) const {
    std::int64_t ways = 1;
    for (const auto* axis : {&plan_.array.rows, &plan_.array.columns, &plan_.array.lanes})
      for (const auto& split : *axis)
        if (split.rank == rank) ways *= split.ways;
    return ways;
  }

  /// Extent that the splits and loops so far have left.
  std::int64_t remaining(workloads::RankId rank) const {
    std::int64_t extent = layer().ranks[rank].extent;
    for (const auto& split : plan_.partition)
      if (split.rank == rank)
        extent = split.size > 0 ? std::min(extent, split.size)
                                : ceil_div<std::int64_t>(extent, split.ways);
    for (const auto& loop : plan_.loops)
      if (loop.rank == rank) extent = std::min(extent, loop.tile);
    for (const auto& loop : plan_.array.loops)
      if (loop.rank == rank) extent = std::min(extent, loop.tile);
    return extent;
  }

  void visit_loop(const LoopNode& loop) {
    if (loop.tile < 1) refuse("loop tile must be positive");
    if (loop.step != 0 && loop.step != loop.tile) refuse("sliding loop in a layer-by-layer stage");
    const auto id = rank(loop.ranks);
    if (!loop.rotates.empty()) return visit_rotation(loop, id);
    if (rotation_ == Rotation::kTurning) rotation_ = Rotation::kNone;
    // Surplus iterations are padding and do nothing.
    if (loop.count > 0 &&
        loop.count * loop.tile * (all_held() ? side_by_side(id) : 1) < remaining(id))
      refuse(detail::concatenate("loop over ", layer().ranks[id].name, ": ", loop.count,
                                 " iterations of ", loop.tile, " do not cover the ", remaining(id),
                                 " that are left"));
    if (all_held() && rotation_ == Rotation::kNone)
      plan_.array.loops.push_back({id, loop.tile * side_by_side(id)});
    else
      plan_.loops.push_back({id, loop.tile});
    if (loop.gives_turn) note_turn(loop.turns_later);
  }

  void note_turn(int later) {
    if (later < 0) refuse("a layer computes a number of turns later that is negative");
    if (plan_.turn_depth > 0) refuse("two loops that give the layer's turn away");
    if (all_held()) refuse("a loop of the array gives the layer's turn away; a tile's loop can");
    plan_.turn_depth = static_cast<int>(plan_.loops.size());
    plan_.turns_later = later;
  }

  /// The first of the loops that rotate an operand deals its trips to the tiles; those that follow
  /// it directly cut the pieces.
  void visit_rotation(const LoopNode& loop, workloads::RankId id) {
    const int shared = operand(loop.rotates);
    if (rotation_ == Rotation::kNone || shared != shared_)
      refuse("loop " + loop.ranks.front().rank + " rotates " + loop.rotates +
             ", which no store further out shares");
    if (shared < 0 && layer().ranks[id].reduced)
      refuse("loop " + loop.ranks.front().rank + " rotates O, which it does not index");
    Holding& holding = shared < 0 ? plan_.output : plan_.inputs[static_cast<std::size_t>(shared)];
    const bool first = rotation_ == Rotation::kWaiting;
    if (first) holding.turn = static_cast<int>(plan_.loops.size());
    plan_.loops.push_back({id, loop.tile, first});
    holding.depth = static_cast<int>(plan_.loops.size());
    rotation_ = Rotation::kTurning;
  }

  void note_shared(const StoredTensor& tensor, int operand, Holding& holding) {
    if (shared_) refuse("two operands in shared buffers");
    if (operand < 0 && layer().kind != workloads::LayerKind::kMatrix)
      refuse("shared buffers hold outputs of layers with partial sums");
    shared_ = operand;
    rotation_ = Rotation::kWaiting;
    holding.shared_by = tensor.shared_by;
  }

  bool all_held() const {
    return std::ranges::all_of(held_, [](bool held) { return held; });
  }

  /// -1 for the output.
  int operand(const std::string& name) const {
    if (name == "O") return -1;
    std::vector<std::string> names = {"O"};
    for (int i = 0; i < static_cast<int>(layer().inputs.size()); ++i) {
      if (operand_name(layer(), i) == name) return i;
      if (network_.tensors[layer().inputs[i].tensor].name == name) return i;
      names.push_back(operand_name(layer(), i));
    }
    if (network_.tensors[layer().output.tensor].name == name) return -1;
    refuse("no tensor '" + name + "'; it has " + join(names));
  }

  static std::optional<Home> home_of(const std::string& level) {
    if (level == "dram") return Home::kDram;
    if (level == "shared") return Home::kShared;
    if (level == "tiles") return Home::kTiles;
    return std::nullopt;
  }

  /// At "dram" and "tiles" an output is in both.
  void note_home(const StoredTensor& tensor, int operand, Home home) {
    if (operand >= 0) {
      if (tensor.or_dram)
        refuse("tensor " + tensor.tensor + " has or_dram and is an input; outputs can leave");
      plan_.inputs[static_cast<std::size_t>(operand)].from_tiles = home == Home::kTiles;
      return;
    }
    plan_.output_twice |= home == Home::kTiles && tensor.double_buffered;
    if (has_home_ && plan_.output_home != home) {
      if (plan_.output_home == Home::kShared || home == Home::kShared)
        refuse("its output is stored in shared buffers and elsewhere; dram and tiles can both be");
      plan_.output_kept = true;
      home = Home::kDram;
    }
    plan_.output_home = home;
    plan_.output_may_leave = home == Home::kTiles && tensor.or_dram;
    plan_.ring_places = tensor.places;
    has_home_ = true;
  }

  void note_kept(const StoredTensor& tensor, int operand, const std::string& level) {
    if (tensor.kept_from.empty()) return;
    if (operand < 0 || (level != "buffer" && level != "staging"))
      refuse("tensor " + tensor.tensor + " at level " + level +
             " is kept from another layer; inputs at levels buffer and staging can be");
    plan_.inputs[static_cast<std::size_t>(operand)].kept_from = find_layer(tensor.kept_from);
  }

  Holding& holding_of(int operand) {
    return operand < 0 ? plan_.output : plan_.inputs[static_cast<std::size_t>(operand)];
  }

  void visit_store(const StoreNode& store) {
    for (const auto& tensor : store.tensors) {
      const int index = operand(tensor.tensor);
      if (tensor.shared_by > 1 && store.level != "buffer")
        refuse("tensor " + tensor.tensor + " is shared at level " + store.level +
               "; tile buffers are");
      note_kept(tensor, index, store.level);
      if (const auto home = home_of(store.level))
        note_home(tensor, index, *home);
      else if (store.level == "buffer")
        hold_in_buffer(tensor, index);
      else if (store.level == "staging")
        require_bypassing(tensor, index);
      else if (store.level == "registers")
        hold_in_registers(tensor, index);
      else if (store.level != "group")  // wires between groups of PEs, no memory
        refuse("unknown level '" + store.level +
               "'; known: dram, shared, tiles, staging, buffer, group, registers");
    }
  }

  void hold_in_buffer(const StoredTensor& tensor, int index) {
    if (held_[place_of(index)])
      refuse("tensor " + tensor.tensor + " is stored at two levels of buffers");
    Holding& holding = holding_of(index);
    holding.depth = static_cast<int>(plan_.loops.size());
    holding.double_buffered = tensor.double_buffered;
    held_[place_of(index)] = true;
    if (tensor.shared_by > 1) note_shared(tensor, index, holding);
    if (index < 0) plan_.sums_in_pieces = tensor.partial_sums == PartialSums::kToOwnerInPieces;
  }

  void require_bypassing(const StoredTensor& tensor, int index) {
    if (!holding_of(index).staging)
      refuse(
          "tensor " + tensor.tensor +
          " passes the staging FIFO only when no store holds it in the buffer of a matrix layer");
    if (index >= 0 && tensor.kept_from.empty())
      holding_of(index).stays_from = static_cast<int>(plan_.loops.size());
  }

  void hold_in_registers(const StoredTensor& tensor, int index) {
    const int kind = index < 0 ? 2 : index;
    if (index > 1) refuse("registers hold two inputs and the output");
    if (in_registers_[kind])
      refuse("tensor " + tensor.tensor + " is stored at two levels of registers");
    plan_.array.store_depth[kind] = static_cast<int>(plan_.array.loops.size());
    plan_.array.double_buffered[kind] = tensor.double_buffered;
    in_registers_[kind] = true;
  }

  void finish() {
    if (rotation_ == Rotation::kWaiting) refuse("a shared buffer whose pieces no loop rotates");
    if (plan_.ring_places > 0 && plan_.output.shared_by > 1)
      refuse(detail::concatenate("shared outputs of which ", plan_.ring_places,
                                 " pieces stay at once; allowed: all of them"));
    if (!all_held()) refuse("every operand needs a store at level buffer");
    for (int kind = 0; kind < 3; ++kind)
      if (!in_registers_[kind])
        plan_.array.store_depth[kind] = static_cast<int>(plan_.array.loops.size());
    complete_array_nest();
    if (in_registers_[0] || in_registers_[1] || in_registers_[2])
      for (const int kind : {0, 1}) plan_.array.streamed[kind] = !in_registers_[kind];
    if (plan_.tiles.empty()) {
      plan_.tiles.resize(static_cast<std::size_t>(grid_.rows) * grid_.columns);
      std::iota(plan_.tiles.begin(), plan_.tiles.end(), 0);
    }
  }

  /// A tile that loops and splits leave to a PE is worked off there, one multiply-accumulate after
  /// the other.
  void complete_array_nest() {
    if (!sized_splits_) return;
    for (const bool reduced : {false, true})
      for (workloads::RankId rank = 0; rank < static_cast<int>(layer().ranks.size()); ++rank)
        if (layer().ranks[rank].reduced == reduced && remaining(rank) > side_by_side(rank))
          plan_.array.loops.push_back({rank, side_by_side(rank)});
  }

  const Schedule& schedule_;
  const Network& network_;
  TileGrid grid_;
  StagePlan plan_;
  std::vector<bool> held_;
  bool in_registers_[3] = {};
  bool has_home_ = false;
  /// The loops that rotate a shared operand follow its store; until then all loops are the tile's.
  enum class Rotation { kNone, kWaiting, kTurning };
  Rotation rotation_ = Rotation::kNone;
  std::optional<int> shared_;  ///< operand, -1: the output
  bool sized_splits_ = false;  ///< tiles of PEs have sizes, as in other tools' trees
};

}  // namespace

std::vector<const Node*> tops_of(const Schedule& schedule) {
  std::vector<const Node*> tops;
  if (schedule.root.kind == NodeKind::kSequence)
    for (const auto& child : schedule.root.children) tops.push_back(&child);
  else
    tops.push_back(&schedule.root);
  return tops;
}

bool gives_turns(const Node& top) {
  const auto has_turn = [](const Node& child) {
    const Node* node = &child;
    while (!(node->kind == NodeKind::kLoop && node->loop.gives_turn)) {
      if (node->children.size() != 1) return false;
      node = &node->children.front();
    }
    return true;
  };
  return top.kind == NodeKind::kSequence && std::ranges::any_of(top.children, has_turn);
}

bool has_whole_stages(const Node& top) {
  const auto has_home = [](const Node& branch) {
    const Node* node = &branch;
    while (node->kind != NodeKind::kStore ||
           (node->store.level != "dram" && node->store.level != "tiles")) {
      if (node->children.size() != 1) return false;
      node = &node->children.front();
    }
    return true;
  };
  return top.kind == NodeKind::kPipeline && std::ranges::all_of(top.children, has_home);
}

StagePlan read_stage(const Node& top, const Schedule& schedule, const Network& network,
                     TileGrid grid) {
  return StageReader(schedule, network, grid).read(top);
}

void check_scheduled(const std::vector<workloads::LayerId>& layers, const std::string& origin,
                     const Network& network) {
  std::vector<bool> seen(network.layers.size(), false);
  for (const auto layer : layers) {
    if (seen[layer])
      throw UserError(origin, ": layer ", network.layers[layer].name, " is scheduled twice");
    seen[layer] = true;
  }
  for (std::size_t i = 0; i < seen.size(); ++i)
    if (!seen[i]) throw UserError(origin, ": layer ", network.layers[i].name, " is not scheduled");
}

std::vector<StagePlan> read_stages(const Schedule& schedule, const Network& network,
                                   TileGrid grid) {
  std::vector<StagePlan> plans;
  std::vector<workloads::LayerId> layers;
  for (const Node* top : tops_of(schedule)) {
    plans.push_back(read_stage(*top, schedule, network, grid));
    layers.push_back(plans.back().layer);
  }
  check_scheduled(layers, schedule.origin, network);
  return plans;
}

}  // namespace tessera::mapping
