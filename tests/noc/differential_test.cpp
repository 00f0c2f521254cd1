// The event-driven network against the naive one: every packet leaves and arrives in the same
// cycle, on random networks and traffic, with and without packet runs.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "noc/topology/dependency_graph.h"
#include "sim/base/random.h"
#include "tests/noc/fixture.h"
#include "tests/noc/naive_network.h"

namespace tessera::noc {
namespace {

struct Case {
  std::string name;
  Topology topology;
  std::unique_ptr<Routing> routing;
  NetworkConfig config;
};

Topology random_topology(Random& random, int family) {
  GridShape shape = grid(static_cast<std::uint32_t>(random.between(2, 5)),
                         static_cast<std::uint32_t>(random.between(1, 4)));
  shape.link_latency = static_cast<std::uint32_t>(random.between(1, 3));
  shape.injection_latency = static_cast<std::uint32_t>(random.between(1, 2));
  shape.ejection_latency = static_cast<std::uint32_t>(random.between(1, 3));
  LongLinks long_links;
  long_links.span = static_cast<std::uint32_t>(random.between(2, 3));
  long_links.latency = static_cast<std::uint32_t>(random.between(1, 3));
  switch (family) {
    case 0:
      return build_mesh(shape);
    case 1:
      return build_torus(shape);
    case 2:
      shape.columns = 4;
      shape.rows = 4;
      shape.concentration = 2;
      return build_concentrated_mesh(shape);
    case 3:
      shape.columns = 6;
      shape.rows = 4;
      shape.concentration = 2;
      shape.link_latency = random.below(2) == 0 ? 0 : shape.link_latency;
      return build_flattened_butterfly(shape);
    case 4:
      long_links.everywhere = false;
      return build_long_link_mesh(shape, long_links, "express");
    default:
      return build_long_link_mesh(shape, long_links, "amp");
  }
}

std::unique_ptr<Routing> random_routing(Random& random, const Topology& topology, int family) {
  if (family == 1) return make_torus_dimension_order(topology, random.below(2) == 0, true);
  if (random.below(6) == 0) {
    auto tables = make_shortest_path(topology);
    if (DependencyGraph(topology, *tables).find_cycle().empty()) return tables;
  }
  const auto pick = random.below(family == 0 || family == 2 ? 6 : 4);
  switch (pick) {
    case 0:
      return make_xy(topology);
    case 1:
      return make_yx(topology);
    case 2:
      return make_xy_yx(topology);
    case 3:
      return make_minimal_adaptive(topology);
    case 4:
      return make_west_first(topology);
    default:
      return make_odd_even(topology);
  }
}

// Mostly the default delays and iSLIP; every option appears alone and in combinations.
NetworkConfig random_config(Random& random, bool multicast) {
  NetworkConfig config;
  config.virtual_networks = {{"a", 0, static_cast<std::uint32_t>(random.between(2, 4))}};
  if (random.below(3) == 0) {
    const std::uint32_t first = config.virtual_networks[0].vcs;
    config.virtual_networks.push_back({"b", first, 2});
    if (random.below(2) == 0) config.virtual_networks.push_back({"c", first + 2, 2});
  }
  config.vc_buffer_flits = static_cast<std::uint32_t>(random.between(1, 9));
  if (random.below(2) == 0) config.vc_buffer_flits = 8;
  config.routing_delay = random.below(4) == 0 ? 0 : 1;
  config.credit_delay = static_cast<std::uint32_t>(random.below(3));
  config.speculative = random.below(4) == 0;
  config.wait_for_tail_credit = random.below(6) == 0;
  if (!multicast) {
    config.hold_switch_for_packet = random.below(6) == 0;
    const auto kind = random.below(6);
    if (kind == 0) config.allocator = AllocatorKind::kSeparableInputFirst;
    if (kind == 1) config.allocator = AllocatorKind::kWavefront;
  }
  config.seed = random.next();
  config.self_check_interval_cycles = 16;
  return config;
}

struct Traffic {
  std::vector<SumRequest> sums;  ///< numbered in this order
  std::vector<std::pair<Cycle, PacketRequest>> packets;
  std::vector<std::vector<NodeId>> groups;
};

std::vector<NodeId> random_group(Random& random, std::uint32_t nodes, bool multicast) {
  if (!multicast || nodes < 2 || random.below(3) != 0)
    return {static_cast<NodeId>(random.below(nodes))};
  std::vector<NodeId> group;
  const std::uint64_t keep = 1 + random.below(4);
  for (NodeId node = 0; node < nodes; ++node)
    if (random.below(4) < keep) group.push_back(node);
  if (group.size() < 2) group = {0, 1};
  return group;
}

Traffic random_traffic(Random& random, const Case& test, bool multicast) {
  Traffic traffic;
  const auto nodes = test.topology.terminals();
  const int packets = 40 + static_cast<int>(random.below(60));
  const std::uint64_t spread = 1 + random.below(20);
  const std::uint64_t longest = 1 + random.below(24);
  const bool hot = random.below(4) == 0;
  Cycle now = random.below(5);
  for (int i = 0; i < packets; ++i) {
    now += random.below(spread);
    traffic.groups.push_back(hot && random.below(2) == 0 ? std::vector<NodeId>{0}
                                                         : random_group(random, nodes, multicast));
    PacketRequest request;
    request.source = static_cast<NodeId>(random.below(nodes));
    request.flits = static_cast<std::uint32_t>(1 + random.below(longest));
    if (traffic.groups.back().size() > 1)
      request.flits = std::min(request.flits, test.config.vc_buffer_flits);
    request.virtual_network =
        static_cast<std::uint8_t>(random.below(test.config.virtual_networks.size()));
    request.tag = static_cast<std::uint64_t>(i);
    traffic.packets.emplace_back(now, request);
  }
  for (std::size_t i = 0; i < traffic.packets.size(); ++i)
    traffic.packets[i].second.destinations = traffic.groups[i];
  return traffic;
}

/// A sum at the adder of a random router with terms of random nodes and of other adders.
void add_sum(Random& random, const Case& test, NodeId destination, SumId into, SumRequest sum,
             int depth, Traffic& traffic) {
  const auto routers = test.topology.routers();
  const auto number = static_cast<SumId>(traffic.sums.size());
  sum.adder = *test.topology.adder(static_cast<RouterId>(random.below(routers)));
  sum.destination = destination;
  sum.into = into;
  sum.terms = static_cast<std::uint32_t>(random.between(2, 5));
  traffic.sums.push_back(sum);
  for (std::uint32_t term = 0; term < sum.terms; ++term) {
    if (depth < 3 && random.below(3) == 0) {
      add_sum(random, test, sum.adder, number, sum, depth + 1, traffic);
      continue;
    }
    PacketRequest request;
    request.source = static_cast<NodeId>(random.below(test.topology.terminals()));
    request.flits = sum.flits;
    request.virtual_network = sum.virtual_network;
    request.tag = 1000 + traffic.packets.size();
    request.sum = number;
    traffic.groups.push_back({sum.adder});
    traffic.packets.emplace_back(random.below(200), request);
  }
}

void add_sums(Random& random, const Case& test, Traffic& traffic) {
  const std::uint64_t longest = 1 + random.below(24);
  const int trees = 1 + static_cast<int>(random.below(12));
  for (int i = 0; i < trees; ++i) {
    SumRequest sum;
    sum.flits = static_cast<std::uint32_t>(1 + random.below(longest));
    sum.virtual_network =
        static_cast<std::uint8_t>(random.below(test.config.virtual_networks.size()));
    sum.tag = 100'000 + static_cast<std::uint64_t>(i);
    const auto destination = static_cast<NodeId>(random.below(test.topology.terminals()));
    add_sum(random, test, destination, kNoSum, sum, 0, traffic);
  }
  for (std::size_t i = 0; i < traffic.packets.size(); ++i)
    traffic.packets[i].second.destinations = traffic.groups[i];
  std::stable_sort(traffic.packets.begin(), traffic.packets.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
}

RecordingSink run_naive(const Case& test, const Traffic& traffic) {
  NaiveNetwork network(test.config, test.topology, *test.routing);
  for (const SumRequest& sum : traffic.sums) network.open_sum(sum);
  RecordingSink sink;
  std::size_t next = 0;
  for (Cycle cycle = 0; cycle < 1'000'000; ++cycle) {
    network.step(cycle, sink);
    while (next < traffic.packets.size() && traffic.packets[next].first == cycle)
      network.inject(cycle, traffic.packets[next++].second);
    if (next == traffic.packets.size() && network.idle()) break;
  }
  return sink;
}

RecordingSink run_network(const Case& test, const Traffic& traffic, bool runs) {
  NetworkConfig config = test.config;
  config.packet_runs = runs;
  Network network(config, test.topology, *test.routing);
  for (const SumRequest& sum : traffic.sums) network.open_sum(sum);
  RecordingSink sink;
  for (const auto& [cycle, request] : traffic.packets) {
    network.advance(cycle, sink);
    network.inject(cycle, request);
  }
  for (Cycle next = network.next_event(); next != kNever; next = network.next_event())
    network.advance(next, sink);
  EXPECT_EQ(network.packets_under_way(), 0u);
  if (traffic.sums.empty()) return sink;
  const NetworkStats& stats = network.stats();
  std::uint64_t absorbed = 0;
  for (const SumRequest& sum : traffic.sums) absorbed += (sum.terms - 1) * sum.flits;
  EXPECT_EQ(stats.absorbed_flits(), absorbed);
  return sink;
}

Topology with_narrow_links(const Topology& topology, Random& random) {
  std::vector<Link> links = topology.links();
  for (Link& link : links)
    if (random.below(4) == 0) link.width_bytes = 16 >> random.below(3);
  return Topology(topology.name(), topology.routers(), topology.nodes(), links, topology.grid(),
                  topology.node_grid());
}

void compare(std::uint64_t seed, bool multicast, bool sums) {
  Random random(seed);
  const int family = static_cast<int>(random.below(6));
  Topology topology = random_topology(random, family);
  if (random.below(4) == 0) topology = with_narrow_links(topology, random);
  if (random.below(4) == 0)
    topology.attach({static_cast<RouterId>(random.below(topology.routers())), 2, 1});
  if (sums) topology.attach_adders();
  auto routing = random_routing(random, topology, family);
  Case test{"seed " + std::to_string(seed), std::move(topology), std::move(routing),
            random_config(random, multicast)};
  SCOPED_TRACE(test.name + " " + test.topology.name() + " " + test.routing->name());
  Traffic traffic = random_traffic(random, test, multicast);
  if (sums) add_sums(random, test, traffic);
  const RecordingSink expected = run_naive(test, traffic);
  RecordingSink flits;
  RecordingSink runs;
  ASSERT_NO_THROW(flits = run_network(test, traffic, false));
  ASSERT_NO_THROW(runs = run_network(test, traffic, true));
  EXPECT_EQ(flits.injected, expected.injected);
  EXPECT_EQ(flits.arrived, expected.arrived);
  EXPECT_EQ(runs.injected, expected.injected);
  EXPECT_EQ(runs.arrived, expected.arrived);
}

TEST(Differential, UnicastPacketsArriveInTheSameCycles) {
  for (std::uint64_t seed = 1; seed <= 1000 && !HasFailure(); ++seed) compare(seed, false, false);
}

TEST(Differential, MulticastPacketsArriveInTheSameCycles) {
  for (std::uint64_t seed = 10'001; seed <= 10'600 && !HasFailure(); ++seed)
    compare(seed, true, false);
}

// With sums of any shape between packets to one and to several nodes.
TEST(Differential, SumsOfAddersArriveInTheSameCycles) {
  for (std::uint64_t seed = 20'001; seed <= 20'600 && !HasFailure(); ++seed)
    compare(seed, seed % 2 == 0, true);
}

}  // namespace
}  // namespace tessera::noc
