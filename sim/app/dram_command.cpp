// `tessera dram`: offers a request trace to one DRAM channel and reports what became of it.
#include "sim/app/dram_command.h"

#include <cstdio>
#include <iostream>
#include <memory>

#include "hw_models/dram/channel.h"
#include "hw_models/dram/channel_report.h"
#include "hw_models/dram/command_trace.h"
#include "hw_models/dram/request_trace.h"
#include "hw_models/dram/timing_checker.h"
#include "sim/base/csv.h"
#include "sim/base/error.h"
#include "sim/base/json.h"
#include "sim/base/output_directory.h"

namespace tessera::app {

namespace po = boost::program_options;
using namespace dram;

namespace {

po::options_description dram_options() {
  po::options_description options("Options");
  const FrFcfsOptions defaults;
  // clang-format off
  options.add_options()
    ("device", po::value<std::string>()->default_value("ddr4_2400"),
     "device table by name, or a .textproto file")
    ("data-rate", po::value<std::uint32_t>(), "clock the device for this data rate, in MT/s")
    ("ranks", po::value<std::uint32_t>(), "number of ranks, instead of the table's")
    ("mapping", po::value<std::string>()->default_value("B"),
     "address mapping: A, B, C, or fields from the most significant on, such as "
     "row,bank^row,column,group")
    ("policy", po::value<std::string>()->default_value("default"),
     "r, r-rowhit, d, d-unified or default")
    ("requests", po::value<std::string>(), "request trace (.csv, .txt or .txt.xz)")
    ("case", po::value<std::string>()->default_value(""), "case inside a .csv request trace")
    ("random", po::value<std::uint64_t>(), "instead of a trace: this many random requests")
    ("write-fraction", po::value<double>()->default_value(1.0 / 3, "0.333"),
     "random requests: share of writes")
    ("load", po::value<double>()->default_value(1.0, "1"),
     "random requests: offered share of the peak bandwidth; 1 saturates")
    ("seed", po::value<std::uint64_t>()->default_value(1), "random requests: seed")
    ("page", po::value<std::string>()->default_value("open"), "default policy: open or closed")
    ("refresh", po::value<std::string>()->default_value("all-bank"),
     "default policy: all-bank or per-bank")
    ("postpone", po::value<std::uint32_t>()->default_value(defaults.postponed_refreshes),
     "default policy: refreshes that may be put off while requests wait")
    ("read-depth", po::value<std::uint32_t>()->default_value(defaults.read_depth),
     "default policy: read buffer entries")
    ("write-depth", po::value<std::uint32_t>()->default_value(defaults.write_depth),
     "default policy: write buffer entries")
    ("age-cap", po::value<std::uint64_t>()->default_value(defaults.age_cap),
     "default policy: cycles after which a request no longer waits for younger row hits")
    ("commands", po::value<std::string>(), "write the command trace to this .csv file")
    ("check", "hold every command against the device's timing rules (exit code 4 if one breaks)")
    ("check-commands", po::value<std::string>(),
     "hold the commands of this .csv file against the device's rules, simulate nothing")
    ("out", po::value<std::string>(), "folder for result.json, banks.csv and bandwidth.csv");
  // clang-format on
  return options;
}

Device chosen_device(const po::variables_map& values) {
  DeviceChanges changes;
  if (values.count("data-rate") != 0)
    changes.data_rate_mt_s = values["data-rate"].as<std::uint32_t>();
  if (values.count("ranks") != 0) changes.ranks = values["ranks"].as<std::uint32_t>();
  return load_device(values["device"].as<std::string>(), changes);
}

ChannelConfig channel_config(const po::variables_map& values) {
  ChannelConfig config;
  config.device = chosen_device(values);
  config.mapping = values["mapping"].as<std::string>();
  config.policy = policy_from_name(values["policy"].as<std::string>());
  config.fr_fcfs.page = page_policy_from_name(values["page"].as<std::string>());
  config.fr_fcfs.refresh = refresh_mode_from_name(values["refresh"].as<std::string>());
  config.fr_fcfs.postponed_refreshes = values["postpone"].as<std::uint32_t>();
  config.fr_fcfs.read_depth = values["read-depth"].as<std::uint32_t>();
  config.fr_fcfs.age_cap = values["age-cap"].as<std::uint64_t>();
  set_write_depth(config.fr_fcfs, values["write-depth"].as<std::uint32_t>());
  return config;
}

RandomRequests::Config random_config(const po::variables_map& values, const Channel& channel) {
  RandomRequests::Config config;
  config.count = values["random"].as<std::uint64_t>();
  config.seed = values["seed"].as<std::uint64_t>();
  config.capacity_bytes = channel.mapping().capacity_bytes();
  config.burst_bytes = channel.burst_bytes();
  config.write_fraction = values["write-fraction"].as<double>();
  if (!(config.write_fraction >= 0 && config.write_fraction <= 1))
    throw UserError("--write-fraction ", config.write_fraction, ": allowed: 0 to 1");
  const double load = values["load"].as<double>();
  if (!(load > 0 && load <= 1)) throw UserError("--load ", load, ": allowed: above 0, up to 1");
  if (load < 1) config.mean_gap_cycles = channel.timing().burst / load;
  return config;
}

/// Passes commands on to those who want them.
class Tee final : public CommandListener {
 public:
  void add(CommandListener& listener) { listeners_.push_back(&listener); }
  void issued(const IssuedCommand& command) override {
    for (CommandListener* listener : listeners_) listener->issued(command);
  }

 private:
  std::vector<CommandListener*> listeners_;
};

void print_latency(const char* name, const dram::proto::Latency& latency) {
  std::printf("%-20s mean %.1f  p50 %llu  p95 %llu  p99 %llu  max %llu cycles\n", name,
              latency.mean(), static_cast<unsigned long long>(latency.p50()),
              static_cast<unsigned long long>(latency.p95()),
              static_cast<unsigned long long>(latency.p99()),
              static_cast<unsigned long long>(latency.max()));
}

void print_bus(const dram::proto::DramResult& result) {
  const auto& bus = result.bus_cycles();
  const double percent = 100.0 / static_cast<double>(result.cycles());
  std::printf(
      "%-20s data %.2f  no requests %.2f  refresh %.2f  row %.2f  turnaround %.2f  bank group %.2f "
      " "
      "arbitration %.2f %%\n",
      "data bus", static_cast<double>(bus.data()) * percent,
      static_cast<double>(bus.no_requests()) * percent,
      static_cast<double>(bus.refresh()) * percent, static_cast<double>(bus.row()) * percent,
      static_cast<double>(bus.turnaround()) * percent,
      static_cast<double>(bus.group_spacing()) * percent,
      static_cast<double>(bus.arbitration()) * percent);
}

void print_summary(const dram::proto::DramResult& result) {
  const auto& counts = result.counts();
  std::printf("%-20s %llu in %llu cycles\n", "requests",
              static_cast<unsigned long long>(result.requests()),
              static_cast<unsigned long long>(result.cycles()));
  std::printf("%-20s %.3f GB/s, %.2f %% of peak\n", "bandwidth", result.bandwidth_gb_per_s(),
              100 * result.bandwidth_fraction());
  print_bus(result);
  print_latency("read latency", result.read_latency_cycles());
  print_latency("write latency", result.write_latency_cycles());
  std::printf("%-20s %.2f %%\n", "row hits", 100 * result.row_hit_rate());
  std::printf(
      "%-20s ACT %llu  PRE %llu  PREA %llu  RD %llu  WR %llu  REF %llu  REFPB %llu\n", "commands",
      static_cast<unsigned long long>(counts.act()), static_cast<unsigned long long>(counts.pre()),
      static_cast<unsigned long long>(counts.prea()), static_cast<unsigned long long>(counts.rd()),
      static_cast<unsigned long long>(counts.wr()), static_cast<unsigned long long>(counts.ref()),
      static_cast<unsigned long long>(counts.refpb()));
  std::printf("%-20s %.3f nJ, %.2f pJ/bit (%s)\n", "energy", 1e-3 * result.energy_pj().total(),
              result.energy_pj_per_bit(), result.energy_source().c_str());
}

std::string banks_csv(const dram::proto::DramResult& result) {
  CsvWriter table({"rank", "bankgroup", "bank", "ACT", "PRE", "RD", "WR"});
  for (const auto& bank : result.banks())
    table.row() << bank.rank() << bank.bank_group() << bank.bank() << bank.act() << bank.pre()
                << bank.rd() << bank.wr();
  return table.text();
}

std::string bandwidth_csv(const dram::proto::DramResult& result) {
  CsvWriter table({"cycle", "busy_cycles", "fraction"});
  const auto& series = result.bandwidth_series();
  for (int i = 0; i < series.busy_cycles_size(); ++i)
    table.row() << static_cast<std::uint64_t>(i) * series.window_cycles() << series.busy_cycles(i)
                << static_cast<double>(series.busy_cycles(i)) /
                       static_cast<double>(series.window_cycles());
  return table.text();
}

void judge(const TimingChecker& checker) {
  std::printf("%-20s %llu commands, %llu violations\n", "timing check",
              static_cast<unsigned long long>(checker.commands()),
              static_cast<unsigned long long>(checker.violations()));
  if (checker.violations() > 0)
    throw DifferenceFound("timing check: ", checker.violations(),
                          " violations, first: ", checker.messages().front());
}

void check_commands(const po::variables_map& values) {
  TimingChecker checker(chosen_device(values));
  for (const IssuedCommand& command :
       load_commands(values["check-commands"].as<std::string>(), chosen_device(values).geometry))
    checker.issued(command);
  judge(checker);
}

std::unique_ptr<RequestSource> request_source(const po::variables_map& values,
                                              const Channel& channel,
                                              std::vector<TraceRequest>& storage) {
  if ((values.count("requests") != 0) == (values.count("random") != 0))
    throw UserError("tessera dram: give either --requests FILE or --random COUNT");
  if (values.count("random") != 0)
    return std::make_unique<RandomRequests>(random_config(values, channel));
  storage = load_requests(values["requests"].as<std::string>(), values["case"].as<std::string>());
  return std::make_unique<ListedRequests>(storage);
}

dram::proto::DramResult result_of(const Channel& channel, const TraceSummary& summary) {
  dram::proto::DramResult result = report_of(channel);
  if (summary.completed > 0)
    result.set_total_latency_mean_cycles(static_cast<double>(summary.latency_from_arrival) /
                                         static_cast<double>(summary.completed));
  return result;
}

void run_dram(const po::variables_map& values) {
  if (values.count("check-commands") != 0) return check_commands(values);
  std::unique_ptr<OutputDirectory> out;
  if (values.count("out") != 0)
    out = std::make_unique<OutputDirectory>(values["out"].as<std::string>());
  Channel channel(channel_config(values));
  std::vector<TraceRequest> storage;
  const auto source = request_source(values, channel, storage);
  CommandTrace trace;
  TimingChecker checker(channel.device());
  Tee tee;
  if (values.count("commands") != 0) tee.add(trace);
  if (values.count("check") != 0) tee.add(checker);
  channel.set_listener(&tee);
  const TraceSummary summary = run_trace(channel, *source);
  const dram::proto::DramResult result = result_of(channel, summary);
  print_summary(result);
  if (values.count("commands") != 0)
    write_file_atomically(values["commands"].as<std::string>(), trace.csv());
  if (values.count("check") != 0) judge(checker);
  if (out == nullptr) return;
  out->add("result.json", to_json(result));
  out->add("banks.csv", banks_csv(result));
  out->add("bandwidth.csv", bandwidth_csv(result));
  out->commit();
}

}  // namespace

Command dram_command() {
  return {.name = "dram",
          .summary = "run a request trace through one DRAM channel",
          .options = dram_options,
          .run = run_dram};
}

}  // namespace tessera::app
