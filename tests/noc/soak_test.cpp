// Nothing gets stuck: twice the load a network can take, until every packet has arrived. And what
// is lost is noticed.
#include <gtest/gtest.h>

#include "noc/study/traffic_pattern.h"
#include "sim/base/random.h"
#include "tests/noc/fixture.h"

namespace tessera::noc {
namespace {

class ArrivalCount : public PacketSink {
 public:
  void packet_injected(std::uint64_t, NodeId, Cycle) override {}
  void packet_arrived(std::uint64_t, NodeId node, Cycle) override {
    ++arrived;
    ++at_node[node];
  }
  std::uint64_t arrived = 0;
  std::map<NodeId, std::uint64_t> at_node;
};

// Every node offers a flit per cycle, at least twice what these networks of 16 to 64 nodes accept
// of uniform traffic with packets of 1 to 6 flits and few virtual channels.
void soak(Topology topology, std::unique_ptr<Routing> routing, std::uint64_t seed) {
  constexpr std::uint64_t kPackets = 60'000;
  NetworkConfig config = with_vcs(2, 4);
  config.self_check_interval_cycles = 1000;
  const std::string name = topology.name() + " " + routing->name();
  TestNetwork net(std::move(topology), std::move(routing), config);
  Random random(seed);
  ArrivalCount sink;
  const auto nodes = static_cast<NodeId>(net.topology.nodes().size());
  std::uint64_t sent = 0;
  std::vector<std::uint64_t> expected(nodes, 0);
  for (Cycle cycle = 0; sent < kPackets; ++cycle) {
    net.network.advance(cycle, sink);
    for (NodeId source = 0; source < nodes && sent < kPackets; ++source) {
      const auto flits = static_cast<std::uint32_t>(1 + random.below(6));
      if (!random.bernoulli(1.0 / flits)) continue;
      const auto destination = static_cast<NodeId>(random.below(nodes));
      net.send(cycle, source, destination, flits, sent++);
      ++expected[destination];
    }
  }
  for (Cycle next = net.network.next_event(); next != kNever; next = net.network.next_event())
    net.network.advance(next, sink);
  EXPECT_EQ(sink.arrived, kPackets) << name;
  EXPECT_EQ(net.network.packets_under_way(), 0u) << name;
  for (NodeId node = 0; node < nodes; ++node) EXPECT_EQ(sink.at_node[node], expected[node]) << name;
  net.network.check_conservation();
}

TEST(Soak, MeshRoutingsDrain) {
  for (const auto make : {make_xy, make_yx, make_xy_yx, make_west_first, make_odd_even,
                          make_minimal_adaptive, make_shortest_path}) {
    Topology mesh = build_mesh(grid(6, 5));
    auto routing = make(mesh);
    soak(std::move(mesh), std::move(routing), 11);
  }
}

TEST(Soak, OtherTopologiesDrain) {
  Topology torus = build_torus(grid(6, 5));
  auto rings = make_torus_dimension_order(torus, false, true);
  soak(std::move(torus), std::move(rings), 12);
  GridShape shape = grid(8, 8);
  shape.concentration = 2;
  shape.link_latency = 2;
  Topology cmesh = build_concentrated_mesh(shape);
  auto xy = make_xy(cmesh);
  soak(std::move(cmesh), std::move(xy), 13);
  shape.link_latency = 0;
  Topology flatfly = build_flattened_butterfly(shape);
  xy = make_xy(flatfly);
  soak(std::move(flatfly), std::move(xy), 14);
  for (const bool everywhere : {true, false}) {
    LongLinks added;
    added.span = 3;
    added.everywhere = everywhere;
    Topology mesh = build_long_link_mesh(grid(7, 5), added, everywhere ? "amp" : "express");
    xy = make_xy(mesh);
    soak(std::move(mesh), std::move(xy), 15);
  }
  LongLinks slow;
  slow.span = 4;
  slow.latency = 3;
  Topology amp = build_long_link_mesh(grid(8, 8), slow, "amp");
  auto tables = make_shortest_path(amp);
  soak(std::move(amp), std::move(tables), 16);
}

// Half of the packets go to groups; trees and wormholes share the channels.
TEST(Soak, MulticastWithUnicastDrains) {
  TestNetwork net(build_mesh(grid(5, 5)), make_xy, with_vcs(2, 6));
  Random random(17);
  ArrivalCount sink;
  std::uint64_t expected = 0;
  Cycle cycle = 0;
  for (std::uint64_t sent = 0; sent < 20'000; ++cycle) {
    net.network.advance(cycle, sink);
    for (NodeId source = 0; source < 25; ++source) {
      if (!random.bernoulli(0.05)) continue;
      std::vector<NodeId> group;
      const bool many = random.below(2) == 0;
      for (NodeId node = 0; node < 25; ++node)
        if (many && random.below(3) == 0) group.push_back(node);
      if (group.empty()) group.push_back(static_cast<NodeId>(random.below(25)));
      const auto flits = static_cast<std::uint32_t>(1 + random.below(6));
      net.network.inject(cycle, {source, group, flits, 0, sent++});
      expected += group.size();
    }
  }
  for (Cycle next = net.network.next_event(); next != kNever; next = net.network.next_event())
    net.network.advance(next, sink);
  EXPECT_EQ(sink.arrived, expected);
  net.network.check_conservation();
}

TestNetwork checked_network() {
  NetworkConfig config;
  config.self_check_interval_cycles = 500;
  return TestNetwork(build_mesh(grid(4, 4)), make_xy, config);
}

void keep_busy(TestNetwork& net, Cycle from, Cycle to) {
  Random random(3);
  for (Cycle cycle = from; cycle < to; ++cycle) {
    net.network.advance(cycle, net.sink);
    for (NodeId source = 0; source < 16; ++source)
      if (random.bernoulli(0.05))
        net.send(cycle, source, static_cast<NodeId>(random.below(16)), 4, cycle);
  }
}

TEST(SelfCheck, NoticesALostFlitWithinAThousandCycles) {
  TestNetwork net = checked_network();
  keep_busy(net, 0, 2000);
  net.network.lose_flit(3, 1);
  EXPECT_THROW(keep_busy(net, 2000, 3000), InvariantViolation);
}

TEST(SelfCheck, NoticesALostCreditWithinAThousandCycles) {
  TestNetwork net = checked_network();
  keep_busy(net, 0, 2000);
  net.network.lose_credit(5, 0);
  EXPECT_THROW(keep_busy(net, 2000, 3000), InvariantViolation);
}

// A flit is lost from a packet on its way and nothing else happens: the packet can never arrive.
TEST(NoProgress, NamesWhoWaitsForWhat) {
  // A run moves as a whole once it is granted, so a single flit can be lost only where flits move
  // singly.
  NetworkConfig config;
  config.packet_runs = false;
  TestNetwork net(build_mesh(grid(4, 1)), make_xy, config);
  net.send(0, 0, 3, 8, 1);
  net.network.advance(8, net.sink);
  // The head (granted in cycle 5) is on its way to router 1; link 0 leads from router 0 to
  // router 1.
  net.network.lose_flit(0, 0);
  try {
    net.drain();
    FAIL();
  } catch (const NoProgress& error) {
    EXPECT_NE(std::string(error.what()).find("packet to node 3"), std::string::npos);
  }
}

}  // namespace
}  // namespace tessera::noc
