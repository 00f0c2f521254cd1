#include "mapping/cost/timeloop/loop_nest.h"

#include <algorithm>

#include "sim/base/error.h"
#include "sim/base/types.h"

namespace tessera::mapping::timeloop {

namespace {

using importers::TimeloopUnitKind;

class NestBuilder {
 public:
  NestBuilder(const Schedule& schedule, const workloads::Network& network,
              const importers::TimeloopArchitecture& architecture)
      : schedule_(schedule), network_(network), architecture_(architecture) {
    if (network.layers.size() != 1) fail("the model takes networks of one layer");
    nest_.network = &network;
    for (const auto& rank : network.layers.front().ranks)
      left_.push_back({rank.extent, rank.extent});
    for (std::size_t i = 0; i < architecture.units.size(); ++i) add_level(i);
  }

  LoopNest build() {
    const Node* node = &schedule_.root;
    for (; node->kind != NodeKind::kLayer; node = &node->children.front()) {
      if (node->children.size() != 1) fail("the tree branches; the model takes one layer");
      add_node(*node);
    }
    for (std::size_t rank = 0; rank < left_.size(); ++rank)
      if (left_[rank].inside != 1)
        fail("rank '", network_.layers.front().ranks[rank].name, "' has a tile of ",
             left_[rank].inside, " left below all loops; it has to be 1");
    return std::move(nest_);
  }

 private:
  /// Extent of a rank inside the loops so far, in general and in the globally last iteration.
  struct Left {
    std::int64_t inside = 1;
    std::int64_t last = 1;
  };

  template <typename... Parts>
  [[noreturn]] void fail(const Parts&... parts) const {
    throw UserError(schedule_.origin, ": ", parts...);
  }

  void add_level(std::size_t unit) {
    const auto& hardware = architecture_.units[unit];
    if (hardware.kind == TimeloopUnitKind::kCompute) return;
    NestLevel level;
    level.unit = static_cast<int>(unit);
    level.mesh_x = hardware.mesh_x;
    level.mesh_y = hardware.mesh_y;
    level.kept.assign(network_.tensors.size(), false);
    level.no_reuse = level.no_multicast = level.no_neighbour = level.kept;
    nest_.levels.push_back(level);
  }

  void add_node(const Node& node) {
    switch (node.kind) {
      case NodeKind::kStore:
        return add_store(node.store);
      case NodeKind::kLoop:
        return add_loop(node.loop);
      case NodeKind::kSplit:
        return add_split(node.split);
      case NodeKind::kSequence:
      case NodeKind::kPlace:
        return;
      default:
        fail("the model takes loops, splits and stores over one layer");
    }
  }

  void enter(int unit, const std::string& name) {
    if (unit < 0) fail("the architecture has no '", name, "'");
    if (unit < current_) fail("'", name, "' is used outside its place in the architecture");
    current_ = unit;
  }

  NestLevel& level() { return nest_.levels[current_]; }

  void add_store(const StoreNode& store) {
    enter(architecture_.component_index(store.memory), store.memory);
    for (const auto& stored : store.tensors) {
      if (stored.shared_by > 1) fail("shared tensors are not part of the model");
      const std::size_t tensor = tensor_index(stored.tensor);
      level().kept[tensor] = true;
      level().no_reuse[tensor] = !stored.exploits_reuse;
    }
  }

  void add_loop(const LoopNode& loop) {
    if (loop.ranks.size() != 1) fail("a loop over several ranks is not part of the model");
    if ((loop.step != 0 && loop.step != loop.tile) || !loop.rotates.empty())
      fail("steps and rotation are not part of the model");
    if (architecture_.units[current_].kind == TimeloopUnitKind::kFanout)
      fail("a loop stands between the splits of '", architecture_.units[current_].name,
           "' and the next store");
    level().temporal.push_back(next_loop(loop.ranks.front().rank, loop.tile));
  }

  void add_split(const SplitNode& split) {
    if (split.ranks.size() != 1) fail("a split of several ranks is not part of the model");
    if ((split.step != 0 && split.step != split.size) || split.skewed || split.size == 0)
      fail("steps, balanced shares and skew are not part of the model");
    enter(architecture_.fanout_index(split.unit), split.unit);
    NestLoop loop = next_loop(split.ranks.front().rank, split.size);
    if (loop.end > split.ways)
      fail("the split of '", split.ranks.front().rank, "' folds into time; write the loop out");
    loop.end = std::max<std::int64_t>(loop.end, split.ways);
    nest_.imperfect = nest_.imperfect || loop.end != loop.residual;
    loop.on_x = split.axis == Axis::kMeshX || split.axis == Axis::kArrayX;
    level().spatial.push_back(loop);
    for (const auto& name : split.no_multicast) level().no_multicast[tensor_index(name)] = true;
    for (const auto& name : split.no_neighbour) level().no_neighbour[tensor_index(name)] = true;
  }

  /// Iterations follow from what the loops outside left; the last tile may be smaller.
  NestLoop next_loop(const std::string& name, std::int64_t tile) {
    const int rank = network_.layers.front().rank_index(name);
    if (rank < 0) fail("'", name, "' is no rank of the layer");
    if (tile < 1) fail("the tile of '", name, "' has to be at least 1");
    Left& left = left_[rank];
    NestLoop loop{rank, ceil_div(left.inside, tile), ceil_div(left.last, tile), tile, false};
    left = {tile, left.last - (loop.residual - 1) * tile};
    nest_.imperfect = nest_.imperfect || loop.end != loop.residual;
    return loop;
  }

  std::size_t tensor_index(const std::string& name) const {
    const auto found = std::ranges::find(network_.tensors, name, &workloads::Tensor::name);
    if (found == network_.tensors.end()) fail("the layer has no tensor '", name, "'");
    return static_cast<std::size_t>(found - network_.tensors.begin());
  }

  const Schedule& schedule_;
  const workloads::Network& network_;
  const importers::TimeloopArchitecture& architecture_;
  LoopNest nest_;
  std::vector<Left> left_;
  int current_ = 0;
};

}  // namespace

LoopNest loop_nest_of(const Schedule& schedule, const workloads::Network& network,
                      const importers::TimeloopArchitecture& architecture) {
  return NestBuilder(schedule, network, architecture).build();
}

}  // namespace tessera::mapping::timeloop
