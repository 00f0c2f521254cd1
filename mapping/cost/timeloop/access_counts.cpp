#include "mapping/cost/timeloop/access_counts.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

namespace tessera::mapping::timeloop {

namespace {

/// One tensor through all levels, outermost first.
class TensorLevels {
 public:
  TensorLevels(const LoopNest& nest, const DataMovement& movement, std::size_t tensor)
      : nest_(nest), movement_(movement), tensor_(tensor) {
    for (const auto& level : movement.levels) {
      const auto& moved = level.tensors[tensor];
      levels_.push_back(
          {moved.tile_words, 0, total(moved.delivered), 0, 0, moved.passed_on, moved.delivered});
    }
    share_tensor();
    share_parents();
    bypass();
    drop_outermost_bypassed();
    count_passed_on();
  }

  AccessCounts counts(std::size_t level) const {
    const Level& at = levels_[level];
    if (at.tile_words == 0) return {};
    AccessCounts counts;
    counts.tile_words = at.tile_words;
    const double peers = at.peer_words;
    if (!is_output()) {
      counts.reads = std::llround(at.content + peers);
      counts.fills = is_outermost(level) ? 0 : static_cast<std::int64_t>(at.from_parent + peers);
      return counts;
    }
    const auto own = static_cast<double>(at.partition_words);
    counts.updates = std::llround(at.content);
    counts.reads = counts.temporal_reductions = std::llround(at.content + peers - own);
    counts.fills = std::llround(at.from_parent + peers - (is_outermost(level) ? 0.0 : own));
    return counts;
  }

  LinkCounts link(std::size_t level) const {
    LinkCounts link;
    link.fanout = movement_.levels[level].fanout;
    link.delivered = levels_[level].delivered;
    std::ranges::sort(link.delivered, {}, [](const DeliveredWords& entry) {
      return std::pair(entry.multicast, entry.scatter);
    });
    link.passed_on = levels_[level].passed_on;
    link.ingresses = total(link.delivered);
    if (is_output())
      for (const auto& entry : link.delivered)
        link.spatial_reductions += entry.words * static_cast<double>(entry.multicast - 1);
    return link;
  }

 private:
  struct Level {
    std::int64_t tile_words = 0;  ///< zero once bypassed
    std::int64_t partition_words = 0;
    double content = 0;      ///< accesses to the level's own storage
    double from_parent = 0;  ///< words the parent sends to this instance
    double peer_words = 0;
    std::int64_t passed_on = 0;  ///< between this level's children
    std::vector<DeliveredWords> delivered;
  };

  static double total(const std::vector<DeliveredWords>& delivered) {
    double words = 0;
    for (const auto& entry : delivered) words += entry.words;
    return words;
  }

  static double received(const std::vector<DeliveredWords>& delivered) {
    double words = 0;
    for (const auto& entry : delivered) words += entry.words * static_cast<double>(entry.multicast);
    return words;
  }

  bool is_output() const { return nest_.layer().output.tensor == static_cast<int>(tensor_); }

  bool is_outermost(std::size_t level) const {
    for (std::size_t i = 0; i < level; ++i)
      if (levels_[i].tile_words > 0) return false;
    return true;
  }

  /// How much of the tensor each instance is responsible for: the whole at the top, then in
  /// proportion to its tile among its siblings' data.
  void share_tensor() {
    levels_.front().partition_words = levels_.front().tile_words;
    for (std::size_t i = 1; i < levels_.size(); ++i) {
      const bool fanned_out = !nest_.levels[i - 1].spatial.empty();
      const std::int64_t siblings = fanned_out
                                        ? movement_.levels[i - 1].tensors[tensor_].children_words
                                        : levels_[i].tile_words;
      levels_[i].partition_words =
          levels_[i - 1].partition_words * levels_[i].tile_words / siblings;
    }
  }

  void share_parents() {
    for (std::size_t i = 1; i < levels_.size(); ++i)
      for (const auto& entry : levels_[i - 1].delivered)
        levels_[i].from_parent += entry.words * static_cast<double>(entry.multicast) /
                                  static_cast<double>(movement_.levels[i - 1].fanout);
  }

  /// From the inside out, since a parent may be bypassed in turn.
  void bypass() {
    for (std::size_t i = levels_.size(); i-- > 0;) {
      if (nest_.levels[i].kept[tensor_]) continue;
      if (const auto parent = next_outside(i)) hand_over(levels_[i], *parent);
      clear(levels_[i]);
    }
  }

  std::optional<std::size_t> next_outside(std::size_t level) const {
    while (level-- > 0)
      if (levels_[level].tile_words > 0) return level;
    return std::nullopt;
  }

  void hand_over(const Level& from, std::size_t parent) {
    Level& to = levels_[parent];
    const double from_all_children =
        from.content * static_cast<double>(movement_.levels[parent].fanout);
    const double sent = received(to.delivered);
    const double factor = sent > 0 ? from_all_children / sent : 0;
    for (auto& entry : to.delivered) entry.words *= factor;
    to.passed_on = 0;
    to.content = total(to.delivered);
  }

  static void clear(Level& level) {
    level.tile_words = level.partition_words = 0;
    level.content = level.from_parent = 0;
  }

  /// Nothing comes from above the outermost level that keeps the tensor.
  void drop_outermost_bypassed() {
    for (auto& level : levels_) {
      if (level.tile_words > 0) {
        level.from_parent = 0;
        return;
      }
      level = {};
    }
  }

  void count_passed_on() {
    for (std::size_t i = 0; i + 1 < levels_.size(); ++i)
      if (levels_[i].passed_on != 0)
        levels_[i + 1].peer_words +=
            static_cast<double>(levels_[i].passed_on / movement_.levels[i + 1].instances);
  }

  const LoopNest& nest_;
  const DataMovement& movement_;
  std::size_t tensor_;
  std::vector<Level> levels_;
};

}  // namespace

std::vector<LevelCounts> access_counts_of(const LoopNest& nest, const DataMovement& movement) {
  std::vector<LevelCounts> counts(nest.levels.size());
  for (std::size_t tensor = 0; tensor < nest.tensors(); ++tensor) {
    const TensorLevels levels(nest, movement, tensor);
    for (std::size_t level = 0; level < counts.size(); ++level) {
      counts[level].tensors.push_back(levels.counts(level));
      counts[level].links.push_back(levels.link(level));
    }
  }
  return counts;
}

}  // namespace tessera::mapping::timeloop
