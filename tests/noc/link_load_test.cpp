// Loads of links, counted by the simulator, and bounds from routing functions alone.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "noc/study/traffic_pattern.h"
#include "tests/noc/booksim_networks.h"
#include "tests/noc/reference.h"

namespace tessera::noc {
namespace {

std::vector<LinkId> path_of(const Topology& topology, const Routing& routing, NodeId source,
                            NodeId destination) {
  std::vector<LinkId> path;
  RouteQuery query{topology.nodes()[source].router, kNoLink, kAnyClass, source, destination, 0};
  RouteCandidates candidates;
  for (routing.route(query, candidates); candidates[0].link != kEject;
       routing.route(query, candidates)) {
    path.push_back(candidates[0].link);
    query.router = topology.links()[path.back()].to;
    query.in_link = path.back();
    query.in_class = candidates[0].vc_class;
  }
  return path;
}

struct Load {
  std::map<std::pair<RouterId, RouterId>, double> links;
  double mean_routers = 0;
  double worst_ejection = 0;
};

Load expected_load(const std::string& name, const std::string& traffic) {
  const Topology topology = booksim_topology(name);
  const auto routing = booksim_routing(name, topology, "");
  const auto pattern = make_traffic_pattern(traffic, pattern_space(topology), 1);
  const auto nodes = static_cast<NodeId>(topology.nodes().size());
  Load load;
  std::vector<double> ejection(nodes, 0.0);
  for (NodeId source = 0; source < nodes; ++source) {
    const auto shares = pattern->distribution(source);
    for (NodeId destination = 0; destination < nodes; ++destination) {
      if (shares[destination] == 0.0) continue;
      const auto path = path_of(topology, *routing, source, destination);
      load.mean_routers += shares[destination] * static_cast<double>(path.size() + 1) / nodes;
      ejection[destination] += shares[destination];
      for (const LinkId link : path)
        load.links[{topology.links()[link].from, topology.links()[link].to}] += shares[destination];
    }
  }
  load.worst_ejection = *std::max_element(ejection.begin(), ejection.end());
  return load;
}

/// Flits that each link carried when every node had sent its share to every other, per flit that a
/// node sent. Shares are multiples of the smallest one, so as many packets of one flit are exact.
std::map<std::pair<RouterId, RouterId>, double> simulated_load(const std::string& name,
                                                               const std::string& traffic) {
  Topology topology = booksim_topology(name);
  auto routing = booksim_routing(name, topology, "");
  const auto pattern = make_traffic_pattern(traffic, pattern_space(topology), 1);
  TestNetwork net(std::move(topology), std::move(routing), NetworkConfig{});
  const auto nodes = static_cast<NodeId>(net.topology.nodes().size());
  double smallest = 1;
  for (NodeId source = 0; source < nodes; ++source)
    for (const double share : pattern->distribution(source))
      if (share > 0) smallest = std::min(smallest, share);
  for (NodeId source = 0; source < nodes; ++source) {
    const auto shares = pattern->distribution(source);
    for (NodeId destination = 0; destination < nodes; ++destination) {
      const auto packets = static_cast<int>(std::lround(shares[destination] / smallest));
      EXPECT_NEAR(packets * smallest, shares[destination], 1e-12) << traffic;
      for (int i = 0; i < packets; ++i) net.send(0, source, destination, 1, 0);
    }
  }
  net.drain();
  std::map<std::pair<RouterId, RouterId>, double> loads;
  for (const WireStats& wire : net.network.stats().wires)
    if (wire.kind == WireKind::kLink && wire.flits() > 0)
      loads[{wire.from, wire.to}] += static_cast<double>(wire.flits()) * smallest;
  return loads;
}

TEST(LinkLoad, CountedFlitsEqualTheExpectedLoadOfEveryLink) {
  const CsvTable table = load_reference("booksim2/expected_link_load.csv.xz");
  std::map<std::pair<std::string, std::string>, std::map<std::pair<RouterId, RouterId>, double>>
      loads;
  std::map<std::pair<std::string, std::string>, std::size_t> links_seen;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const auto key = std::pair(table.at(row, "topology"), table.at(row, "traffic"));
    if (!loads.contains(key)) loads[key] = simulated_load(key.first, key.second);
    const auto link = std::pair(static_cast<RouterId>(table.integer(row, "from_router")),
                                static_cast<RouterId>(table.integer(row, "to_router")));
    ++links_seen[key];
    ASSERT_NEAR(loads[key][link], table.number(row, "flits_per_cycle_per_unit_injection_rate"),
                6e-6)
        << key.first << " " << key.second << " " << link.first << "->" << link.second;
  }
  for (const auto& [key, links] : loads)
    EXPECT_EQ(links.size(), links_seen[key]) << key.first << " " << key.second;
}

TEST(LinkLoad, BoundsEqualEveryRow) {
  const CsvTable table = load_reference("booksim2/expected_bounds.csv");
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const std::string name = table.at(row, "topology");
    const std::string traffic = table.at(row, "traffic");
    const Load load = expected_load(name, traffic);
    double worst = 0;
    for (const auto& [link, share] : load.links) worst = std::max(worst, share);
    EXPECT_NEAR(load.mean_routers, table.number(row, "mean_routers_visited"), 6e-6) << name;
    EXPECT_NEAR(worst, table.number(row, "max_link_load_per_unit_rate"), 6e-6) << name << traffic;
    EXPECT_NEAR(load.worst_ejection, table.number(row, "max_ejection_load_per_unit_rate"), 6e-6);
    EXPECT_NEAR(1 / std::max({worst, load.worst_ejection, 1.0}),
                table.number(row, "ideal_saturation_flits_per_node_cycle"), 6e-6)
        << name << " " << traffic;
  }
}

/// Positions of the PEs of each layer in rank order.
using Placement = std::vector<std::vector<NodeId>>;

Placement blocked_columns(std::uint32_t side, std::uint32_t depth) {
  Placement layers(depth);
  const std::uint32_t width = side / depth;
  for (std::uint32_t y = 0; y < side; ++y)
    for (std::uint32_t x = 0; x < side; ++x) layers[x / width].push_back(y * side + x);
  return layers;
}

Placement striped_columns(std::uint32_t side, std::uint32_t depth) {
  Placement layers(depth);
  for (std::uint32_t y = 0; y < side; ++y)
    for (std::uint32_t x = 0; x < side; ++x) layers[x % depth].push_back(y * side + x);
  return layers;
}

// Depth 2: colours of the board. Depth 4: every 2 x 2 square holds the four layers, going round.
Placement checkerboard(std::uint32_t side, std::uint32_t depth) {
  Placement layers(depth);
  for (std::uint32_t y = 0; y < side; ++y)
    for (std::uint32_t x = 0; x < side; ++x) {
      const std::uint32_t round = y % 2 == 0 ? x % 2 : 3 - x % 2;
      layers[depth == 2 ? (x + y) % 2 : round].push_back(y * side + x);
    }
  return layers;
}

// Four quadrants, going round.
Placement blocked_quadrants(std::uint32_t side) {
  Placement layers(4);
  const std::uint32_t half = side / 2;
  for (std::uint32_t y = 0; y < side; ++y)
    for (std::uint32_t x = 0; x < side; ++x) {
      const std::uint32_t right = x / half;
      layers[y < half ? right : 3 - right].push_back(y * side + x);
    }
  return layers;
}

Placement place(const std::string& organization, std::uint32_t side, std::uint32_t depth) {
  if (organization == "blocked-1D") return blocked_columns(side, depth);
  if (organization == "blocked-2D") return blocked_quadrants(side);
  if (organization.starts_with("striped")) return striped_columns(side, depth);
  return checkerboard(side, depth);
}

Topology pipeline_topology(const std::string& name, std::uint32_t side, std::uint32_t span) {
  const GridShape shape = grid(side, side);
  if (name == "mesh") return build_mesh(shape);
  if (name == "torus") return build_torus(shape);
  if (name == "flattened-butterfly") return build_flattened_butterfly(shape);
  LongLinks added;
  added.span = span;
  added.everywhere = name == "mesh+long-link-at-every-node";
  return build_long_link_mesh(shape, added, name);
}

// Each producer sends one one-flit packet; the loads are read from the link counters of the
// simulator, the hops from the deliveries.
TEST(LinkLoad, OfPipelinedOrganisationsEqualsEveryRow) {
  class Hops : public DeliveryObserver {
   public:
    void delivered(const Delivery& delivery) override {
      sum += delivery.routers_visited - 1;
      worst = std::max(worst, delivery.routers_visited - 1);
    }
    std::uint64_t sum = 0;
    std::uint32_t worst = 0;
  };
  const CsvTable table = load_reference("pipeorgan/channel_load.csv");
  std::size_t checked = 0;
  for (std::size_t row = 0; row < table.rows(); ++row, ++checked) {
    const auto side = static_cast<std::uint32_t>(table.integer(row, "rows"));
    const auto depth = static_cast<std::uint32_t>(table.integer(row, "depth"));
    const std::string name = table.at(row, "topology");
    const std::string span = table.at(row, "long_link_length");
    Topology topology = pipeline_topology(
        name, side, span.empty() ? 0 : static_cast<std::uint32_t>(std::stoul(span)));
    EXPECT_EQ(topology.links().size(),
              2 * static_cast<std::size_t>(table.integer(row, "bidir_links")));
    auto routing =
        name == "torus" ? make_torus_dimension_order(topology, false, false) : make_xy(topology);
    TestNetwork net(std::move(topology), std::move(routing), {});
    Hops hops;
    net.network.set_observer(&hops);
    const Placement layers = place(table.at(row, "organization"), side, depth);
    std::int64_t messages = 0;
    for (std::uint32_t layer = 0; layer + 1 < depth; ++layer)
      for (std::size_t rank = 0; rank < layers[layer].size(); ++rank, ++messages)
        net.send(0, layers[layer][rank], layers[layer + 1][rank], 1, 0);
    net.drain();
    std::uint64_t worst = 0;
    for (const WireStats& wire : net.network.stats().wires)
      if (wire.kind == WireKind::kLink) worst = std::max(worst, wire.flits());
    const std::string where = "line " + std::to_string(table.line(row)) + " " + name;
    EXPECT_EQ(messages, table.integer(row, "messages")) << where;
    EXPECT_EQ(worst, static_cast<std::uint64_t>(table.integer(row, "max_channel_load"))) << where;
    EXPECT_NEAR(static_cast<double>(hops.sum) / static_cast<double>(messages),
                table.number(row, "avg_hops"), 5e-4)
        << where;
    EXPECT_EQ(hops.worst, table.integer(row, "max_hops")) << where;
  }
  EXPECT_EQ(checked, 182u);
}

}  // namespace
}  // namespace tessera::noc
