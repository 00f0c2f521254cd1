// Every case that Ramulator 2.1 and DRAMsim3 ran (validation/reference/dram), command by command.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "hw_models/dram/channel.h"
#include "hw_models/dram/channel_report.h"
#include "hw_models/dram/energy.h"
#include "hw_models/dram/request_trace.h"
#include "sim/base/csv.h"

namespace tessera::dram {
namespace {

const std::string kData = TESSERA_SOURCE_DIR "/validation/reference/dram/";

class Recorder final : public CommandListener {
 public:
  void issued(const IssuedCommand& command) override { commands.push_back(command); }
  std::vector<IssuedCommand> commands;
};

const std::map<std::string, std::string> kPolicyOfTool = {
    {"r2-frfcfs", "r"}, {"r2-rowhit", "r-rowhit"}, {"ds3-split", "d"}, {"ds3-uni", "d-unified"}};

struct CaseRun {
  Device device;
  std::vector<TraceRequest> requests;
  TraceSummary summary;
  Recorder recorder;
  ChannelStats stats;
};

CaseRun run_case(const std::string& device, const std::string& mapping, const std::string& tool,
                 const std::vector<TraceRequest>& requests) {
  CaseRun run;
  run.requests = requests;
  run.device = load_device(device);
  Channel channel({.device = run.device,
                   .mapping = mapping,
                   .policy = policy_from_name(kPolicyOfTool.at(tool)),
                   .fr_fcfs = {}});
  channel.set_listener(&run.recorder);
  ListedRequests source(run.requests);
  run.summary = run_trace(channel, source);
  run.stats = channel.stats();
  return run;
}

std::string text_of(const IssuedCommand& c) {
  return std::to_string(c.cycle) + "," + command_name(c.kind) + "," + std::to_string(c.bank_group) +
         "," + std::to_string(c.bank) + "," + std::to_string(c.row) + "," +
         std::to_string(c.column);
}

std::vector<std::string> expected_commands(const CsvTable& table, const std::string& name,
                                           const std::string& tool) {
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < table.rows(); ++i)
    if (table.at(i, "case") == name && table.at(i, "tool") == tool)
      lines.push_back(table.at(i, "cycle") + "," + table.at(i, "cmd") + "," +
                      table.at(i, "bankgroup") + "," + table.at(i, "bank") + "," +
                      table.at(i, "row") + "," + table.at(i, "col"));
  return lines;
}

/// Equal to the five decimals the data are printed with.
void expect_printed(const CsvTable& table, std::size_t row, const std::string& column,
                    double value) {
  if (table.at(row, column).empty()) return;
  EXPECT_NEAR(value, table.number(row, column), 0.500001e-5) << column;
}

void expect_percentiles(const CsvTable& table, std::size_t i, const ChannelStats& stats) {
  const Histogram& reads = stats.latency[0];
  if (reads.count() > 0) {
    EXPECT_EQ(latency_quantile(reads, 0.50), table.integer(i, "rd_p50"));
    EXPECT_EQ(latency_quantile(reads, 0.95), table.integer(i, "rd_p95"));
    EXPECT_EQ(latency_quantile(reads, 0.99), table.integer(i, "rd_p99"));
    EXPECT_EQ(reads.max(), table.integer(i, "rd_max"));
  }
  if (stats.latency[1].count() > 0) {
    EXPECT_EQ(latency_quantile(stats.latency[1], 0.95), table.integer(i, "wr_p95"));
  }
}

void expect_energy(const CsvTable& table, std::size_t i, const CaseRun& run) {
  const EnergyBreakdown energy = energy_of(run.device, run.stats, run.stats.last_data_end);
  const std::pair<const char*, double> parts[] = {
      {"e_act", energy.activate}, {"e_rd", energy.read},       {"e_wr", energy.write},
      {"e_ref", energy.refresh},  {"e_bg", energy.background}, {"e_total_pJ", energy.total()}};
  for (const auto& [column, value] : parts)
    EXPECT_NEAR(value, table.number(i, column), 1e-6 * table.number(i, column)) << column;
}

void expect_summary(const CsvTable& table, std::size_t i, const CaseRun& run) {
  const ChannelStats& stats = run.stats;
  const std::pair<const char*, CommandKind> counts[] = {
      {"ACT", CommandKind::kActivate},      {"PRE", CommandKind::kPrecharge},
      {"PREA", CommandKind::kPrechargeAll}, {"RD", CommandKind::kRead},
      {"WR", CommandKind::kWrite},          {"REF", CommandKind::kRefresh}};
  for (const auto& [name, kind] : counts)
    EXPECT_EQ(stats.count(kind), table.integer(i, name)) << name;
  EXPECT_EQ(stats.last_data_end, table.integer(i, "cycles"));
  EXPECT_EQ(stats.bursts(), table.integer(i, "cas"));
  expect_printed(table, i, "bw_frac",
                 static_cast<double>(stats.bus.data) / static_cast<double>(stats.last_data_end));
  expect_printed(table, i, "rd_avg", stats.latency[0].mean());
  expect_printed(table, i, "wr_avg", stats.latency[1].mean());
  expect_printed(table, i, "total_avg",
                 static_cast<double>(run.summary.latency_from_arrival) /
                     static_cast<double>(run.summary.completed));
  expect_percentiles(table, i, stats);
  expect_energy(table, i, run);
  expect_printed(table, i, "hit_rate", stats.row_hit_rate());
  EXPECT_EQ(stats.bus.total(), stats.last_data_end);
}

TEST(SmallCases, CommandTracesAreIdenticalToTheTools) {
  const CsvTable results = CsvTable::load(kData + "results_small.csv");
  std::map<std::string, CsvTable> traces;
  std::size_t compared = 0;
  for (std::size_t i = 0; i < results.rows(); ++i) {
    const std::string tool = results.at(i, "tool");
    if (!kPolicyOfTool.contains(tool)) continue;
    const std::string set = "small." + results.at(i, "dev") + "." + results.at(i, "map") + ".csv";
    const std::string name = results.at(i, "case");
    SCOPED_TRACE(set + " " + name + " " + tool);
    if (!traces.contains(set)) traces.emplace(set, CsvTable::load(kData + "commands/" + set));
    const auto expected = expected_commands(traces.at(set), name, tool);
    const CaseRun run = run_case(results.at(i, "dev"), results.at(i, "map"), tool,
                                 load_requests(kData + "requests/" + set, name));
    std::vector<std::string> commands;
    for (const auto& command : run.recorder.commands) commands.push_back(text_of(command));
    ASSERT_EQ(commands, expected);
    if (!expected.empty()) expect_summary(results, i, run);
    ++compared;
  }
  EXPECT_EQ(compared, 104u * kPolicyOfTool.size());
}

TEST(LargeCases, CountsCyclesAndLatenciesEqualTheTools) {
  const CsvTable results = CsvTable::load(kData + "results_large.csv");
  std::map<std::string, std::size_t> compared;
  for (std::size_t i = 0; i < results.rows(); ++i) {
    const std::string tool = results.at(i, "tool");
    if (!kPolicyOfTool.contains(tool)) continue;
    const std::string set =
        results.at(i, "dev") + "." + results.at(i, "map") + "." + results.at(i, "case");
    SCOPED_TRACE(set + " " + tool);
    const CaseRun run = run_case(results.at(i, "dev"), results.at(i, "map"), tool,
                                 load_requests(kData + "requests/" + set + ".txt.xz", ""));
    expect_summary(results, i, run);
    ++compared[tool];
  }
  EXPECT_EQ(compared["r2-frfcfs"], 139u);
  EXPECT_EQ(compared["r2-rowhit"], 48u);
  EXPECT_EQ(compared["ds3-split"], 139u);
  EXPECT_EQ(compared["ds3-uni"], 9u);
}

TEST(DefaultPolicy, HasTheBandwidthOfTheBetterToolOnNineTenthsOfTheLargeCases) {
  const CsvTable results = CsvTable::load(kData + "results_large.csv");
  std::map<std::vector<std::string>, double> best;  // bursts per cycle by device, mapping, case
  for (std::size_t i = 0; i < results.rows(); ++i) {
    double& rate = best[{results.at(i, "dev"), results.at(i, "map"), results.at(i, "case")}];
    rate = std::max(rate, results.number(i, "cas") / results.number(i, "cycles"));
  }
  std::size_t reached = 0;
  for (const auto& [key, rate] : best) {
    const std::string set = key[0] + "." + key[1] + "." + key[2];
    SCOPED_TRACE(set);
    const auto requests = load_requests(kData + "requests/" + set + ".txt.xz", "");
    const ChannelConfig config{.device = load_device(key[0]), .mapping = key[1]};
    Channel channel(config);
    run_trace(channel, requests);
    const ChannelStats& stats = channel.stats();
    EXPECT_EQ(stats.bursts(), requests.size());
    EXPECT_EQ(stats.bus.total(), stats.last_data_end);
    EXPECT_LE(stats.latency[0].max(),
              read_wait_bound(config.fr_fcfs, config.device) + config.device.timing.read_latency());
    reached +=
        static_cast<double>(stats.bursts()) / static_cast<double>(stats.last_data_end) >= rate;
  }
  EXPECT_EQ(best.size(), 139u);
  EXPECT_GE(reached, 126u) << "of 139";
  RecordProperty("reached", static_cast<int>(reached));
}

}  // namespace
}  // namespace tessera::dram
