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

std::int64_t slot(const std::vector<Stages>& iterations, std::size_t number) {
  const std::size_t stages = iterations.front().size();
  if (number / stages >= iterations.size()) return 0;
  return iterations[number / stages][number % stages].value_or(0);
}

std::int64_t hidden_in(const std::vector<Stages>& iterations, std::size_t iteration) {
  const std::size_t stages = iterations.front().size();
  std::optional<std::int64_t> hidden;
  for (std::size_t stage = 0; stage < stages; ++stage) {
    if (!iterations[iteration][stage]) continue;
    std::int64_t after = 0;
    for (std::size_t next = 1; next < stages; ++next)
      after += slot(iterations, iteration * stages + stage + next);
    hidden = std::min(hidden.value_or(after), after);
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
    if (faults_ == Faults::kAsShipped) refuse_meaningless(end.kind, loops, branches);
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

  static std::int64_t total(StepKind kind, const std::map<Index, Stages>& sorted) {
    std::vector<Stages> iterations;
    std::int64_t sum = 0;
    for (const auto& [index, stages] : sorted) {
      iterations.push_back(stages);
      for (const auto& stage : stages) sum += stage.value_or(0);
    }
    return kind == StepKind::kPipeline ? pipeline_time(iterations) : sum;
  }

  void refuse_meaningless(StepKind kind, std::size_t loops, int branches) const {
    if (branches > 0)
      throw UserError(tree_.origin,
                      ": the tool's latency of a branch inside a branch has no meaning; use "
                      "--faults fixed");
    if (kind == StepKind::kPipeline && loops > 1)
      throw UserError(tree_.origin, ": the tool's latency of a pipeline below ", loops,
                      " loops has no meaning; use --faults fixed or one loop");
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
