// Timeloop's cycles, accesses and energy of one mapping.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mapping/cost/timeloop/access_counts.h"

namespace tessera::mapping::timeloop {

/// One storage. Counts are per tensor, in the network's order.
struct StorageResult {
  int unit = 0;  ///< in the architecture
  std::int64_t instances_used = 1;
  double slowdown = 1;      ///< of the compute phase, 1: the bandwidth suffices
  std::int64_t cycles = 0;  ///< compute cycles / slowdown, rounded up
  std::vector<bool> kept;
  std::vector<AccessCounts> tensors;
  std::vector<double> energy_pj;  ///< per tensor, all instances
};

/// Traffic below a level (storage or fan-out), towards the next.
struct LinkResult {
  int from_unit = 0;
  int to_unit = 0;
  std::vector<LinkCounts> tensors;
};

struct TimeloopPrediction {
  std::int64_t macs = 0;
  std::int64_t cycles = 0;
  std::int64_t compute_cycles = 0;
  std::int64_t compute_instances_used = 1;
  double compute_energy_pj = 0;
  std::string bottleneck;  ///< level with the most cycles; the innermost of equals
  double mac_utilization = 0;
  double energy_pj = 0;
  std::vector<StorageResult> storages;  ///< outermost first
  std::vector<LinkResult> links;        ///< outermost first
};

/// The model: a level is slowed down when it moves more words per compute cycle than its
/// bandwidth; the slowest level gives the cycles. No link ever limits, tiles are always there in
/// time.
///
/// UserError when tiles do not fit, naming level, words needed and words there.
TimeloopPrediction predict_timeloop(const Schedule& schedule, const workloads::Network& network,
                                    const importers::TimeloopArchitecture& architecture,
                                    Faults faults);

}  // namespace tessera::mapping::timeloop
