#include "mapping/cost/looptree/compute_movement.h"

#include <algorithm>
#include <map>

#include "mapping/cost/looptree/iteration_space.h"
#include "sim/base/error.h"

namespace tessera::mapping::looptree {

namespace {

/// The parts that one rank's spatial loops cut off at one temporal iteration, by spatial index.
using Parts = std::map<Index, IndexSet>;

/// One temporal iteration of one rank, moved to start at zero. `before`: the same one iteration of
/// the innermost temporal loop earlier; empty when there is none.
struct Pattern {
  Parts now;
  Parts before;
  auto operator<=>(const Pattern&) const = default;
};

using PatternCounts = std::map<Pattern, std::int64_t>;

/// Cuts one rank of a tile by its loops.
class RankCutter {
 public:
  RankCutter(const LeafTiles& leaf, int rank) {
    for (std::size_t i = leaf.inner; i < leaf.path.size(); ++i)
      if (leaf.path[i].is_dimension() && leaf.path[i].rank == rank) loops_.push_back(leaf.path[i]);
  }

  /// With `innermost` the rank's last temporal loop is the innermost of all.
  PatternCounts patterns(const IndexSet& range, bool innermost) {
    parts_.clear();
    cut(0, range);
    PatternCounts counts;
    for (const auto& [time, parts] : parts_) {
      Pattern pattern;
      const std::int64_t base = parts.begin()->second.min();
      pattern.now = moved(parts, -base);
      if (innermost) {
        Index earlier = time;
        --earlier.back();
        if (const auto found = parts_.find(earlier); found != parts_.end())
          pattern.before = moved(found->second, -base);
      } else {
        pattern.before = pattern.now;
      }
      ++counts[pattern];
    }
    return counts;
  }

 private:
  void cut(std::size_t depth, const IndexSet& range) {
    if (depth == loops_.size()) {
      parts_[time_][space_] = range;
      return;
    }
    const PathStep& loop = loops_[depth];
    Index& index = loop.kind == StepKind::kSpatial ? space_ : time_;
    index.push_back(0);
    for (std::int64_t begin = range.min(); begin <= range.max(); begin += loop.tile) {
      const IndexSet part = range.intersect(IndexSet(begin, begin + loop.tile));
      if (!part.empty()) cut(depth + 1, part);
      ++(loop.kind == StepKind::kSpatial ? space_ : time_).back();
    }
    index.pop_back();
  }

  static Parts moved(const Parts& parts, std::int64_t by) {
    Parts result;
    for (const auto& [space, set] : parts) result[space] = set.scale(1, by);
    return result;
  }

  std::vector<PathStep> loops_;
  Index time_;
  Index space_;
  std::map<Index, Parts> parts_;
};

/// What the units do in one kind of step.
struct UnitOperations {
  Index space;  ///< per spatial loop of the leaf, in the path's order
  Region now;
  Region before;  ///< empty when the unit was idle, or there was no step before
};

struct TensorCounts {
  std::int64_t fills = 0;
  std::int64_t from_parent = 0;
  std::int64_t from_peers = 0;
  std::map<Index, std::int64_t> per_parent;  ///< by the spatial index that parents differ in

  void add(const TensorCounts& other, std::int64_t times) {
    fills += other.fills * times;
    from_parent += other.from_parent * times;
    from_peers += other.from_peers * times;
    for (const auto& [parent, words] : other.per_parent) per_parent[parent] += words * times;
  }
};

struct TileCounts {
  std::int64_t steps = 0;
  std::vector<TensorCounts> tensors;
  std::vector<std::int64_t> tile_words_max;
};

class ComputeCounter {
 public:
  ComputeCounter(const FusedTree& tree, const LeafTiles& leaf)
      : layer_(tree.network->layers[leaf.layer]), leaf_(leaf) {
    const auto dimensions = dimensions_of(leaf, tree.compute_level());
    tags_ = tags_of(dimensions);
    for (const auto& dimension : dimensions) {
      if (dimension.step < leaf.inner) {
        outer_spatial_.push_back(dimension.tag == 'S');
        if (dimension.spreads_over(tree.compute_level()))
          throw UserError(tree.origin, ": a spatial loop above a branch has no store below it");
        continue;
      }
      const int rank = leaf.path[dimension.step].rank;
      if (dimension.tag == 'T') innermost_rank_ = rank;
      if (dimension.tag != 'S') continue;
      sibling_.push_back(dimension.spreads_over(tree.compute_level()));
      spatial_ranks_.push_back(rank);
    }
    for (const auto& input : layer_.inputs) operands_.push_back(&input);
    operands_.push_back(&layer_.output);
  }

  ComputeMovement count(int compute_level) {
    ComputeMovement result;
    std::vector<TensorCounts> totals(operands_.size());
    std::vector<std::int64_t> largest(operands_.size(), 0);
    for (const auto& outer : leaf_.outer) {
      const TileCounts& tile = counts_of(outer.operations);
      result.steps.push_back(tile.steps);
      for (std::size_t i = 0; i < operands_.size(); ++i) {
        add_outer(tile.tensors[i], outer.index, totals[i]);
        largest[i] = std::max(largest[i], tile.tile_words_max[i]);
      }
    }
    const Region last = last_operations();
    for (std::size_t i = 0; i < operands_.size(); ++i)
      result.movements.push_back(movement_of(i, totals[i], largest[i],
                                             data_of(*operands_[i], last).size(), compute_level));
    return result;
  }

 private:
  Movement movement_of(std::size_t operand, const TensorCounts& counts, std::int64_t largest,
                       std::int64_t sample, int compute_level) const {
    Movement movement;
    movement.level = compute_level;
    movement.tensor = operands_[operand]->tensor;
    movement.layer = leaf_.layer;
    movement.tags = tags_;
    movement.tile_words_max = largest;
    movement.tile_words_sample = sample;
    movement.fills = counts.fills;
    movement.from_parent = counts.from_parent;
    movement.from_peers = counts.from_peers;
    for (const auto& [parent, words] : counts.per_parent)
      movement.from_parent_per_unit = std::max(movement.from_parent_per_unit, words);
    return movement;
  }

  void add_outer(const TensorCounts& tile, const Index& index, TensorCounts& total) const {
    Index outside;
    for (std::size_t i = 0; i < index.size(); ++i)
      if (outer_spatial_[i]) outside.push_back(index[i]);
    TensorCounts placed = tile;
    placed.per_parent.clear();
    for (const auto& [parent, words] : tile.per_parent) {
      Index place = outside;
      place.insert(place.end(), parent.begin(), parent.end());
      placed.per_parent[place] = words;
    }
    total.add(placed, 1);
  }

  /// Tiles of the same shape count the same wherever they are.
  const TileCounts& counts_of(const Region& operations) {
    Region shape;
    for (const auto& set : operations.sets) shape.sets.push_back(set.scale(1, -set.min()));
    const auto place = known_.find(shape);
    return place != known_.end() ? place->second
                                 : known_.emplace(shape, count_tile(shape)).first->second;
  }

  TileCounts count_tile(const Region& shape) const {
    std::vector<PatternCounts> patterns;
    for (std::size_t rank = 0; rank < shape.sets.size(); ++rank)
      patterns.push_back(
          RankCutter(leaf_, static_cast<int>(rank))
              .patterns(shape.sets[rank], innermost_rank_ == static_cast<int>(rank)));
    TileCounts counts;
    counts.tensors.resize(operands_.size());
    counts.tile_words_max.assign(operands_.size(), 0);
    std::vector<const Pattern*> chosen(patterns.size(), nullptr);
    combine(patterns, 0, 1, chosen, counts);
    return counts;
  }

  void combine(const std::vector<PatternCounts>& patterns, std::size_t rank, std::int64_t times,
               std::vector<const Pattern*>& chosen, TileCounts& counts) const {
    if (rank < patterns.size()) {
      for (const auto& [pattern, count] : patterns[rank]) {
        chosen[rank] = &pattern;
        combine(patterns, rank + 1, times * count, chosen, counts);
      }
      return;
    }
    counts.steps += times;
    std::vector<UnitOperations> units;
    Region now, before;
    now.sets.resize(chosen.size());
    before.sets.resize(chosen.size());
    std::map<int, Index> space;
    spread(chosen, 0, now, before, space, units);
    for (std::size_t i = 0; i < operands_.size(); ++i)
      counts.tensors[i].add(count_step(*operands_[i], units, counts.tile_words_max[i]), times);
  }

  /// All units that work in a step: one part of every rank.
  void spread(const std::vector<const Pattern*>& chosen, std::size_t rank, Region& now,
              Region& before, std::map<int, Index>& space,
              std::vector<UnitOperations>& units) const {
    if (rank == chosen.size()) {
      units.push_back({unit_index(space), now, innermost_rank_ < 0 ? nothing(before) : before});
      return;
    }
    for (const auto& [index, set] : chosen[rank]->now) {
      now.sets[rank] = set;
      const auto earlier = chosen[rank]->before.find(index);
      before.sets[rank] = earlier == chosen[rank]->before.end() ? IndexSet() : earlier->second;
      space[static_cast<int>(rank)] = index;
      spread(chosen, rank + 1, now, before, space, units);
    }
  }

  static Region nothing(Region region) {
    for (auto& set : region.sets) set = IndexSet();
    return region;
  }

  /// From the index of each rank's own spatial loops to the order of the path.
  Index unit_index(const std::map<int, Index>& space) const {
    Index index;
    std::map<int, std::size_t> used;
    for (const int rank : spatial_ranks_) index.push_back(space.at(rank)[used[rank]++]);
    return index;
  }

  TensorCounts count_step(const workloads::Operand& operand,
                          const std::vector<UnitOperations>& units, std::int64_t& largest) const {
    TensorCounts counts;
    std::map<Index, Region> before;
    for (const auto& unit : units)
      if (!unit.before.empty()) before.emplace(unit.space, data_of(operand, unit.before));
    std::map<Index, std::vector<Region>> sent;
    for (const auto& unit : units) {
      const Region data = data_of(operand, unit.now);
      const std::int64_t words = data.size();
      const auto rest = not_next_door(unit.space, data, before);
      largest = std::max(largest, words);
      counts.fills += words;
      counts.from_peers += words - size_of(rest);
      auto& together = sent[parent_of(unit.space)];
      together.insert(together.end(), rest.begin(), rest.end());
    }
    for (auto& [parent, regions] : sent) {
      std::ranges::sort(regions);
      regions.erase(std::unique(regions.begin(), regions.end()), regions.end());
      const std::int64_t words = union_size(regions);
      counts.from_parent += words;
      counts.per_parent[parent] += words;
    }
    return counts;
  }

  Index parent_of(const Index& space) const {
    Index parent;
    for (std::size_t i = 0; i < space.size(); ++i)
      if (!sibling_[i]) parent.push_back(space[i]);
    return parent;
  }

  std::vector<Region> not_next_door(const Index& space, const Region& data,
                                    const std::map<Index, Region>& before) const {
    std::vector<Region> rest{data};
    if (before.empty()) return rest;
    Index neighbour = space;
    for (std::size_t i = 0; i < space.size() && !rest.empty(); ++i) {
      if (!sibling_[i]) continue;
      for (const std::int64_t step : {-1, 1}) {
        neighbour[i] = space[i] + step;
        if (const auto held = before.find(neighbour); held != before.end())
          rest = subtract(rest, {held->second});
      }
      neighbour[i] = space[i];
    }
    return rest;
  }

  /// Operations of the last unit in the last step.
  Region last_operations() const {
    Region last = leaf_.outer.back().operations;
    for (std::size_t i = leaf_.inner; i < leaf_.path.size(); ++i) {
      const PathStep& step = leaf_.path[i];
      if (!step.is_dimension()) continue;
      IndexSet& set = last.sets[step.rank];
      const std::int64_t begin = set.min() + (set.max() - set.min()) / step.tile * step.tile;
      set = set.intersect(IndexSet(begin, begin + step.tile));
    }
    return last;
  }

  const workloads::Layer& layer_;
  const LeafTiles& leaf_;
  std::string tags_;
  std::vector<bool> outer_spatial_;  ///< per outer dimension
  int innermost_rank_ = -1;          ///< rank of the innermost temporal loop
  std::vector<int> spatial_ranks_;   ///< per inner spatial loop
  std::vector<bool> sibling_;        ///< per inner spatial loop: spreads over compute units
  std::vector<const workloads::Operand*> operands_;
  std::map<Region, TileCounts> known_;
};

}  // namespace

ComputeMovement movement_at_compute(const FusedTree& tree, const LeafTiles& leaf) {
  return ComputeCounter(tree, leaf).count(tree.compute_level());
}

}  // namespace tessera::mapping::looptree
