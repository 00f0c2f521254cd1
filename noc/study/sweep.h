// Load sweeps: the latency-throughput curve of a network.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "noc/study/open_loop.h"

namespace tessera::noc {

/// One offered load, several seeds.
struct SweepPoint {
  double rate_flits = 0;  ///< of each sender, while its bursts last, without replies
  double offered = 0;     ///< created, flits per node and cycle
  double accepted = 0;
  double mean_latency = 0;
  double mean_latency_ci95 = 0;  ///< half width, Student's t over the seeds; 0 with one seed
  double p95_latency = 0;
  bool saturated = false;  ///< in any seed
};

struct Sweep {
  std::vector<SweepPoint> points;  ///< ascending load, ends with the first saturated one
  /// Highest load found stable, to 2 % of the load; none when no load was saturated.
  std::optional<SweepPoint> saturation;
};

/// Runs one seed at one load on a fresh network.
using LoadRun = std::function<OpenLoopResult(double rate_flits, std::uint64_t seed)>;

/// Measures loads step, 2 step, ... up to `last`, stops after the first saturated one and then
/// narrows the saturation load down by halving.
Sweep sweep_load(const LoadRun& run, double step, double last, std::uint32_t seeds,
                 std::uint64_t first_seed);

SweepPoint summarise(double rate_flits, const std::vector<OpenLoopResult>& runs);

/// Half width of the 95 % confidence interval of the mean.
double confidence95(const std::vector<double>& samples);

}  // namespace tessera::noc
