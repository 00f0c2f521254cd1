#include "mapping/cost/looptree/store_movement.h"

#include <algorithm>
#include <map>

#include "mapping/cost/looptree/iteration_space.h"

namespace tessera::mapping::looptree {

namespace {

Index without(const Index& index, const std::vector<bool>& drop) {
  Index rest;
  for (std::size_t i = 0; i < index.size(); ++i)
    if (!drop[i]) rest.push_back(index[i]);
  return rest;
}

/// What is held, by time and space.
class Occupancy {
 public:
  Occupancy(const FusedTree& tree, const LeafTiles& leaf, std::size_t store, int tensor)
      : level_(leaf.path[store].level) {
    const auto all = dimensions_of(leaf, tree.compute_level());
    const auto drop = dropped(leaf, store, all);
    std::size_t depth = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (drop[i]) continue;
      dimensions_.push_back(all[i]);
      depth = all[i].step + 1;
    }
    const auto& operand = *operand_of(tree.network->layers[leaf.layer], tensor);
    for_each_iteration(leaf, depth, [&](const Index& index, const Region& operations) {
      add(without(index, drop), data_of(operand, operations));
    });
    drop_constant();
  }

  Movement movement() const {
    Movement movement;
    movement.tags = tags_of(dimensions_);
    movement.tile_words_sample = held_.rbegin()->second.size();
    for (const auto& [index, region] : held_)
      movement.tile_words_max = std::max(movement.tile_words_max, region.size());
    count(movement);
    return movement;
  }

 private:
  /// Dimensions below the store: temporal ones are what the tile is made of; spatial ones and
  /// branches tell instances apart until the last store of the level.
  std::vector<bool> dropped(const LeafTiles& leaf, std::size_t store,
                            const Dimensions& dimensions) const {
    std::size_t last = store;
    for (std::size_t i = 0; i < leaf.path.size(); ++i)
      if (leaf.path[i].kind == StepKind::kStore && leaf.path[i].level == level_) last = i;
    std::vector<bool> drop;
    for (const auto& dimension : dimensions)
      drop.push_back(dimension.step > last || (dimension.step > store && dimension.tag == 'T'));
    return drop;
  }

  void add(Index index, Region region) {
    const auto place = held_.try_emplace(std::move(index), region);
    if (!place.second) place.first->second = unite_dimensions(place.first->second, region);
  }

  /// From the inside out, up to the first temporal dimension along which the tile changes.
  void drop_constant() {
    for (std::size_t i = dimensions_.size(); i-- > 0;) {
      if (!dimensions_[i].is_temporal()) continue;
      std::vector<bool> drop(dimensions_.size(), false);
      drop[i] = true;
      std::map<Index, Region> fewer;
      for (const auto& [index, region] : held_) {
        const auto place = fewer.try_emplace(without(index, drop), region);
        if (!place.second && place.first->second != region) return;
      }
      held_ = std::move(fewer);
      dimensions_.erase(dimensions_.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }

  std::vector<bool> marked(bool (*test)(const Dimension&, int)) const {
    std::vector<bool> marks;
    for (const auto& dimension : dimensions_) marks.push_back(test(dimension, level_));
    return marks;
  }

  void count(Movement& movement) const {
    const auto temporal =
        marked([](const Dimension& dimension, int) { return dimension.is_temporal(); });
    const auto siblings =
        marked([](const Dimension& dimension, int level) { return dimension.spreads_over(level); });
    std::map<Index, std::int64_t> per_unit;
    std::map<Index, std::vector<Region>> sent;  // by index of the parent's step
    const auto before = times_before(temporal);
    for (const auto& [index, region] : held_) {
      const auto fresh = new_part(index, region, temporal, before);
      const auto rest = not_next_door(index, fresh, siblings);
      const std::int64_t words = size_of(fresh);
      movement.fills += words;
      movement.from_peers += words - size_of(rest);
      per_unit[without(index, temporal)] += words;
      auto& together = sent[without(index, siblings)];
      together.insert(together.end(), rest.begin(), rest.end());
    }
    for (const auto& [unit, words] : per_unit)
      movement.fills_per_unit = std::max(movement.fills_per_unit, words);
    count_sent(sent, without_marks(temporal, siblings), movement);
  }

  /// Marks of `marks` at the places that `gone` leaves.
  static std::vector<bool> without_marks(const std::vector<bool>& marks,
                                         const std::vector<bool>& gone) {
    std::vector<bool> left;
    for (std::size_t i = 0; i < marks.size(); ++i)
      if (!gone[i]) left.push_back(marks[i]);
    return left;
  }

  static void count_sent(const std::map<Index, std::vector<Region>>& sent,
                         const std::vector<bool>& temporal, Movement& movement) {
    std::map<Index, std::int64_t> per_parent;
    for (const auto& [index, regions] : sent) {
      const std::int64_t words = union_size(regions);
      movement.from_parent += words;
      per_parent[without(index, temporal)] += words;
    }
    for (const auto& [parent, words] : per_parent)
      movement.from_parent_per_unit = std::max(movement.from_parent_per_unit, words);
  }

  /// Time before each time, in lexicographic order of the temporal dimensions.
  std::map<Index, Index> times_before(const std::vector<bool>& temporal) const {
    std::map<Index, Index> before;
    for (const auto& entry : held_) before.emplace(times_of(entry.first, temporal), Index());
    const Index* last = nullptr;
    for (auto& [time, previous] : before) {
      if (last != nullptr) previous = *last;
      last = &time;
    }
    return before;
  }

  static Index times_of(const Index& index, const std::vector<bool>& temporal) {
    std::vector<bool> space(temporal);
    space.flip();
    return without(index, space);
  }

  std::vector<Region> new_part(const Index& index, const Region& region,
                               const std::vector<bool>& temporal,
                               const std::map<Index, Index>& before) const {
    const Index& time = before.at(times_of(index, temporal));
    if (time.empty()) return {region};
    Index earlier = index;
    for (std::size_t i = 0, t = 0; i < index.size(); ++i)
      if (temporal[i]) earlier[i] = time[t++];
    const auto held = held_.find(earlier);
    if (held == held_.end()) return {region};
    return subtract(region, held->second);
  }

  /// What no neighbour held one iteration of the innermost temporal dimension earlier.
  std::vector<Region> not_next_door(const Index& index, std::vector<Region> fresh,
                                    const std::vector<bool>& siblings) const {
    const auto innermost = std::find_if(dimensions_.rbegin(), dimensions_.rend(),
                                        [](const Dimension& d) { return d.is_temporal(); });
    if (innermost == dimensions_.rend()) return fresh;
    Index neighbour = index;
    --neighbour[static_cast<std::size_t>(dimensions_.rend() - innermost) - 1];
    for (std::size_t i = 0; i < index.size(); ++i) {
      if (!siblings[i]) continue;
      for (const std::int64_t step : {-1, 1}) {
        neighbour[i] = index[i] + step;
        if (const auto held = held_.find(neighbour); held != held_.end())
          fresh = subtract(fresh, std::vector<Region>{held->second});
      }
      neighbour[i] = index[i];
    }
    return fresh;
  }

  int level_;
  Dimensions dimensions_;
  std::map<Index, Region> held_;
};

}  // namespace

Movement movement_at_store(const FusedTree& tree, const LeafTiles& leaf, std::size_t store,
                           int tensor) {
  Movement movement = Occupancy(tree, leaf, store, tensor).movement();
  movement.level = leaf.path[store].level;
  movement.tensor = tensor;
  movement.layer = leaf.layer;
  return movement;
}

}  // namespace tessera::mapping::looptree
