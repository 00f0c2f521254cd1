// Flits by traffic class: every link against the paths of the packets that were sent.
#include <gtest/gtest.h>

#include <map>

#include "noc/reduction.h"
#include "sim/base/random.h"
#include "tests/noc/fixture.h"

namespace tessera::noc {
namespace {

constexpr std::uint32_t kClasses = 3;

NetworkConfig with_classes() {
  NetworkConfig config = with_vcs(4);
  config.traffic_classes = kClasses;
  return config;
}

using Counts = std::vector<std::uint64_t>;

/// Flits by class that every wire should have seen.
class Expected {
 public:
  explicit Expected(const TestNetwork& net)
      : net_(net), flits_(net.network.stats().wires.size(), Counts(kClasses)) {}

  void add_link(LinkId link, std::uint32_t traffic_class, std::uint64_t flits) {
    flits_[link][traffic_class] += flits;
  }
  void add_injection(NodeId node, std::uint32_t traffic_class, std::uint64_t flits) {
    flits_[links() + node][traffic_class] += flits;
  }
  void add_ejection(NodeId node, std::uint32_t traffic_class, std::uint64_t flits) {
    flits_[links() + nodes() + node][traffic_class] += flits;
  }
  /// A packet along its only path.
  void add_path(NodeId source, NodeId destination, std::uint32_t traffic_class,
                std::uint64_t flits) {
    add_injection(source, traffic_class, flits);
    add_ejection(destination, traffic_class, flits);
    RouteQuery query{net_.topology.nodes()[source].router, kNoLink, kAnyClass, source, destination};
    RouteCandidates candidates;
    for (net_.routing->route(query, candidates); candidates[0].link != kEject;
         net_.routing->route(query, candidates)) {
      add_link(candidates[0].link, traffic_class, flits);
      query.router = net_.topology.links()[candidates[0].link].to;
      query.in_link = candidates[0].link;
      query.in_class = candidates[0].vc_class;
    }
  }
  void compare() const {
    const auto& wires = net_.network.stats().wires;
    for (std::size_t wire = 0; wire < wires.size(); ++wire)
      EXPECT_EQ(wires[wire].class_flits, flits_[wire]) << "wire " << wire;
  }

 private:
  std::size_t links() const { return net_.topology.links().size(); }
  std::size_t nodes() const { return net_.topology.nodes().size(); }
  const TestNetwork& net_;
  std::vector<Counts> flits_;
};

/// 600 packets of 1 to 9 flits in 300 cycles: contention, runs and packets flit by flit.
template <typename Sent>
void send_randomly(TestNetwork& net, Sent sent) {
  Random random(5);
  const auto nodes = net.topology.nodes().size();
  for (Cycle now = 0; now < 300; ++now) {
    net.network.advance(now, net.sink);
    for (int i = 0; i < 2; ++i) {
      const auto source = static_cast<NodeId>(random.below(nodes));
      const auto destination = static_cast<NodeId>(random.below(nodes));
      const auto flits = static_cast<std::uint32_t>(random.between(1, 9));
      const auto traffic_class = static_cast<std::uint8_t>(random.below(kClasses));
      PacketRequest request{source, {&destination, 1}, flits};
      request.traffic_class = traffic_class;
      net.network.inject(now, request);
      sent(source, destination, traffic_class, flits);
    }
  }
  net.drain();
}

TEST(TrafficClasses, FollowThePathsOfTheirPackets) {
  for (const bool runs : {true, false}) {
    auto config = with_classes();
    config.packet_runs = runs;
    TestNetwork net(build_mesh(grid(4, 4)), make_xy, config);
    Expected expected(net);
    send_randomly(net,
                  [&](NodeId source, NodeId destination, std::uint8_t one, std::uint32_t flits) {
                    expected.add_path(source, destination, one, flits);
                  });
    expected.compare();
    EXPECT_NO_THROW(net.network.stats().check_classes());
  }
}

TEST(TrafficClasses, AddUpWhereverAdaptivePacketsGo) {
  TestNetwork net(build_mesh(grid(4, 4)), make_minimal_adaptive, with_classes());
  std::map<std::uint8_t, std::uint64_t> sent, left;
  send_randomly(net,
                [&](NodeId, NodeId, std::uint8_t one, std::uint32_t flits) { sent[one] += flits; });
  const auto& stats = net.network.stats();
  EXPECT_NO_THROW(stats.check_classes());
  for (const auto& wire : stats.wires)
    for (std::uint8_t one = 0; one < kClasses; ++one)
      if (wire.kind == WireKind::kEjection) left[one] += wire.class_flits[one];
  EXPECT_EQ(left, sent);
}

TEST(TrafficClasses, ForksCountOnEveryBranch) {
  // From node 0 of a line of four to nodes 1 and 3: links 0-1, 1-2 and 2-3 once each.
  TestNetwork net(build_mesh(grid(4, 1)), make_xy, with_classes());
  const std::vector<NodeId> two{1, 3};
  PacketRequest request{0, two, 5};
  request.traffic_class = 2;
  net.network.inject(0, request);
  net.drain();
  Expected expected(net);
  expected.add_injection(0, 2, 5);
  for (const NodeId node : two) expected.add_ejection(node, 2, 5);
  for (LinkId link = 0; link < net.topology.links().size(); ++link)
    if (net.topology.links()[link].from < net.topology.links()[link].to)
      expected.add_link(link, 2, 5);
  expected.compare();
}

class IgnoreSums : public SumSink {
 public:
  void packet_injected(std::uint64_t, NodeId, Cycle) override {}
  void packet_arrived(std::uint64_t, NodeId, Cycle) override {}
  void sum_arrived(std::uint64_t, NodeId, Cycle) override {}
};

TEST(TrafficClasses, SumsOfAddersAreOfTheirTermsClass) {
  // Nodes 1 and 2 of a line of three send terms of 4 flits to node 0. They meet in the adder of
  // router 1: link 2-1 carries one term, link 1-0 their sum.
  auto config = with_classes();
  config.reduction = Reduction::kRouters;
  Topology line = build_mesh(grid(3, 1));
  line.attach_adders();
  TestNetwork net(std::move(line), make_xy, config);
  IgnoreSums sink;
  Reducer reducer(net.network, sink);
  const std::vector<NodeId> sources{1, 2};
  ReductionRequest request{sources, 0, 4, 0, 7};
  request.traffic_class = 1;
  reducer.open(request);
  for (const NodeId source : sources) reducer.contribute(0, 7, source);
  for (Cycle next = reducer.next_event(); next != kNever; next = reducer.next_event())
    reducer.advance(next);
  const auto& stats = net.network.stats();
  EXPECT_NO_THROW(stats.check_classes());
  for (const auto& wire : stats.wires) {
    EXPECT_EQ(wire.class_flits[1], wire.flits());
    if (wire.kind == WireKind::kLink) {
      EXPECT_EQ(wire.flits(), wire.from == wire.to + 1 ? 4u : 0u) << wire.from << wire.to;
    }
  }
}

TEST(TrafficClasses, ThatDoNotAddUpAreAViolation) {
  TestNetwork net(build_mesh(grid(2, 1)), make_xy, with_classes());
  net.send(0, 0, 1, 3, 1);
  net.drain();
  NetworkStats stats = net.network.stats();
  EXPECT_NO_THROW(stats.check_classes());
  ++stats.wires[0].class_flits[2];
  try {
    stats.check_classes();
    FAIL();
  } catch (const InvariantViolation& error) {
    EXPECT_NE(std::string(error.what())
                  .find("link from 0 to 1 carried 3 flits; those of its "
                        "traffic classes are 4"),
              std::string::npos)
        << error.what();
  }
}

TEST(TrafficClasses, AreNotCountedUnlessAskedFor) {
  TestNetwork net(build_mesh(grid(2, 1)), make_xy, with_vcs(1));
  net.send(0, 0, 1, 3, 1);
  net.drain();
  for (const auto& wire : net.network.stats().wires) EXPECT_TRUE(wire.class_flits.empty());
  const NodeId other = 1;
  PacketRequest request{0, {&other, 1}, 1};
  request.traffic_class = 1;
  EXPECT_THROW(net.network.inject(net.network.stats().cycle, request), InvariantViolation);
}

}  // namespace
}  // namespace tessera::noc
