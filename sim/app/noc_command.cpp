#include "sim/app/noc_command.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <optional>

#include "noc/energy.h"
#include "noc/network.h"
#include "noc/study/link_table.h"
#include "noc/study/message_trace.h"
#include "noc/study/noc_result.pb.h"
#include "noc/study/open_loop.h"
#include "noc/study/replay.h"
#include "noc/study/study_page.h"
#include "noc/study/sweep.h"
#include "noc/topology/description.h"
#include "sim/app/inputs.h"
#include "sim/base/csv.h"
#include "sim/base/error.h"
#include "sim/base/json.h"
#include "sim/base/message_io.h"
#include "sim/base/names.h"
#include "sim/base/output_directory.h"

namespace tessera::app {

namespace po = boost::program_options;

namespace {

po::options_description noc_options() {
  po::options_description options("Options");
  auto add = options.add_options();
  add("network", po::value<std::string>(),
      "network description (protobuf text); options override it");
  add("accelerator", po::value<std::string>(),
      "take the network of this accelerator (name or file); --set then changes the accelerator");
  add("topology", po::value<std::string>(),
      "mesh, torus, cmesh, flatfly, express or amp; default mesh");
  add("size", po::value<std::string>(), "COLUMNSxROWS of nodes; default 8x8");
  add("span", po::value<std::uint32_t>(), "routers spanned by the added links of express and amp");
  add("link-latency", po::value<std::uint32_t>(),
      "cycles per link; with express and amp of the added links, the others take 1");
  add("links", po::value<std::string>(), "link list file (protobuf text) instead of --topology");
  add("routing", po::value<std::string>(),
      "xy, yx, xy_yx, west_first, odd_even, minimal_adaptive, shortest_path or table; default xy");
  add("routing-table", po::value<std::string>(),
      "file of lines: router destination-node next-router");
  add("traffic", po::value<std::string>()->default_value("uniform"),
      ("pattern: " + join(noc::traffic_pattern_names()) + ", hotspot:NODE=WEIGHT,...").c_str());
  add("flow", po::value<std::vector<std::string>>(), "SRC:DST, one flow only; may be repeated");
  add("trace", po::value<std::string>(), "message trace to replay (CSV)");
  add("rate", po::value<double>()->default_value(0.1), "offered flits per sending node and cycle");
  add("packet-flits", po::value<std::uint32_t>()->default_value(4), "flits per packet");
  add("burst", po::value<std::string>(),
      "ON:OFF, probabilities per cycle to start and end a burst");
  add("multicast-share", po::value<double>()->default_value(0.0),
      "share of packets that go to a --multicast-group");
  add("multicast-group", po::value<std::vector<std::string>>(), "NODE,NODE,...; may be repeated");
  add("reply-flits", po::value<std::uint32_t>()->default_value(0),
      "answer every packet by one of this length on a virtual network of its own");
  add("vcs", po::value<std::uint32_t>(),
      "virtual channels per link (per virtual network); default 4");
  add("vc-buffer", po::value<std::uint32_t>(), "flits per virtual channel; default 8");
  add("routing-delay", po::value<std::uint32_t>(), "1, or 0 for lookahead; default 1");
  add("credit-delay", po::value<std::uint32_t>(), "cycles until a credit can be used; default 1");
  add("speculative", "request the switch together with the virtual channel");
  add("allocator", po::value<std::string>(), "islip, separable_input_first or wavefront");
  add("detail", po::value<std::string>(), "run or flit: same cycles, flit is slower");
  add("set", po::value<std::vector<std::string>>(), "noc.FIELD=VALUE of the network description");
  add("seed", po::value<std::uint64_t>()->default_value(1), "first seed of the traffic");
  add("seeds", po::value<std::uint32_t>()->default_value(1), "runs with consecutive seeds");
  add("warmup", po::value<Cycle>()->default_value(1000), "cycles before the measurement");
  add("cycles", po::value<Cycle>()->default_value(10000), "cycles of the measurement");
  add("drain", po::value<Cycle>()->default_value(20000),
      "cycles measured packets may take after it");
  add("sweep", po::value<double>(),
      "load step: measure the curve up to --rate and find saturation");
  add("bins", po::value<std::uint32_t>(), "cycles per bin: also write link_series.csv");
  add("out", po::value<std::string>(), "result folder");
  return options;
}

std::string upper(std::string text) {
  for (char& c : text)
    c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

void set_size(const std::string& text, noc::proto::NetworkDescription& description) {
  unsigned columns = 0;
  unsigned rows = 0;
  char end = 0;
  if (std::sscanf(text.c_str(), "%5ux%5u%c", &columns, &rows, &end) != 2)
    throw UserError("--size ", text, ": write COLUMNSxROWS, for example 8x8");
  description.set_columns(columns);
  description.set_rows(rows);
}

template <typename Enum>
void set_enum(const po::variables_map& options, const std::string& option,
              bool (*parse)(const std::string&, Enum*),
              const google::protobuf::EnumDescriptor& type, const std::function<void(Enum)>& set) {
  if (options.count(option) == 0) return;
  Enum value;
  const auto& text = options[option].as<std::string>();
  if (parse(upper(text), &value)) return set(value);
  std::vector<std::string> known;
  for (int i = 0; i < type.value_count(); ++i) {
    std::string name = type.value(i)->name();
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    known.push_back(name);
  }
  throw UserError("--", option, " ", text, ": allowed are ", join(known));
}

void set_choices(const po::variables_map& options, noc::proto::NetworkDescription& description) {
  using namespace noc::proto;
  set_enum<TopologyFamily>(options, "topology", TopologyFamily_Parse, *TopologyFamily_descriptor(),
                           [&](auto value) { description.set_topology(value); });
  set_enum<RoutingFunction>(options, "routing", RoutingFunction_Parse,
                            *RoutingFunction_descriptor(),
                            [&](auto value) { description.set_routing(value); });
  set_enum<Allocator>(options, "allocator", Allocator_Parse, *Allocator_descriptor(),
                      [&](auto value) { description.set_allocator(value); });
  set_enum<Detail>(options, "detail", Detail_Parse, *Detail_descriptor(),
                   [&](auto value) { description.set_detail(value); });
}

void set_virtual_networks(const po::variables_map& options,
                          noc::proto::NetworkDescription& description) {
  const bool replies = options["reply-flits"].as<std::uint32_t>() > 0;
  if (options.count("vcs") == 0 && (!replies || description.virtual_networks_size() > 1)) return;
  const std::uint32_t vcs = options.count("vcs") != 0 ? options["vcs"].as<std::uint32_t>() : 4;
  description.clear_virtual_networks();
  for (const char* name : {"request", "reply"}) {
    auto& network = *description.add_virtual_networks();
    network.set_name(replies ? name : "data");
    network.set_vcs(vcs);
    if (!replies) break;
  }
}

/// The network of an accelerator, its memory interfaces included; --set applies to the accelerator.
noc::proto::NetworkDescription network_of_accelerator(const po::variables_map& options) {
  std::string text;
  return load_accelerator(options, text).network;
}

noc::proto::NetworkDescription network_of_trace(const std::string& path) {
  return noc::network_of_trace(read_file(path), path).value_or(noc::proto::NetworkDescription());
}

noc::proto::NetworkDescription describe(const po::variables_map& options) {
  noc::proto::NetworkDescription description;
  if (options.count("network") != 0)
    load_textproto(options["network"].as<std::string>(), description);
  else if (options.count("accelerator") != 0)
    description = network_of_accelerator(options);
  else if (options.count("trace") != 0)
    description = network_of_trace(options["trace"].as<std::string>());
  if (description.columns() == 0) set_size("8x8", description);
  set_choices(options, description);
  if (options.count("size") != 0) set_size(options["size"].as<std::string>(), description);
  const auto number = [&](const char* option, auto set) {
    if (options.count(option) != 0) (description.*set)(options[option].as<std::uint32_t>());
  };
  using Description = noc::proto::NetworkDescription;
  const bool added =
      description.topology() == noc::proto::EXPRESS || description.topology() == noc::proto::AMP;
  number("span", &Description::set_span);
  number("link-latency",
         added ? &Description::set_long_link_latency : &Description::set_link_latency);
  number("vc-buffer", &Description::set_vc_buffer);
  number("routing-delay", &Description::set_routing_delay);
  number("credit-delay", &Description::set_credit_delay);
  number("bins", &Description::set_bin_cycles);
  if (options.count("bins") != 0 && description.bin_cycles() == 0)
    throw UserError("--bins 0: a bin has at least 1 cycle");
  if (options.count("speculative") != 0) description.set_speculative(true);
  if (options.count("links") != 0) {
    description.set_topology(noc::proto::LINKS);
    description.set_links_file(options["links"].as<std::string>());
    if (options.count("routing") == 0) description.set_routing(noc::proto::SHORTEST_PATH);
  }
  if (options.count("routing-table") != 0) {
    description.set_routing(noc::proto::TABLE);
    description.set_routing_table_file(options["routing-table"].as<std::string>());
  }
  set_virtual_networks(options, description);
  if (options.count("set") != 0 && options.count("accelerator") == 0)
    for (const auto& assignment : options["set"].as<std::vector<std::string>>())
      set_field(description, assignment.starts_with("noc.") ? assignment.substr(4) : assignment);
  return description;
}

/// A description with what is built from it.
struct Study {
  explicit Study(const po::variables_map& options)
      : description(describe(options)),
        topology(noc::build_topology(description)),
        routing(noc::build_routing(description, topology)),
        config(noc::network_config(description)) {}

  noc::Network network() const { return noc::Network(config, topology, *routing); }

  noc::proto::NetworkDescription description;
  noc::Topology topology;
  std::unique_ptr<noc::Routing> routing;
  noc::NetworkConfig config;
};

std::pair<std::string, std::string> halves(const std::string& option, const std::string& text) {
  const auto colon = text.find(':');
  if (colon == std::string::npos) throw UserError("--", option, " ", text, ": write A:B");
  return {text.substr(0, colon), text.substr(colon + 1)};
}

noc::NodeId parse_node(const std::string& option, const std::string& text, std::size_t nodes) {
  const bool digits =
      !text.empty() && text.size() < 9 && text.find_first_not_of("0123456789") == std::string::npos;
  if (!digits || std::stoul(text) >= nodes)
    throw UserError("--", option, " '", text, "': nodes are 0 to ", nodes - 1);
  return static_cast<noc::NodeId>(std::stoul(text));
}

double parse_probability(const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (end == text.c_str() || *end != 0 || !(value > 0 && value <= 1))
    throw UserError("--burst '", text, "': a probability is more than 0 and at most 1");
  return value;
}

std::vector<noc::NodeId> parse_group(const std::string& text, std::size_t nodes) {
  std::vector<noc::NodeId> group;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    group.push_back(parse_node("multicast-group", text.substr(begin, end - begin), nodes));
    begin = end + 1;
  }
  return group;
}

struct Traffic {
  std::unique_ptr<noc::TrafficPattern> pattern;
  std::vector<noc::NodeId> senders;
  std::string name;
};

Traffic traffic_of(const po::variables_map& options, const Study& study) {
  Traffic traffic;
  if (options.count("flow") == 0) {
    traffic.name = options["traffic"].as<std::string>();
    traffic.pattern = noc::make_traffic_pattern(traffic.name, noc::pattern_space(study.topology),
                                                options["seed"].as<std::uint64_t>());
    return traffic;
  }
  const std::size_t nodes = study.topology.nodes().size();
  std::vector<noc::NodeId> destinations(nodes, 0);
  for (const auto& flow : options["flow"].as<std::vector<std::string>>()) {
    const auto [source, destination] = halves("flow", flow);
    const noc::NodeId sender = parse_node("flow", source, nodes);
    if (std::find(traffic.senders.begin(), traffic.senders.end(), sender) != traffic.senders.end())
      throw UserError("--flow ", flow, ": node ", sender, " already has a flow");
    traffic.senders.push_back(sender);
    destinations[sender] = parse_node("flow", destination, nodes);
    traffic.name += (traffic.name.empty() ? "flow " : ", ") + flow;
  }
  traffic.pattern = noc::make_permutation_pattern(std::move(destinations));
  return traffic;
}

noc::OpenLoopPlan plan_of(const po::variables_map& options, const Study& study,
                          const Traffic& traffic) {
  noc::OpenLoopPlan plan;
  plan.injection.rate_flits = options["rate"].as<double>();
  if (options.count("burst") != 0) {
    const auto [on, off] = halves("burst", options["burst"].as<std::string>());
    plan.injection.on_probability = parse_probability(on);
    plan.injection.off_probability = parse_probability(off);
  }
  plan.packet_flits = options["packet-flits"].as<std::uint32_t>();
  if (plan.packet_flits == 0) throw UserError("--packet-flits 0: write at least 1");
  plan.warmup_cycles = options["warmup"].as<Cycle>();
  plan.measure_cycles = options["cycles"].as<Cycle>();
  plan.drain_cycles = options["drain"].as<Cycle>();
  plan.senders = traffic.senders;
  plan.reply_flits = options["reply-flits"].as<std::uint32_t>();
  plan.multicast_share = options["multicast-share"].as<double>();
  if (options.count("multicast-group") != 0)
    for (const auto& group : options["multicast-group"].as<std::vector<std::string>>())
      plan.multicast_groups.push_back(parse_group(group, study.topology.nodes().size()));
  if (plan.multicast_share > 0 && plan.multicast_groups.empty())
    throw UserError("--multicast-share ", plan.multicast_share, " needs a --multicast-group");
  plan.by_flow = true;
  return plan;
}

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
  result.set_nodes(topology.nodes().size());
  result.set_links(topology.links().size());
  const auto& stats = network.stats();
  result.set_flit_hops(stats.flit_hops());
  auto& worst = *result.mutable_worst_link();
  for (const auto& wire : stats.wires) {
    if (wire.kind != noc::WireKind::kLink || wire.flits() <= worst.flits()) continue;
    worst.set_from(wire.from);
    worst.set_to(wire.to);
    worst.set_flits(wire.flits());
    worst.set_utilisation(static_cast<double>(wire.flits() * wire.interval_cycles) /
                          static_cast<double>(stats.cycle));
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
};

void write_results(const po::variables_map& options, const Outcome& outcome,
                   const noc::Network& network) {
  if (options.count("out") == 0) return;
  OutputDirectory out(options["out"].as<std::string>());
  out.add("result.json", to_json(outcome.result));
  out.add("links.csv", noc::links_csv(network.stats()));
  out.add("channels.csv", noc::channels_csv(network.stats()));
  out.add("latency_histogram.csv", noc::histogram_csv(outcome.latency.packet));
  out.add("flows.csv", noc::flows_csv(outcome.flows));
  if (outcome.result.curve_size() > 0) out.add("curve.csv", curve_csv(outcome.result));
  if (network.config().bin_cycles != 0)
    out.add("link_series.csv", network.time_series().to_csv(network.stats()));
  out.add("page.html", noc::study_page(outcome.result, network));
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
  if (result.has_saturation_flits_per_node_cycle())
    std::cout << "saturation      " << result.saturation_flits_per_node_cycle()
              << " flits per node and cycle\n";
}

void merge(const noc::OpenLoopResult& run, Outcome& outcome) {
  outcome.latency.merge(run.latency);
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
    outcome.result.set_saturation_flits_per_node_cycle(sweep.saturation);
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
  fill_latency(run.latency, result);
  fill_network(network, result);
  const double node_cycles =
      static_cast<double>(run.cycles) * static_cast<double>(study.topology.nodes().size());
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
