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

constexpr std::uint64_t kPackets =
#ifdef NDEBUG
    1'000'000;
#else
    20'000;
#endif

struct Combination {
  proto::TopologyFamily topology;
  proto::RoutingFunction routing;
};

std::string name_of(const Combination& combination) {
  return proto::TopologyFamily_Name(combination.topology) + "_" +
         proto::RoutingFunction_Name(combination.routing);
}

class Soak : public testing::TestWithParam<Combination> {};

// Every node offers two flits per cycle of uniform traffic, twice what its link into the network
// takes and more than twice what any of these networks accepts, in packets of 1 to 6 flits.
TEST_P(Soak, DrainsAfterTwiceTheLoadItCanTake) {
  proto::NetworkDescription description;
  description.set_topology(GetParam().topology);
  description.set_routing(GetParam().routing);
  description.set_columns(8);
  description.set_rows(6);
  Topology topology = build_topology(description);
  auto routing = build_routing(description, topology);
  TestNetwork net(std::move(topology), std::move(routing), with_vcs(2, 4));
  Random random(11);
  ArrivalCount sink;
  constexpr NodeId kNodes = 48;
  std::uint64_t sent = 0;
  std::vector<std::uint64_t> expected(kNodes, 0);
  for (Cycle cycle = 0; sent < kPackets; ++cycle) {
    net.network.advance(cycle, sink);
    for (NodeId chance = 0; chance < 2 * kNodes && sent < kPackets; ++chance) {
      const auto flits = static_cast<std::uint32_t>(1 + random.below(6));
      if (!random.bernoulli(1.0 / flits)) continue;
      const auto destination = static_cast<NodeId>(random.below(kNodes));
      net.send(cycle, chance % kNodes, destination, flits, sent++);
      ++expected[destination];
    }
  }
  for (Cycle next = net.network.next_event(); next != kNever; next = net.network.next_event())
    net.network.advance(next, sink);
  EXPECT_EQ(sink.arrived, kPackets);
  EXPECT_EQ(net.network.packets_under_way(), 0u);
  for (NodeId node = 0; node < kNodes; ++node) EXPECT_EQ(sink.at_node[node], expected[node]);
  net.network.check_conservation();
}

// Every combination that is not refused for its long links or its cycles.
std::vector<Combination> combinations() {
  using namespace proto;
  std::vector<Combination> all;
  for (const auto topology : {MESH, CMESH, FLATFLY, EXPRESS, AMP})
    for (const auto routing : {XY, YX, XY_YX, MINIMAL_ADAPTIVE, SHORTEST_PATH})
      all.push_back({topology, routing});
  for (const auto topology : {MESH, CMESH})
    for (const auto routing : {WEST_FIRST, ODD_EVEN}) all.push_back({topology, routing});
  for (const auto routing : {XY, YX}) all.push_back({TORUS, routing});
  return all;
}

INSTANTIATE_TEST_SUITE_P(Every, Soak, testing::ValuesIn(combinations()),
                         [](const auto& info) { return name_of(info.param); });

// Half of the packets go to groups; trees and wormholes share the channels.
TEST(MulticastSoak, DrainsWithUnicastTraffic) {
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

TestNetwork checked_network(bool runs) {
  NetworkConfig config;
  config.packet_runs = runs;
  return TestNetwork(build_mesh(grid(4, 4)), make_xy, config);
}

// `rate` packets of 8 flits per node and cycle, some to several nodes.
void keep_busy(TestNetwork& net, Cycle from, Cycle to, double rate) {
  Random random(3);
  for (Cycle cycle = from; cycle < to; ++cycle) {
    net.network.advance(cycle, net.sink);
    for (NodeId source = 0; source < 16; ++source) {
      if (!random.bernoulli(rate)) continue;
      std::vector<NodeId> group = {static_cast<NodeId>(random.below(16))};
      if (random.below(4) == 0) group.push_back((group[0] + 5) % 16);
      net.network.inject(cycle, {source, group, 8, 0, cycle});
    }
  }
}

// With runs and without, in dense and in sparse traffic, on links used and not: the books of the
// channel do not balance at the next check, which comes with the first move after 500 cycles, or
// nothing can move any more before that.
template <typename Fault>
void expect_noticed(Fault fault) {
  for (const bool runs : {false, true})
    for (const double rate : {0.01, 0.001})
      for (LinkId link = 0; link < 48; link += 5) {
        TestNetwork net = checked_network(runs);
        const Cycle when = 2000 + 37 * link;
        keep_busy(net, 0, when, rate);
        fault(net.network, link);
        bool noticed = false;
        try {
          keep_busy(net, when, when + 1000, rate);
        } catch (const InvariantViolation&) {
          noticed = true;
        } catch (const NoProgress&) {
          noticed = true;
        }
        EXPECT_TRUE(noticed) << link << " " << runs << " " << rate;
      }
}

TEST(SelfCheck, NoticesALostFlitWithinAThousandCycles) {
  expect_noticed([](Network& network, LinkId link) { network.lose_flit(link, link % 4); });
}

TEST(SelfCheck, NoticesALostCreditWithinAThousandCycles) {
  expect_noticed([](Network& network, LinkId link) { network.lose_credit(link, link % 4); });
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
