// LoopTree's latency, accesses, capacity and energy of a fused mapping.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mapping/cost/looptree/data_movement.h"
#include "mapping/cost/predictor.h"

namespace tessera::mapping::looptree {

/// One tensor at one level for one layer: what moved, and the words read and written there. The
/// first read of each output word is left out. `reads_per_unit` and `writes_per_unit` are the most
/// of any instance, without that.
struct LevelAccess {
  Movement movement;
  std::int64_t reads = 0;
  std::int64_t writes = 0;
  std::int64_t reads_per_unit = 0;
  std::int64_t writes_per_unit = 0;
};

struct StorageSummary {
  std::string name;
  std::int64_t reads = 0;
  std::int64_t writes = 0;
  double latency_cycles = 0;               ///< at its ports' bandwidth
  std::int64_t capacity_words_sample = 0;  ///< with tiles as the tool samples them
  std::int64_t capacity_words_max = 0;     ///< with the largest tiles
};

struct EinsumSummary {
  std::string name;
  std::int64_t macs_algorithmic = 0;
  std::int64_t macs_executed = 0;
  std::int64_t temporal_steps = 0;
};

struct LoopTreePrediction {
  std::vector<EinsumSummary> einsums;    ///< in the workload's order
  std::vector<LevelAccess> accesses;     ///< by level, then layer
  std::vector<StorageSummary> storages;  ///< outermost first
  std::int64_t compute_latency_cycles = 0;
  double latency_cycles = 0;
  std::string bottleneck;  ///< "compute" or a storage
  double energy_pj = 0;
};

/// Latency is the longest of compute and every storage's. A storage's words go through its ports:
/// reads and writes of their own, and shared ones where they help most. Capacity adds up the tiles
/// of the stores on the way down; of sequential branches the largest counts, of pipelined ones the
/// sum. It is never compared with what is there.
///
/// Fixed, the words that the busiest instance of a storage reads for inputs are its own, not those
/// of all instances.
LoopTreePrediction predict_looptree(const Schedule& schedule, const workloads::Network& network,
                                    const importers::TimeloopArchitecture& architecture,
                                    Faults faults);

}  // namespace tessera::mapping::looptree
