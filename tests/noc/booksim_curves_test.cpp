// Load-latency curves and saturation against BookSim2, with random numbers of our own.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
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

/// Of every stable run of the reference.
std::map<std::pair<std::string, double>, std::vector<double>> reference_p95() {
  std::map<std::pair<std::string, double>, std::vector<double>> values;
  const CsvTable table = load_reference("booksim2/latency_runs.csv.xz");
  for (std::size_t row = 0; row < table.rows(); ++row)
    if (table.at(row, "mode") == "latency" && !table.at(row, "latency_p95").empty())
      values[{table.at(row, "curve"), table.number(row, "offered_flits_per_node_cycle")}].push_back(
          table.number(row, "latency_p95"));
  return values;
}

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double standard_error(const std::vector<double>& values) {
  return deviation(values) / std::sqrt(static_cast<double>(values.size()));
}

// The reference's runs are short and their seeds the same for all points: in the networks of 16
// nodes the load they offered misses the nominal one by up to 5 %, so there ours is the one they
// realised (below saturation all of it is accepted). A run of the reference has a few hundred
// packets, so its 95th percentile is the 20th-highest or so of few distinct values: the mean of
// five such is compared with the mean of ours, to 5 % or three standard errors of that difference.
TEST(BooksimCurves, LatencyBelowSaturationAgrees) {
  constexpr int kSeeds = 4;
  const CsvTable table = load_reference("booksim2/latency_curves.csv.xz");
  const auto saturation = saturation_rates();
  const auto p95_of_runs = reference_p95();
  std::size_t compared = 0;
  std::size_t p95_within_5_percent = 0;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const Point point = point_of(table, row);
    if (point.rate >= 0.8 * saturation.at(table.at(row, "curve"))) continue;
    ++compared;
    Point realised = point;
    const bool small = point.topology.starts_with("mesh4");
    if (small) realised.rate = table.number(row, "accepted_mean");
    std::vector<double> means;
    std::vector<double> p95;
    const double nodes = small ? 16 : 64;
    const double packets = 8000;
    const auto cycles =
        std::max<Cycle>(3000, static_cast<Cycle>(packets * point.flits / point.rate / nodes));
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
      const OpenLoopResult result = measure(realised, seed, 600, cycles, 20000);
      EXPECT_FALSE(result.saturated) << table.at(row, "curve") << " at " << point.rate;
      means.push_back(result.latency.packet.mean());
      p95.push_back(static_cast<double>(result.latency.packet.percentile(0.95)));
    }
    const std::string where = table.at(row, "curve") + " at " + std::to_string(point.rate);
    const double expected = table.number(row, "packet_latency_mean");
    const double error =
        std::hypot(table.number(row, "packet_latency_sd") / std::sqrt(table.number(row, "n_seeds")),
                   standard_error(means));
    EXPECT_NEAR(mean_of(means), expected, std::max(0.02 * expected, 3 * error)) << where;
    const auto& runs = p95_of_runs.at({table.at(row, "curve"), point.rate});
    const double expected_p95 = mean_of(runs);
    const double p95_error = std::hypot(standard_error(runs), standard_error(p95));
    EXPECT_NEAR(mean_of(p95), expected_p95, std::max(0.05 * expected_p95, 3 * p95_error)) << where;
    p95_within_5_percent += std::abs(mean_of(p95) - expected_p95) <= 0.05 * expected_p95;
  }
  EXPECT_GE(compared, 100u);
  RecordProperty("points", static_cast<int>(compared));
  RecordProperty("p95_within_5_percent", static_cast<int>(p95_within_5_percent));
  std::printf("%zu points, 95th percentile of %zu within 5 %%\n", compared, p95_within_5_percent);
}

// The reference measures about 900 cycles after 600 of warm-up, one to three runs per point. Past
// saturation accepted traffic swings from window to window; what one window spreads is allowed for,
// and only one point needs it.
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
  // All but amp8_k4_l3 with uniform traffic of 4-flit packets at 1.0: 0.50, the reference's only
  // run 0.56, while one window of ours spreads 0.02.
  EXPECT_GE(within_5_percent, static_cast<int>(sums.size()) - 1);
  std::printf("%zu points, %d within 5 %%\n", sums.size(), within_5_percent);
}

}  // namespace
}  // namespace tessera::noc
