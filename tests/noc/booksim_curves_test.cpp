// Load-latency curves and saturation against BookSim2, with random numbers of our own.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "noc/study/open_loop.h"
#include "tests/noc/booksim_networks.h"
#include "tests/noc/reference.h"

namespace tessera::noc {
namespace {

struct Point {
  std::string topology, traffic, variant;
  std::uint32_t flits;
  double rate;
};

OpenLoopResult measure(const Point& point, std::uint64_t seed, Cycle warmup, Cycle cycles,
                       Cycle drain) {
  TestNetwork net = booksim_network(point.topology, point.variant, booksim_config(point.variant));
  const auto pattern = make_traffic_pattern(point.traffic, pattern_space(net.topology), 1);
  OpenLoopPlan plan;
  plan.injection.rate_flits = point.rate;
  plan.packet_flits = point.flits;
  plan.warmup_cycles = warmup;
  plan.measure_cycles = cycles;
  plan.drain_cycles = drain;
  plan.seed = seed;
  return OpenLoop(net.network, *pattern, plan).run();
}

Point point_of(const CsvTable& table, std::size_t row) {
  return {table.at(row, "topology"), table.at(row, "traffic"), table.at(row, "variant"),
          static_cast<std::uint32_t>(table.integer(row, "packet_size_flits")),
          table.number(row, "offered_flits_per_node_cycle")};
}

/// Saturation of a curve: the lowest of the accepted traffic at the first unstable load, the first
/// load where the mean is 3 x that of the lowest load, and the ideal rate of the worst link.
std::map<std::string, double> saturation_rates() {
  std::map<std::string, double> rates;
  std::map<std::pair<std::string, std::string>, double> ideal;
  const CsvTable bounds = load_reference("booksim2/expected_bounds.csv");
  for (std::size_t row = 0; row < bounds.rows(); ++row)
    ideal[{bounds.at(row, "topology"), bounds.at(row, "traffic")}] =
        bounds.number(row, "ideal_saturation_flits_per_node_cycle");
  const CsvTable table = load_reference("booksim2/saturation.csv.xz");
  for (std::size_t row = 0; row < table.rows(); ++row) {
    double rate = 1.0;
    for (const char* column :
         {"accepted_at_first_unstable_mean", "first_rate_mean_latency_over_3x_lowest_rate"})
      if (!table.at(row, column).empty()) rate = std::min(rate, table.number(row, column));
    const auto bound = ideal.find({table.at(row, "topology"), table.at(row, "traffic")});
    if (bound != ideal.end()) rate = std::min(rate, bound->second);
    rates[table.at(row, "curve")] = rate;
  }
  return rates;
}

double deviation(const std::vector<double>& values) {
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / values.size();
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return std::sqrt(squares / (values.size() - 1));
}

// The reference's runs are short and their seeds the same for all points: in the networks of 16
// nodes the load they offered misses the nominal one by up to 5 %, so there ours is the one they
// realised (below saturation all of it is accepted). Percentiles of a few hundred packets with few
// distinct latencies jump: the rank may be off by 2 %.
TEST(BooksimCurves, LatencyBelowSaturationAgrees) {
  constexpr int kSeeds = 4;
  const CsvTable table = load_reference("booksim2/latency_curves.csv.xz");
  const auto saturation = saturation_rates();
  std::size_t compared = 0;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const Point point = point_of(table, row);
    if (point.rate >= 0.8 * saturation.at(table.at(row, "curve"))) continue;
    ++compared;
    Point realised = point;
    const bool small = point.topology.starts_with("mesh4");
    if (small) realised.rate = table.number(row, "accepted_mean");
    LatencyRecord latency;
    std::vector<double> means;
    const double nodes = small ? 16 : 64;
    const double packets = 8000;
    const auto cycles =
        std::max<Cycle>(3000, static_cast<Cycle>(packets * point.flits / point.rate / nodes));
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
      const OpenLoopResult result = measure(realised, seed, 600, cycles, 20000);
      EXPECT_FALSE(result.saturated) << table.at(row, "curve") << " at " << point.rate;
      latency.merge(result.latency);
      means.push_back(result.latency.packet.mean());
    }
    const std::string where = table.at(row, "curve") + " at " + std::to_string(point.rate);
    const double expected = table.number(row, "packet_latency_mean");
    const double error =
        std::hypot(table.number(row, "packet_latency_sd") / std::sqrt(table.number(row, "n_seeds")),
                   deviation(means) / std::sqrt(kSeeds));
    EXPECT_NEAR(latency.packet.mean(), expected, std::max(0.02 * expected, 3 * error)) << where;
    const double p95 = table.number(row, "p95_mean");
    EXPECT_GE(p95, 0.95 * static_cast<double>(latency.packet.percentile(0.93))) << where;
    EXPECT_LE(p95, 1.05 * static_cast<double>(latency.packet.percentile(0.97))) << where;
  }
  EXPECT_GE(compared, 100u);
}

// The reference measures about 900 cycles after 600 of warm-up, one to three runs per point. Past
// saturation accepted traffic swings from window to window; what one window spreads is allowed for,
// and one point needs it: amp8_k4_l3 with uniform traffic of 4-flit packets at 1.0, where six
// windows of ours accept 0.50 with a spread of 0.02 and the reference's only run 0.56.
TEST(BooksimCurves, AcceptedTrafficPastSaturationAgrees) {
  constexpr int kSeeds = 6;
  const CsvTable table = load_reference("booksim2/latency_runs.csv.xz");
  std::map<std::pair<std::string, double>, std::pair<double, int>> sums;
  std::map<std::pair<std::string, double>, Point> points;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (table.at(row, "mode") != "throughput") continue;
    const auto key =
        std::pair(table.at(row, "curve"), table.number(row, "offered_flits_per_node_cycle"));
    sums[key].first += table.number(row, "accepted_flits_per_node_cycle");
    ++sums[key].second;
    points[key] = point_of(table, row);
  }
  int within_5_percent = 0;
  for (const auto& [key, sum] : sums) {
    const double expected = sum.first / sum.second;
    std::vector<double> accepted;
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed)
      accepted.push_back(measure(points.at(key), seed, 600, 900, 0).accepted_flits_per_node_cycle);
    const double mean = std::accumulate(accepted.begin(), accepted.end(), 0.0) / kSeeds;
    const double spread = deviation(accepted);
    const double noise = 3 * spread * std::sqrt(1.0 / kSeeds + 1.0 / sum.second);
    EXPECT_NEAR(mean, expected, std::max(0.05 * expected, noise))
        << key.first << " at " << key.second;
    within_5_percent += std::abs(mean - expected) <= 0.05 * expected;
  }
  EXPECT_GE(within_5_percent, static_cast<int>(sums.size()) - 1);
}

}  // namespace
}  // namespace tessera::noc
