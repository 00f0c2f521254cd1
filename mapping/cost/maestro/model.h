// MAESTRO's cost model: cluster levels analysed recursively, each from its own cold start.
// Source: maestro-project/maestro at 4eb08d1, read and run; see README.md for what it leaves out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mapping/cost/maestro/level_analysis.h"

namespace tessera::mapping::maestro {

/// What the model needs to know of the machine.
struct Hardware {
  std::int64_t pes = 1;
  std::int64_t noc_bandwidth = 1;      ///< elements per cycle, of every level's network
  std::int64_t noc_latency = 1;        ///< cycles added to each transfer
  std::int64_t offchip_bandwidth = 1;  ///< elements per cycle
};

/// Smallest, largest and mean of a delay over top-level steps, cycles.
struct DelayRange {
  std::int64_t least = 0;
  std::int64_t most = 0;
  double mean = 0;
};

struct MaestroResult {
  std::int64_t runtime_cycles = 0;
  std::int64_t macs = 0;              ///< work covered, counted by the model
  std::int64_t partial_products = 0;  ///< accesses of the output in the PEs
  std::int64_t input_l2_reads = 0;    ///< elements; a multicast counts once
  std::int64_t weight_l2_reads = 0;
  std::int64_t output_l2_writes = 0;  ///< partial sums sent up
  std::int64_t input_l2_writes = 0;   ///< tensor size
  std::int64_t weight_l2_writes = 0;
  std::int64_t output_l2_reads = 0;
  double mean_active_pes = 0;       ///< weighted by steps, not by time
  std::int64_t peak_bandwidth = 0;  ///< elements per cycle needed not to limit, rounded down
  double mean_bandwidth = 0;
  std::int64_t offchip_bandwidth = 0;  ///< of the first step, elements per cycle
  std::int64_t l1_words = 0;           ///< per PE, double buffered
  std::int64_t l2_words = 0;           ///< double buffered
  DelayRange ingress, egress, compute;
};

/// One analysed iteration case, for comparison with the tool's log. Delays in cycles per step.
struct CaseRecord {
  int level = 0;
  int invocation = 0;
  int index = 0;
  std::int64_t occurrences = 1;
  std::string states;  ///< dimension:position, sorted by dimension
  std::int64_t partial_products = 0;
  StepTraffic traffic;
  std::int64_t ingress_delay = 0;
  std::int64_t egress_delay = 0;
  std::int64_t compute_delay = 0;
  std::int64_t step_delay = 0;
  bool skipped = false;
};

MaestroResult predict(const LayerModel& layer, const std::vector<ClusterLevel>& levels,
                      const Hardware& hardware, Faults faults);

/// Cases of the two top levels in the order in which the tool logs them.
std::vector<CaseRecord> iteration_cases(const LayerModel& layer,
                                        const std::vector<ClusterLevel>& levels,
                                        const Hardware& hardware, Faults faults);

}  // namespace tessera::mapping::maestro
