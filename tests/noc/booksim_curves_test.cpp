// Load-latency curves and saturation against BookSim2, with random numbers of our own.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

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

OpenLoopResult measure(const Point& point, Cycle warmup, Cycle cycles, Cycle drain) {
  TestNetwork net = booksim_network(point.topology, point.variant, booksim_config(point.variant));
  const auto pattern = make_traffic_pattern(point.traffic, pattern_space(net.topology), 1);
  OpenLoopPlan plan;
  plan.injection.rate_flits = point.rate;
  plan.packet_flits = point.flits;
  plan.warmup_cycles = warmup;
  plan.measure_cycles = cycles;
  plan.drain_cycles = drain;
  plan.seed = 12345;
  return OpenLoop(net.network, *pattern, plan).run();
}

Point point_of(const CsvTable& table, std::size_t row) {
  return {table.at(row, "topology"), table.at(row, "traffic"), table.at(row, "variant"),
          static_cast<std::uint32_t>(table.integer(row, "packet_size_flits")),
          table.number(row, "offered_flits_per_node_cycle")};
}

/// Per curve the lowest of: first load where the mean is 3 x that of the lowest load, ideal
/// saturation, first unstable load.
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
         {"first_unstable_rate", "first_rate_mean_latency_over_3x_lowest_rate"})
      if (!table.at(row, column).empty()) rate = std::min(rate, table.number(row, column));
    const auto bound = ideal.find({table.at(row, "topology"), table.at(row, "traffic")});
    if (bound != ideal.end()) rate = std::min(rate, bound->second);
    rates[table.at(row, "curve")] = rate;
  }
  return rates;
}

TEST(BooksimCurves, LatencyBelowSaturationAgrees) {
  const CsvTable table = load_reference("booksim2/latency_curves.csv.xz");
  const auto saturation = saturation_rates();
  std::size_t compared = 0;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const Point point = point_of(table, row);
    if (point.rate >= 0.8 * saturation.at(table.at(row, "curve"))) continue;
    ++compared;
    const double nodes = point.topology.starts_with("mesh4") ? 16 : 64;
    const Cycle cycles =
        static_cast<Cycle>(std::max(4000.0, 8000.0 * point.flits / point.rate / nodes));
    const OpenLoopResult result = measure(point, 1000, cycles, 20000);
    const std::string where = table.at(row, "curve") + " at " + std::to_string(point.rate);
    EXPECT_FALSE(result.saturated) << where;
    const double expected = table.number(row, "packet_latency_mean");
    const double error =
        table.number(row, "packet_latency_sd") / std::sqrt(table.number(row, "n_seeds"));
    EXPECT_NEAR(result.latency.packet.mean(), expected, std::max(0.02 * expected, 3 * error))
        << where;
    const double p95 = table.number(row, "p95_mean");
    EXPECT_NEAR(static_cast<double>(result.latency.packet.percentile(0.95)), p95,
                std::max(0.05 * p95, 1.0))
        << where;
  }
  EXPECT_GE(compared, 100u);
}

TEST(BooksimCurves, AcceptedTrafficPastSaturationAgrees) {
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
  for (const auto& [key, sum] : sums) {
    const double expected = sum.first / sum.second;
    const OpenLoopResult result = measure(points.at(key), 600, 2000, 0);
    EXPECT_NEAR(result.accepted_flits_per_node_cycle, expected, 0.05 * expected)
        << key.first << " at " << key.second;
  }
}

}  // namespace
}  // namespace tessera::noc
