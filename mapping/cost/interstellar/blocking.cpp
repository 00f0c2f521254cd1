#include "mapping/cost/interstellar/blocking.h"

#include <algorithm>

#include "sim/base/error.h"
#include "sim/base/types.h"

namespace tessera::mapping::interstellar {

namespace {

class LevelReader {
 public:
  LevelReader(const Schedule& schedule, const workloads::Layer& layer)
      : schedule_(schedule), layer_(layer), left_(layer.extents()) {}

  std::vector<BlockingLevel> read() {
    const Node* node = &schedule_.root;
    while (node->kind != NodeKind::kLayer) {
      take(*node);
      if (node->children.size() != 1) fail("nodes with several children are no blocking");
      node = &node->children.front();
    }
    if (levels_.empty()) fail("there is no store node");
    for (auto& level : levels_) {
      std::reverse(level.loops.begin(), level.loops.end());
      std::reverse(level.axes.begin(), level.axes.end());
    }
    std::reverse(levels_.begin(), levels_.end());
    return std::move(levels_);
  }

 private:
  [[noreturn]] void fail(const std::string& why) const {
    throw UserError(schedule_.origin, ": schedule of layer '", layer_.name,
                    "' for the Interstellar model: ", why);
  }

  void take(const Node& node) {
    switch (node.kind) {
      case NodeKind::kStore:
        levels_.push_back({{}, std::move(axes_)});
        axes_.clear();
        return;
      case NodeKind::kLoop:
        return take_loop(node.loop);
      case NodeKind::kSplit:
        return take_split(node.split);
      default:
        fail("only loops, splits and stores can be read");
    }
  }

  void take_loop(const LoopNode& loop) {
    if (levels_.empty()) fail("a loop above the outermost store");
    if (!axes_.empty()) fail("a loop between a split and the store of its units");
    const int rank = rank_of(loop.ranks);
    if (loop.step != 0 && loop.step != loop.tile)
      fail("a sliding loop over " + layer_.ranks[rank].name);
    const auto trips = loop.count != 0 ? loop.count : ceil_div(left_[rank], loop.tile);
    left_[rank] = loop.tile;
    levels_.back().loops.push_back({rank, trips});
  }

  void take_split(const SplitNode& split) {
    const int rank = rank_of(split.ranks);
    if (split.size < 1 || left_[rank] > split.size * split.ways)
      fail("a split of " + layer_.ranks[rank].name + " that folds into time");
    left_[rank] = split.size;
    const Factor factor{rank, split.ways};
    if (!axes_.empty() && split.axis == last_axis_ && !axes_.back().repeats) {
      axes_.back() = {factor, axes_.back().near, true};
    } else {
      axes_.push_back({factor, {rank, 1}, false});
    }
    last_axis_ = split.axis;
  }

  int rank_of(const std::vector<RankReference>& ranks) const {
    if (ranks.size() != 1 || !ranks.front().of_tensor.empty())
      fail("fused ranks and input rows cannot be read");
    const int rank = layer_.rank_index(ranks.front().rank);
    if (rank < 0) fail("no rank '" + ranks.front().rank + "' in the layer");
    return rank;
  }

  const Schedule& schedule_;
  const workloads::Layer& layer_;
  std::vector<std::int64_t> left_;
  std::vector<ArrayAxis> axes_;
  Axis last_axis_ = Axis::kTiles;
  std::vector<BlockingLevel> levels_;
};

}  // namespace

std::vector<BlockingLevel> blocking_levels(const Schedule& schedule,
                                           const workloads::Layer& layer) {
  return LevelReader(schedule, layer).read();
}

}  // namespace tessera::mapping::interstellar
