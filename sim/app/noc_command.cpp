#include "sim/app/noc_command.h"

#include <iostream>
#include <optional>

#include "noc/energy.h"
#include "noc/study/link_table.h"
#include "noc/study/message_trace.h"
#include "noc/study/noc_result.pb.h"
#include "noc/study/replay.h"
#include "noc/study/sweep.h"
#include "sim/app/noc_options.h"
#include "sim/base/csv.h"
#include "sim/base/json.h"
#include "sim/base/output_directory.h"
#include "sim/report/assets.h"
#include "sim/report/report.h"

namespace tessera::app {

namespace po = boost::program_options;

namespace {

void fill(const Histogram& histogram, noc::proto::Distribution& out) {
  out.set_count(histogram.count());
  out.set_mean(histogram.mean());
  out.set_p50(histogram.percentile(0.5));
  out.set_p95(histogram.percentile(0.95));
  out.set_p99(histogram.percentile(0.99));
  out.set_max(histogram.max());
}

void fill_latency(const noc::LatencyRecord& record, noc::proto::StudyResult& result) {
  fill(record.packet, *result.mutable_packet_latency_cycles());
  fill(record.network, *result.mutable_network_latency_cycles());
  auto& parts = *result.mutable_packet_latency_parts_cycles();
  parts.set_source_queueing(record.mean_of(record.queueing));
  parts.set_zero_load(record.mean_of(record.zero_load));
  parts.set_contention(record.mean_of(record.contention));
  result.mutable_routers_visited()->set_mean(record.mean_of(record.routers));
}

void fill_network(const noc::Network& network, noc::proto::StudyResult& result) {
  const auto& topology = network.topology();
  result.set_routers(topology.routers());
  if (const auto& grid = topology.grid()) {
    result.set_router_columns(grid->columns);
    result.set_router_rows(grid->rows);
  }
  result.set_bin_cycles(network.config().bin_cycles);
  result.set_nodes(topology.terminals());
  result.set_links(topology.links().size());
  const auto& stats = network.stats();
  result.set_flit_hops(stats.flit_hops());
  auto& worst = *result.mutable_worst_link();
  std::uint64_t most = 0;
  for (const auto& wire : stats.wires) {
    if (wire.kind != noc::WireKind::kLink || wire.busy_cycles() <= most) continue;
    most = wire.busy_cycles();
    worst.set_from(wire.from);
    worst.set_to(wire.to);
    worst.set_flits(wire.flits());
    worst.set_utilisation(static_cast<double>(most) / static_cast<double>(stats.cycle));
  }
  const auto energy = noc::network_energy(stats, topology, network.config());
  auto& out = *result.mutable_energy_pj();
  out.set_source(network.config().energy.source);
  out.set_buffer_write(energy.buffer_write);
  out.set_buffer_read(energy.buffer_read);
  out.set_crossbar(energy.crossbar);
  out.set_arbitration(energy.arbitration);
  out.set_link(energy.link);
  out.set_hop(energy.hop);
  out.set_adder(energy.adder);
  out.set_total(energy.total());
}

void add_point(const noc::SweepPoint& point, noc::proto::StudyResult& result) {
  auto& out = *result.add_curve();
  out.set_offered_flits_per_node_cycle(point.offered);
  out.set_accepted_flits_per_node_cycle(point.accepted);
  out.set_mean_packet_latency_cycles(point.mean_latency);
  out.set_mean_packet_latency_ci95_cycles(point.mean_latency_ci95);
  out.set_p95_packet_latency_cycles(point.p95_latency);
  out.set_saturated(point.saturated);
}

std::string curve_csv(const noc::proto::StudyResult& result) {
  CsvWriter csv({"offered_flits_per_node_cycle", "accepted_flits_per_node_cycle",
                 "mean_packet_latency_cycles", "ci95", "p95_packet_latency_cycles", "saturated"});
  for (const auto& point : result.curve())
    csv.row() << point.offered_flits_per_node_cycle() << point.accepted_flits_per_node_cycle()
              << point.mean_packet_latency_cycles() << point.mean_packet_latency_ci95_cycles()
              << point.p95_packet_latency_cycles() << (point.saturated() ? 1 : 0);
  return csv.text();
}

/// Everything a study ends with.
struct Outcome {
  noc::proto::StudyResult result;
  noc::LatencyRecord latency;
  std::map<std::pair<noc::NodeId, noc::NodeId>, noc::LatencyRecord> flows;
  noc::LatencyByClass classes;
};

/// What the report is made from; `tessera report` makes it again from the folder.
sim::NetworkStudyFiles study_files(const Outcome& outcome, const noc::Network& network) {
  const bool binned = network.config().bin_cycles != 0;
  return {sim::network_study_title(outcome.result),
          to_json(outcome.result),
          noc::links_csv(network.stats()),
          noc::histogram_csv(outcome.classes, network.config()),
          noc::classes_csv(outcome.classes, network.config()),
          binned ? network.time_series().to_csv(network.stats()) : ""};
}

void write_results(const po::variables_map& options, const Outcome& outcome,
                   const noc::Network& network) {
  if (options.count("out") == 0) return;
  OutputDirectory out(options["out"].as<std::string>());
  const auto files = study_files(outcome, network);
  out.add("result.json", files.result);
  out.add("links.csv", files.links);
  out.add("channels.csv", noc::channels_csv(network.stats()));
  out.add("latency_histogram.csv", files.histogram);
  out.add("classes.csv", files.classes);
  out.add("flows.csv", noc::flows_csv(outcome.flows));
  if (outcome.result.curve_size() > 0) out.add("curve.csv", curve_csv(outcome.result));
  if (!files.series.empty()) out.add("link_series.csv", files.series);
  if (sim::charts_available() && !options["no-report"].as<bool>())
    out.add("report.html", sim::network_page(files));
  out.commit();
}

void print_summary(const noc::proto::StudyResult& result) {
  const auto& latency = result.packet_latency_cycles();
  std::cout << result.topology() << ", " << result.routing() << ", " << result.traffic() << "\n"
            << "packet latency  mean " << latency.mean() << "  p50 " << latency.p50() << "  p95 "
            << latency.p95() << "  p99 " << latency.p99() << "  max " << latency.max()
            << " cycles (" << latency.count() << " packets)\n"
            << "accepted        " << result.accepted_flits_per_node_cycle() << " of "
            << result.offered_flits_per_node_cycle() << " flits per node and cycle"
            << (result.saturated() ? ", saturated" : "") << "\n"
            << "busiest link    " << result.worst_link().from() << " -> "
            << result.worst_link().to() << " at " << 100 * result.worst_link().utilisation()
            << " %\n";
  if (result.has_saturation_rate())
    std::cout << "saturation      " << result.saturation_flits_per_node_cycle()
              << " flits per node and cycle, --rate " << result.saturation_rate() << "\n";
  else if (result.curve_size() > 0)
    std::cout << "saturation      not reached\n";
}

void merge(const noc::OpenLoopResult& run, Outcome& outcome) {
  outcome.latency.merge(run.latency);
  for (const auto& [network, record] : run.classes) outcome.classes[network].merge(record);
  for (const auto& [flow, record] : run.flows) outcome.flows[flow].merge(record);
}

noc::SweepPoint run_seeds(const po::variables_map& options, const Study& study,
                          const Traffic& traffic, noc::OpenLoopPlan plan,
                          std::optional<noc::Network>& last, Outcome& outcome) {
  std::vector<noc::OpenLoopResult> runs;
  const auto seeds = std::max<std::uint32_t>(1, options["seeds"].as<std::uint32_t>());
  for (std::uint32_t i = 0; i < seeds; ++i) {
    plan.seed = options["seed"].as<std::uint64_t>() + i;
    last.emplace(study.network());
    runs.push_back(noc::OpenLoop(*last, *traffic.pattern, plan).run());
    merge(runs.back(), outcome);
  }
  auto& result = outcome.result;
  const auto point = noc::summarise(plan.injection.rate_flits, runs);
  result.set_offered_flits_per_node_cycle(point.offered);
  result.set_accepted_flits_per_node_cycle(point.accepted);
  result.set_least_accepted_flits_per_node_cycle(runs.back().least_accepted);
  result.set_saturated(point.saturated);
  result.set_cycles(runs.back().cycles);
  fill_latency(outcome.latency, result);
  if (seeds > 1) result.mutable_packet_latency_cycles()->set_mean_ci95(point.mean_latency_ci95);
  return point;
}

void run_open_loop(const po::variables_map& options, const Study& study, Outcome& outcome) {
  const Traffic traffic = traffic_of(options, study);
  outcome.result.set_traffic(traffic.name);
  noc::OpenLoopPlan plan = plan_of(options, study, traffic);
  if (options.count("sweep") != 0) {
    noc::OpenLoopPlan quiet = plan;
    quiet.by_flow = false;
    const auto at_load = [&](double rate, std::uint64_t seed) {
      quiet.injection.rate_flits = rate;
      quiet.seed = seed;
      noc::Network network = study.network();
      return noc::OpenLoop(network, *traffic.pattern, quiet).run();
    };
    const auto sweep =
        noc::sweep_load(at_load, options["sweep"].as<double>(), options["rate"].as<double>(),
                        std::max<std::uint32_t>(1, options["seeds"].as<std::uint32_t>()),
                        options["seed"].as<std::uint64_t>());
    for (const auto& point : sweep.points) add_point(point, outcome.result);
    if (sweep.saturation) {
      outcome.result.set_saturation_flits_per_node_cycle(sweep.saturation->offered);
      outcome.result.set_saturation_rate(sweep.saturation->rate_flits);
    }
    plan.injection.rate_flits = sweep.points.back().rate_flits;
  }
  std::optional<noc::Network> network;
  run_seeds(options, study, traffic, plan, network, outcome);
  fill_network(*network, outcome.result);
  print_summary(outcome.result);
  write_results(options, outcome, *network);
}

void run_trace(const po::variables_map& options, const Study& study, Outcome& outcome) {
  const auto messages = noc::load_trace(options["trace"].as<std::string>());
  noc::Network network = study.network();
  noc::Replay replay(network, messages);
  const noc::ReplayResult run = replay.run();
  auto& result = outcome.result;
  result.set_traffic("trace of " + std::to_string(run.messages) + " messages");
  result.set_cycles(run.cycles);
  outcome.latency = run.latency;
  outcome.flows = run.flows;
  outcome.classes = run.classes;
  fill_latency(run.latency, result);
  fill_network(network, result);
  const double node_cycles =
      static_cast<double>(run.cycles) * static_cast<double>(study.topology.terminals());
  result.set_accepted_flits_per_node_cycle(
      node_cycles == 0 ? 0 : static_cast<double>(network.stats().ejected_flits()) / node_cycles);
  result.set_offered_flits_per_node_cycle(result.accepted_flits_per_node_cycle());
  print_summary(result);
  write_results(options, outcome, network);
}

void run_noc(const po::variables_map& options) {
  const Study study(options);
  Outcome outcome;
  outcome.result.set_topology(study.topology.name() + " " +
                              std::to_string(study.description.columns()) + "x" +
                              std::to_string(study.description.rows()));
  if (study.description.topology() == noc::proto::LINKS)
    outcome.result.set_topology(study.topology.name());
  outcome.result.set_routing(study.routing->name());
  if (options.count("trace") != 0)
    run_trace(options, study, outcome);
  else
    run_open_loop(options, study, outcome);
}

}  // namespace

Command noc_command() {
  return {"noc", "network studies: synthetic traffic, traces, load curves", &noc_options, &run_noc};
}

}  // namespace tessera::app
