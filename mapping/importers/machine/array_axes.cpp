#include "mapping/importers/machine/array_axes.h"

#include <algorithm>
#include <map>
#include <set>

#include "sim/base/error.h"

namespace tessera::mapping::importers {

namespace {

template <typename NodeType, typename Visit>
void for_each_node(NodeType& node, const Visit& visit) {
  visit(node);
  for (auto& child : node.children) for_each_node(child, visit);
}

bool on_array(const Node& node) {
  return node.kind == NodeKind::kSplit &&
         (node.split.axis == Axis::kArrayX || node.split.axis == Axis::kArrayY);
}

bool is_reduced(const RankReference& reference, const workloads::Network& network) {
  for (const auto& layer : network.layers)
    if (const int rank = layer.rank_index(reference.rank); rank >= 0 && layer.ranks[rank].reduced)
      return true;
  return false;
}

bool adds(const Node& node, const workloads::Network& network) {
  return on_array(node) && node.split.ways > 1 &&
         std::ranges::any_of(node.split.ranks,
                             [&](const auto& rank) { return is_reduced(rank, network); });
}

/// One layer's path from the root to its leaf.
class Diagonals {
 public:
  Diagonals(const Schedule& schedule, const workloads::Layer& layer)
      : origin_(schedule.origin), layer_(layer) {
    for (const auto& rank : layer.ranks) left_[rank.name] = rank.extent;
  }

  void settle(Node& node) {
    if (node.kind == NodeKind::kSplit) settle_split(node.split);
    if (node.kind == NodeKind::kLoop) settle_loop(node.loop);
    for (auto& child : node.children) settle(child);
  }

 private:
  void settle_split(SplitNode& split) {
    if (split.ranks.size() > 1) split.ranks = {filter_rank(split)};
    for (auto& rank : split.ranks) settle_rank(rank, split.size, split.step);
  }

  void settle_loop(LoopNode& loop) {
    for (auto& rank : loop.ranks) settle_rank(rank, loop.tile, loop.step);
  }

  void settle_rank(RankReference& rank, std::int64_t& size, std::int64_t& step) {
    if (is_one_output(rank, size)) {
      rank.of_tensor.clear();
      size = 1;
      step = 0;
    }
    note(rank, size);
  }

  /// Input rows or columns of the one output that is left, whatever the step to the next would be.
  bool is_one_output(const RankReference& rank, std::int64_t size) const {
    if (rank.of_tensor.empty()) return false;
    if (settled_.contains(rank.rank)) return true;
    const int window = layer_.rank_index(window_of(rank.rank));
    return left_.at(rank.rank) == 1 && window >= 0 && size >= layer_.ranks[window].extent;
  }

  void note(const RankReference& rank, std::int64_t size) {
    if (size == 0) return;
    auto& left = left_[rank.rank];
    left = std::min(left, rank.of_tensor.empty() ? size : outputs_of(rank.rank, size));
  }

  /// Outputs that this many rows or columns of the input make.
  std::int64_t outputs_of(const std::string& rank, std::int64_t inputs) const {
    const int id = layer_.rank_index(rank);
    for (const auto& access : layer_.inputs.front().dimensions)
      if (access.terms.size() == 2 && access.terms.front().rank == id) {
        const auto window = layer_.ranks[access.terms.back().rank].extent;
        if (inputs < window) return 1;
        return (inputs - window) / access.terms.front().coefficient + 1;
      }
    return inputs;
  }

  /// The rank whose split a diagonal of two is.
  RankReference filter_rank(const SplitNode& split) {
    const auto& slides =
        split.ranks.front().of_tensor.empty() ? split.ranks.back() : split.ranks.front();
    const auto& filter =
        split.ranks.front().of_tensor.empty() ? split.ranks.front() : split.ranks.back();
    if (split.ways == 1 && left_[slides.rank] <= split.size && left_[filter.rank] <= split.size)
      return filter;
    const bool row_by_row = split.size == 1 && split.step <= 1;
    if (split.ranks.size() != 2 || slides.of_tensor.empty() || !filter.of_tensor.empty() ||
        !row_by_row || window_of(slides.rank) != filter.rank)
      refuse(split, "only a filter's rows with the input's, one by one, do");
    if (left_[slides.rank] != 1)
      refuse(split, detail::concatenate("the units have ", left_[slides.rank], " outputs along ",
                                        slides.rank, " between them; one works"));
    if (split.ways < left_[filter.rank])
      refuse(split, detail::concatenate(split.ways, " units for ", left_[filter.rank],
                                        " rows of the filter"));
    settled_.insert(slides.rank);
    return filter;
  }

  std::string window_of(const std::string& rank) const {
    const int id = layer_.rank_index(rank);
    for (const auto& access : layer_.inputs.front().dimensions)
      if (access.terms.size() == 2 && access.terms.front().rank == id)
        return layer_.ranks[access.terms.back().rank].name;
    return {};
  }

  [[noreturn]] void refuse(const SplitNode& split, const std::string& why) const {
    std::string names;
    for (const auto& rank : split.ranks) names += (names.empty() ? "" : ", ") + rank.rank;
    throw UserError(origin_, ": layer ", layer_.name, ": ranks ", names,
                    " advance together over one axis of the array: ", why);
  }

  const std::string& origin_;
  const workloads::Layer& layer_;
  std::map<std::string, std::int64_t> left_;
  std::set<std::string> settled_;  ///< ranks that a diagonal has reduced to one output
};

/// Two split nodes, the second of which advances with the first, as one node with two ranks.
void join_joint_splits(Node& node) {
  while (node.kind == NodeKind::kSplit && node.children.size() == 1 &&
         node.children.front().kind == NodeKind::kSplit && node.children.front().split.joint) {
    auto& below = node.children.front();
    if (below.split.size != node.split.size) return;
    node.split.ranks.insert(node.split.ranks.end(), below.split.ranks.begin(),
                            below.split.ranks.end());
    auto rest = std::move(below.children);
    node.children = std::move(rest);
  }
  for (auto& child : node.children) join_joint_splits(child);
}

const workloads::Layer* leaf_layer(const Node& node, const workloads::Network& network) {
  const Node* at = &node;
  while (!at->children.empty()) at = &at->children.front();
  for (const auto& layer : network.layers)
    if (layer.name == at->layer.layer) return &layer;
  return nullptr;
}

}  // namespace

std::int64_t array_ways(const Schedule& schedule, Axis axis) {
  std::int64_t ways = 1;
  for_each_node(schedule.root, [&](const Node& node) {
    if (node.kind == NodeKind::kSplit && node.split.axis == axis && !node.split.joint)
      ways *= node.split.ways;
  });
  return ways;
}

SumAxes sums_to_rows(Schedule& schedule, const workloads::Network& network) {
  bool along_rows = false, along_columns = false;
  for_each_node(schedule.root, [&](const Node& node) {
    if (!adds(node, network)) return;
    (node.split.axis == Axis::kArrayX ? along_columns : along_rows) = true;
  });
  if (!along_columns) return SumAxes::kAsWritten;
  for_each_node(schedule.root, [&](Node& node) {
    if (!on_array(node)) return;
    if (!along_rows)
      node.split.axis = node.split.axis == Axis::kArrayX ? Axis::kArrayY : Axis::kArrayX;
    else if (adds(node, network))
      node.split.axis = Axis::kArrayY;
  });
  return along_rows ? SumAxes::kFolded : SumAxes::kTurned;
}

void settle_diagonals(Schedule& schedule, const workloads::Network& network) {
  const auto* layer = leaf_layer(schedule.root, network);
  if (layer == nullptr) return;
  join_joint_splits(schedule.root);
  Diagonals(schedule, *layer).settle(schedule.root);
}

}  // namespace tessera::mapping::importers
