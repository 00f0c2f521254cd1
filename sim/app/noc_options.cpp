#include "sim/app/noc_options.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <functional>

#include "noc/study/message_trace.h"
#include "noc/topology/description.h"
#include "sim/app/inputs.h"
#include "sim/base/error.h"
#include "sim/base/message_io.h"
#include "sim/base/names.h"

namespace tessera::app {

namespace po = boost::program_options;

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
      "xy, yx, xy_yx, west_first, odd_even, minimal_adaptive, shortest_path, table or xy_escape; "
      "default xy");
  add("routing-table", po::value<std::string>(),
      "file of lines: router destination-node next-router");
  add("traffic", po::value<std::string>()->default_value("uniform"),
      ("pattern: " + join(noc::traffic_pattern_names()) + ", hotspot:NODE=WEIGHT,...").c_str());
  add("flow", po::value<std::vector<std::string>>(), "SRC:DST, one flow only; may be repeated");
  add("trace", po::value<std::string>(), "message trace to replay (CSV)");
  add("rate", po::value<double>()->default_value(0.1, "0.1"),
      "offered flits per sending node and cycle");
  add("packet-flits", po::value<std::uint32_t>()->default_value(4), "flits per packet");
  add("burst", po::value<std::string>(),
      "ON:OFF, probabilities per cycle to start and end a burst");
  add("multicast-share", po::value<double>()->default_value(0.0, "0"),
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
  add("out", po::value<std::string>(), "folder for result.json, tables and report.html");
  add("no-report", po::bool_switch(), "leave report.html out of the folder");
  return options;
}

namespace {

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

}  // namespace

Study::Study(const po::variables_map& options)
    : description(describe(options)),
      topology(noc::build_topology(description)),
      routing(noc::build_routing(description, topology)),
      config(noc::network_config(description)) {}

Traffic traffic_of(const po::variables_map& options, const Study& study) {
  Traffic traffic;
  if (options.count("flow") == 0) {
    traffic.name = options["traffic"].as<std::string>();
    traffic.pattern = noc::make_traffic_pattern(traffic.name, noc::pattern_space(study.topology),
                                                options["seed"].as<std::uint64_t>());
    return traffic;
  }
  const std::size_t nodes = study.topology.terminals();
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
      plan.multicast_groups.push_back(parse_group(group, study.topology.terminals()));
  if (plan.multicast_share > 0 && plan.multicast_groups.empty())
    throw UserError("--multicast-share ", plan.multicast_share, " needs a --multicast-group");
  plan.by_flow = true;
  return plan;
}

}  // namespace tessera::app
