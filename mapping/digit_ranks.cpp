#include "mapping/digit_ranks.h"

#include <algorithm>
#include <map>

#include "sim/base/error.h"

namespace tessera::mapping {

using workloads::Layer;
using workloads::RankId;

namespace {

bool over_tiles(const Node& node) {
  return node.kind == NodeKind::kSplit &&
         (node.split.axis == Axis::kMeshX || node.split.axis == Axis::kMeshY ||
          node.split.axis == Axis::kTiles);
}

/// Follows one path of nodes to its layer and rewrites both when it meets a split inside a loop.
class PathInDigits {
 public:
  PathInDigits(Node& top, const std::string& origin, workloads::Network& network)
      : origin_(origin) {
    for (Node* node = &top;; node = &node->children.front()) {
      path_.push_back(node);
      if (node->children.size() != 1) break;
    }
    if (path_.back()->kind != NodeKind::kLayer) return;
    for (auto& layer : network.layers)
      if (layer.name == path_.back()->layer.layer) layer_ = &layer;
  }

  void rewrite() {
    if (layer_ == nullptr) return;
    for (const auto& rank : layer_->ranks) left_[rank.name] = rank.extent;
    for (std::size_t i = 0; i < path_.size(); ++i) {
      Node& node = *path_[i];
      if (node.kind == NodeKind::kLoop && node.loop.ranks.size() == 1) pass_loop(node.loop);
      if (over_tiles(node) && node.split.ranks.size() == 1) pass_split(node.split, i);
    }
  }

 private:
  [[noreturn]] void refuse(const std::string& rank, const std::string& why) const {
    throw UserError(origin_, ": layer ", layer_->name, ": rank ", rank, ": ", why);
  }

  void pass_loop(const LoopNode& loop) {
    const auto& name = loop.ranks[0].rank;
    if (!left_.contains(name)) return;
    if (loop.tile < left_[name]) looped_[name] = true;
    left_[name] = std::min(left_[name], loop.tile);
  }

  void pass_split(SplitNode& split, std::size_t position) {
    const std::string name = split.ranks[0].rank;
    if (!left_.contains(name)) return;
    const std::int64_t tile = left_[name];
    const std::int64_t size =
        split.size > 0 ? split.size : ceil_div<std::int64_t>(tile, split.ways);
    if (looped_[name]) divide(name, tile, size, split, position);
    left_[name] = std::min(tile, size);
  }

  /// The rank keeps what is left inside the split; what is outside becomes digits of their own.
  void divide(const std::string& name, std::int64_t tile, std::int64_t size, SplitNode& split,
              std::size_t position) {
    const RankId rank = layer_->rank_index(name);
    const std::int64_t extent = layer_->ranks[rank].extent;
    if (extent % tile != 0 || tile % size != 0)
      refuse(name,
             detail::concatenate(
                 "a split over tiles inside a loop over it needs equal pieces; the loop leaves ",
                 tile, " of ", extent, ", the split ", size));
    if (tile / size > split.ways)
      refuse(name, detail::concatenate("a split of ", tile / size, " pieces over ", split.ways,
                                       " tiles folds into time"));
    const std::string outer = new_digit(rank, extent / tile, tile);
    const std::string dealt = new_digit(rank, tile / size, size);
    layer_->ranks[rank].extent = size;
    for (std::size_t i = 0; i < position; ++i) {
      if (path_[i]->kind != NodeKind::kLoop || path_[i]->loop.ranks[0].rank != name) continue;
      auto& loop = path_[i]->loop;
      loop.ranks[0].rank = outer;
      if (loop.tile % tile != 0)
        refuse(name,
               detail::concatenate("a loop that leaves ", loop.tile, " around pieces of ", tile));
      loop.tile /= tile;
    }
    split.ranks[0].rank = dealt;
    split.size = 1;
    looped_[name] = false;
    left_[name] = size;
  }

  /// Adds a rank with this weight in every dimension that the rank indexes.
  std::string new_digit(RankId rank, std::int64_t extent, std::int64_t weight) {
    workloads::Rank digit = layer_->ranks[rank];
    digit.name += "/" + std::to_string(layer_->ranks.size());
    digit.extent = extent;
    const auto id = static_cast<RankId>(layer_->ranks.size());
    layer_->ranks.push_back(digit);
    for (auto& input : layer_->inputs) add_term(input, rank, id, weight);
    add_term(layer_->output, rank, id, weight);
    return digit.name;
  }

  static void add_term(workloads::Operand& operand, RankId rank, RankId digit,
                       std::int64_t weight) {
    for (auto& access : operand.dimensions) {
      const auto term = std::ranges::find(access.terms, rank, &workloads::AffineTerm::rank);
      if (term == access.terms.end()) continue;
      const workloads::AffineTerm added{digit, term->coefficient * weight};
      access.terms.insert(term, added);
    }
  }

  const std::string& origin_;
  std::vector<Node*> path_;
  Layer* layer_ = nullptr;
  std::map<std::string, std::int64_t> left_;  ///< extent that the nodes so far leave
  std::map<std::string, bool> looped_;        ///< a loop over the rank stands outside
};

}  // namespace

DigitForm in_digits(const Schedule& schedule, const workloads::Network& network) {
  DigitForm form{schedule, network};
  Node& root = form.schedule.root;
  if (root.kind == NodeKind::kSequence) {
    for (auto& child : root.children) PathInDigits(child, schedule.origin, form.network).rewrite();
  } else {
    PathInDigits(root, schedule.origin, form.network).rewrite();
  }
  return form;
}

}  // namespace tessera::mapping
