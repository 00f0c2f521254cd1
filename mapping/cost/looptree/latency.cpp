#include "mapping/cost/looptree/latency.h"

#include <algorithm>
#include <map>
#include <optional>

#include "mapping/cost/looptree/iteration_space.h"
#include "sim/base/error.h"

namespace tessera::mapping::looptree {

namespace {

/// Cycles by the index of the loops and branches above.
using Times = std::map<Index, std::int64_t>;

/// Cycles of the stages in one iteration; none where a stage has nothing to do.
using Stages = std::vector<std::optional<std::int64_t>>;

Index first(const Index& index, std::size_t count) {
  return Index(index.begin(), index.begin() + static_cast<std::ptrdiff_t>(count));
}

std::optional<std::int64_t> slot(const std::vector<Stages>& iterations, std::size_t number) {
  const std::size_t stages = iterations.front().size();
  if (number / stages >= iterations.size()) return std::nullopt;
  return iterations[number / stages][number % stages];
}

/// The least that follows any stage of the iteration; stages that nothing follows are left out.
std::int64_t hidden_in(const std::vector<Stages>& iterations, std::size_t iteration) {
  const std::size_t stages = iterations.front().size();
  std::optional<std::int64_t> hidden;
  for (std::size_t stage = 0; stage < stages; ++stage) {
    if (!iterations[iteration][stage]) continue;
    std::optional<std::int64_t> after;
    for (std::size_t next = 1; next < stages; ++next)
      if (const auto time = slot(iterations, iteration * stages + stage + next))
        after = after.value_or(0) + *time;
    if (after) hidden = std::min(hidden.value_or(*after), *after);
  }
  return hidden.value_or(0);
}

std::int64_t pipeline_time(const std::vector<Stages>& iterations) {
  std::int64_t time = 0;
  for (const auto& stages : iterations)
    for (const auto& stage : stages) time += stage.value_or(0);
  for (std::size_t i = 0; i + 1 < iterations.size(); ++i) time -= hidden_in(iterations, i);
  return time;
}

/// The tool's way: the slots that follow are found by the last loop's index alone, so those of all
/// outer iterations are added up, and none follow across an outer carry.
std::int64_t pipeline_time_as_shipped(const std::map<Index, Stages>& sorted) {
  std::vector<Stages> summed;  // by the last loop's index
  std::int64_t time = 0;
  for (const auto& [index, stages] : sorted) {
    const auto last = static_cast<std::size_t>(index.empty() ? 0 : index.back());
    if (summed.size() <= last) summed.resize(last + 1, Stages(stages.size()));
    for (std::size_t i = 0; i < stages.size(); ++i) {
      if (!stages[i]) continue;
      summed[last][i] = summed[last][i].value_or(0) + *stages[i];
      time += *stages[i];
    }
  }
  for (auto entry = sorted.begin(); std::next(entry) != sorted.end(); ++entry)
    time -= hidden_in(summed, static_cast<std::size_t>(entry->first.back()));
  return time;
}

class LatencyWalk {
 public:
  LatencyWalk(const FusedTree& tree, const std::vector<LeafTiles>& leaves,
              const std::vector<LeafMovement>& movements, Faults faults)
      : tree_(tree), leaves_(leaves), movements_(movements), faults_(faults) {}

  std::int64_t run() const { return times_of(tree_.root, 0, 0).begin()->second; }

 private:
  /// Per index of the `above` dimensions outside the chain.
  Times times_of(const Chain& chain, std::size_t above, int branches) const {
    const Step& end = chain.back();
    if (end.kind == StepKind::kCompute) return leaf_times(end.layer, above);
    const auto loops = static_cast<std::size_t>(std::ranges::count_if(chain, [](const Step& step) {
      return step.kind == StepKind::kTemporal || step.kind == StepKind::kSpatial;
    }));
    if (faults_ == Faults::kAsShipped && branches > 0)
      throw UserError(tree_.origin,
                      ": the tool's latency of a branch inside a branch has no meaning; use "
                      "--faults fixed");
    const std::size_t inside = above + loops;
    std::map<Index, std::map<Index, Stages>> iterations;  // by outside, then by all loops
    for (std::size_t branch = 0; branch < end.branches.size(); ++branch) {
      for (const auto& [index, time] : times_of(end.branches[branch], inside + 1, branches + 1)) {
        if (static_cast<std::size_t>(index[inside]) != branch) continue;
        Stages& stages = iterations[first(index, above)][first(index, inside)];
        stages.resize(end.branches.size());
        stages[branch] = time;
      }
    }
    Times times;
    for (const auto& [outside, sorted] : iterations) times[outside] = total(end.kind, sorted);
    return times;
  }

  std::int64_t total(StepKind kind, const std::map<Index, Stages>& sorted) const {
    if (kind == StepKind::kPipeline && faults_ == Faults::kAsShipped)
      return pipeline_time_as_shipped(sorted);
    std::vector<Stages> iterations;
    std::int64_t sum = 0;
    for (const auto& [index, stages] : sorted) {
      iterations.push_back(stages);
      for (const auto& stage : stages) sum += stage.value_or(0);
    }
    return kind == StepKind::kPipeline ? pipeline_time(iterations) : sum;
  }

  Times leaf_times(int layer, std::size_t above) const {
    Times times;
    for (std::size_t i = 0; i < leaves_.size(); ++i) {
      if (leaves_[i].layer != layer) continue;
      for (std::size_t tile = 0; tile < leaves_[i].outer.size(); ++tile)
        times[first(leaves_[i].outer[tile].index, above)] += movements_[i].steps[tile];
    }
    return times;
  }

  const FusedTree& tree_;
  const std::vector<LeafTiles>& leaves_;
  const std::vector<LeafMovement>& movements_;
  Faults faults_;
};

}  // namespace

std::int64_t compute_latency(const FusedTree& tree, const std::vector<LeafTiles>& leaves,
                             const std::vector<LeafMovement>& movements, Faults faults) {
  return LatencyWalk(tree, leaves, movements, faults).run();
}

}  // namespace tessera::mapping::looptree
