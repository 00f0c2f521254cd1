#include "noc/study/sweep.h"

#include <array>
#include <cmath>
#include <numeric>

#include "sim/base/error.h"

namespace tessera::noc {

namespace {

constexpr std::uint32_t kMostPoints = 1000;

double mean_of(const std::vector<double>& samples) {
  return std::accumulate(samples.begin(), samples.end(), 0.0) / static_cast<double>(samples.size());
}

}  // namespace

double confidence95(const std::vector<double>& samples) {
  // Two-sided 97.5 % quantiles of Student's t by degrees of freedom; 1.96 beyond.
  constexpr std::array<double, 16> kQuantiles = {0,     12.706, 4.303, 3.182, 2.776, 2.571,
                                                 2.447, 2.365,  2.306, 2.262, 2.228, 2.201,
                                                 2.179, 2.160,  2.145, 2.131};
  const std::size_t n = samples.size();
  if (n < 2) return 0.0;
  const double mean = mean_of(samples);
  double squares = 0;
  for (const double sample : samples) squares += (sample - mean) * (sample - mean);
  const double quantile = n - 1 < kQuantiles.size() ? kQuantiles[n - 1] : 1.96;
  return quantile * std::sqrt(squares / static_cast<double>(n - 1) / static_cast<double>(n));
}

SweepPoint summarise(double rate_flits, const std::vector<OpenLoopResult>& runs) {
  SweepPoint point;
  point.rate_flits = rate_flits;
  std::vector<double> means;
  Histogram all(1 << 16);
  for (const OpenLoopResult& run : runs) {
    means.push_back(run.latency.packet.mean());
    all.merge(run.latency.packet);
    point.offered += run.offered_flits_per_node_cycle / static_cast<double>(runs.size());
    point.accepted += run.accepted_flits_per_node_cycle / static_cast<double>(runs.size());
    point.saturated |= run.saturated;
  }
  point.mean_latency = mean_of(means);
  point.mean_latency_ci95 = confidence95(means);
  point.p95_latency = static_cast<double>(all.percentile(0.95));
  return point;
}

Sweep sweep_load(const LoadRun& run, double step, double last, std::uint32_t seeds,
                 std::uint64_t first_seed) {
  if (!(step > 0) || !(last >= step) || last / step > kMostPoints)
    throw UserError("sweep in steps of ", step, " up to ", last,
                    ": steps are more than 0 and at most ", kMostPoints);
  const auto measure = [&](double rate) {
    std::vector<OpenLoopResult> runs;
    for (std::uint32_t i = 0; i < seeds; ++i) runs.push_back(run(rate, first_seed + i));
    return summarise(rate, runs);
  };
  Sweep sweep;
  SweepPoint stable, unstable;
  const auto sort_in = [&](const SweepPoint& point) {
    (point.saturated ? unstable : stable) = point;
  };
  for (int i = 1; i * step <= last * (1 + 1e-9) && !unstable.saturated; ++i) {
    sweep.points.push_back(measure(i * step));
    sort_in(sweep.points.back());
  }
  if (!unstable.saturated) return sweep;
  while (unstable.rate_flits - stable.rate_flits > 0.02 * unstable.rate_flits)
    sort_in(measure((stable.rate_flits + unstable.rate_flits) / 2));
  sweep.saturation = stable;
  return sweep;
}

}  // namespace tessera::noc
