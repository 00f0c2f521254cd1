// Simulates parts of schedules in isolation for those who have to choose between them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mapping/program.h"
#include "mapping/refine/arrangement.h"
#include "mapping/refine/verdict.h"

namespace tessera::mapping {

/// Cycles of a program from begin to end, none when there are more than `limit` (0: no limit).
/// Supplied by the floors above.
using Simulate = std::function<std::optional<Cycle>(const Program&, Cycle limit)>;

/// What a user sets in schedules beside what schedulers decide, such as the placement in DRAM.
using Settings = std::function<Schedule(const Schedule&)>;

/// Where a refinement stands.
struct RefineProgress {
  double done = 0;  ///< share of the layers that are decided
  std::string layer;
  int candidates = 0;   ///< finalists simulated so far
  Cycle simulated = 0;  ///< cycles of all simulations so far
};

struct RefineOptions {
  int finalists = 1;        ///< candidates per place, best first by analysis
  int most_candidates = 0;  ///< simulated in all; 0: no limit
  Cycle most_cycles = 0;    ///< simulated in all, after which no candidate is begun; 0: no limit
  Settings settings = {};   ///< in every schedule that is simulated, not in the result
  std::function<bool()> expired = {};  ///< wall-clock limit; when set, results depend on the host
  std::function<void(const RefineProgress&)> progress = {};
};

/// Simulations of spans of arrangements, each program once.
class Referee {
 public:
  Referee(const workloads::Network& network, const hw::Accelerator& accelerator, Simulate simulate,
          Settings settings = {});

  /// Cycles of the pieces from the one that holds span.first to the one that holds span.last as a
  /// network of their own. None when they cannot be cut out, do not lower, or take more than
  /// `limit`.
  std::optional<Cycle> cycles(const Arrangement& pieces, workloads::LayerSpan span,
                              Cycle limit = 0);

  /// Cycles of everything.
  Cycle cycles(const Arrangement& pieces);

  /// Which of these schedules of the whole network takes fewest cycles, the first of equal ones.
  std::size_t fastest(const std::vector<Schedule>& whole);

  Cycle simulated() const { return simulated_; }

 private:
  std::optional<Cycle> run(const Schedule& schedule, const workloads::Network& network,
                           Cycle limit);

  const workloads::Network& network_;
  const hw::Accelerator& accelerator_;
  Simulate simulate_;
  Settings settings_;
  std::map<std::string, Verdict> known_;  ///< by program without names
  Cycle simulated_ = 0;                   ///< ended runs count with their limit
};

}  // namespace tessera::mapping
