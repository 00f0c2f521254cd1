#include "mapping/cost/looptree/iteration_space.h"

#include <algorithm>

namespace tessera::mapping::looptree {

namespace {

char tag_of(StepKind kind) {
  switch (kind) {
    case StepKind::kSpatial:
      return 'S';
    case StepKind::kSequence:
      return 'Q';
    case StepKind::kPipeline:
      return 'P';
    default:
      return 'T';
  }
}

class IterationWalk {
 public:
  IterationWalk(const LeafTiles& leaf, std::size_t depth,
                const std::function<void(const Index&, const Region&)>& visit)
      : leaf_(leaf), depth_(depth), visit_(visit) {}

  void run() {
    for (const auto& outer : leaf_.outer) {
      index_ = outer.index;
      operations_ = outer.operations;
      if (depth_ < leaf_.inner) index_.resize(dimensions_above(depth_));
      walk(std::min(leaf_.inner, depth_));
    }
  }

 private:
  std::size_t dimensions_above(std::size_t depth) const {
    return static_cast<std::size_t>(
        std::count_if(leaf_.path.begin(), leaf_.path.begin() + static_cast<std::ptrdiff_t>(depth),
                      [](const PathStep& step) { return step.is_dimension(); }));
  }

  void walk(std::size_t at) {
    if (at == depth_) return visit_(index_, operations_);
    const PathStep& step = leaf_.path[at];
    if (!step.is_dimension()) return walk(at + 1);
    const IndexSet range = operations_.sets[step.rank];
    index_.push_back(0);
    for (std::int64_t begin = range.min(); begin <= range.max(); begin += step.tile) {
      operations_.sets[step.rank] = range.intersect(IndexSet(begin, begin + step.tile));
      if (!operations_.sets[step.rank].empty()) walk(at + 1);
      ++index_.back();
    }
    index_.pop_back();
    operations_.sets[step.rank] = range;
  }

  const LeafTiles& leaf_;
  std::size_t depth_;
  const std::function<void(const Index&, const Region&)>& visit_;
  Index index_;
  Region operations_;
};

/// Cuts dimension `at` where any region begins or ends, and counts each slice by itself.
std::int64_t union_size(const std::vector<const Region*>& regions, std::size_t at) {
  if (regions.empty()) return 0;
  if (at == regions.front()->sets.size()) return 1;
  if (regions.size() == 1) {
    std::int64_t size = 1;
    for (std::size_t i = at; i < regions.front()->sets.size(); ++i)
      size *= regions.front()->sets[i].size();
    return size;
  }
  std::vector<std::int64_t> cuts;
  for (const auto* region : regions) region->sets[at].append_bounds(cuts);
  std::ranges::sort(cuts);
  cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
  std::int64_t size = 0;
  for (std::size_t i = 0; i + 1 < cuts.size(); ++i) {
    std::vector<const Region*> slice;
    for (const auto* region : regions)
      if (region->sets[at].has(cuts[i])) slice.push_back(region);
    size += (cuts[i + 1] - cuts[i]) * union_size(slice, at + 1);
  }
  return size;
}

}  // namespace

Dimensions dimensions_of(const LeafTiles& leaf, int compute_level) {
  Dimensions dimensions;
  for (std::size_t i = 0; i < leaf.path.size(); ++i) {
    if (!leaf.path[i].is_dimension()) continue;
    const auto next =
        std::find_if(leaf.path.begin() + static_cast<std::ptrdiff_t>(i), leaf.path.end(),
                     [](const PathStep& step) { return step.kind == StepKind::kStore; });
    dimensions.push_back(
        {i, tag_of(leaf.path[i].kind), next == leaf.path.end() ? compute_level : next->level});
  }
  return dimensions;
}

std::string tags_of(const Dimensions& dimensions) {
  std::string tags;
  for (const auto& dimension : dimensions) tags += dimension.tag;
  return tags.empty() ? "-" : tags;
}

void for_each_iteration(const LeafTiles& leaf, std::size_t depth,
                        const std::function<void(const Index&, const Region&)>& visit) {
  IterationWalk(leaf, depth, visit).run();
}

std::int64_t union_size(const std::vector<Region>& regions) {
  std::vector<const Region*> pointers;
  for (const auto& region : regions)
    if (!region.empty()) pointers.push_back(&region);
  return union_size(pointers, 0);
}

}  // namespace tessera::mapping::looptree
