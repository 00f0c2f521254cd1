// Traffic patterns, traces, replay and sweeps.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "noc/study/message_trace.h"
#include "noc/study/open_loop.h"
#include "noc/study/replay.h"
#include "noc/study/sweep.h"
#include "noc/study/trace_recorder.h"
#include "tests/noc/fixture.h"
#include "tests/support/refusal.h"

namespace tessera::noc {
namespace {

const PatternSpace k4x4{16, {4, 4}};

NodeId fixed(const std::string& name, NodeId source) {
  Random random(1);
  return make_traffic_pattern(name, k4x4, 1)->destination(source, random);
}

TEST(TrafficPattern, PermutationsFollowTheirDefinition) {
  EXPECT_EQ(fixed("transpose", 6), 9u);  // (2,1) to (1,2)
  EXPECT_EQ(fixed("bitcomp", 6), 9u);    // 0110 to 1001
  EXPECT_EQ(fixed("bitrev", 1), 8u);     // 0001 to 1000
  EXPECT_EQ(fixed("shuffle", 9), 3u);    // 1001 to 0011
  EXPECT_EQ(fixed("neighbor", 3), 4u);   // (3,0) to (0,1)
  EXPECT_EQ(fixed("tornado", 0), 5u);    // ceil(4/2) - 1 = 1 in both
  EXPECT_EQ(fixed("randperm", 5), fixed("randperm", 5));
}

// What is drawn agrees with the stated distribution: chi-square with up to 15 degrees of freedom
// below 45 (p < 0.0001) for every pattern and a few sources.
TEST(TrafficPattern, DrawsFollowTheStatedDistribution) {
  for (const std::string& name : traffic_pattern_names()) {
    const bool big = name == "taper64";
    const PatternSpace space = big ? PatternSpace{64, {8, 8}} : k4x4;
    const auto pattern = make_traffic_pattern(name, space, 3);
    Random random(42);
    for (const NodeId source : {NodeId{0}, NodeId{7}, NodeId{13}}) {
      constexpr int kDraws = 20'000;
      std::vector<int> drawn(space.nodes, 0);
      for (int i = 0; i < kDraws; ++i) ++drawn[pattern->destination(source, random)];
      const auto shares = pattern->distribution(source);
      double sum = 0;
      double chi = 0;
      for (NodeId node = 0; node < space.nodes; ++node) {
        sum += shares[node];
        const double expected = shares[node] * kDraws;
        if (shares[node] == 0) {
          EXPECT_EQ(drawn[node], 0) << name;
          continue;
        }
        chi += (drawn[node] - expected) * (drawn[node] - expected) / expected;
      }
      EXPECT_NEAR(sum, 1.0, 1e-9) << name;
      EXPECT_LT(chi, big ? 120 : 45) << name;
    }
  }
}

TEST(TrafficPattern, ErrorsSayWhatIsNeeded) {
  EXPECT_THROW(make_traffic_pattern("unifrm", k4x4, 1), UserError);
  EXPECT_THROW(make_traffic_pattern("bitcomp", {12, {4, 3}}, 1), UserError);
  EXPECT_THROW(make_traffic_pattern("transpose", {12, {4, 3}}, 1), UserError);
  EXPECT_THROW(make_traffic_pattern("hotspot:99=3", k4x4, 1), UserError);
  EXPECT_THROW(make_traffic_pattern("hotspot:3", k4x4, 1), UserError);
}

TEST(Trace, IsReadAndWrittenWithoutLoss) {
  const std::string text =
      "id,cycle,source,destinations,flits,virtual_network,after,delay\n"
      "1,0,0,3,4,0,,0\n"
      "2,5,3,0 1,2,0,1,7\n";
  EXPECT_EQ(trace_csv(parse_trace(text, "t")), text);
}

TEST(Trace, ErrorsNameFileLineAndValue) {
  const auto message = [](const std::string& rows) {
    return test::refusal_of(
        [&] { parse_trace("id,cycle,source,destinations,flits,after\n" + rows, "t.csv"); });
  };
  EXPECT_NE(message("1,0,0,3,4,\n1,0,0,3,4,\n").find("t.csv:3: id 1"), std::string::npos);
  EXPECT_NE(message("1,0,0,3,4,2\n").find("t.csv:2: message 1 waits for 2"), std::string::npos);
  EXPECT_NE(message("1,-1,0,3,4,\n").find("cycle -1"), std::string::npos);
  EXPECT_NE(message("1,0,0,x,4,\n").find("'x'"), std::string::npos);
  EXPECT_NE(message("1,0,0,,4,\n").find("destination"), std::string::npos);
}

// Line of 4, 1-flit messages. Message 1 leaves at 0 and arrives after 2 + 5 * 4 = 22. Message 2
// waits for it and 10 cycles more: starts at 32 and takes 22. Message 3 waits for both but has
// cycle 100: starts at 100, one hop: 12.
TEST(Replay, AMessageWaitsForWhatItNeedsAndItsDelay) {
  TestNetwork net(build_mesh(grid(4, 1)), make_xy);
  const auto messages = parse_trace(
      "id,cycle,source,destinations,flits,after,delay\n"
      "1,0,0,3,1,,0\n"
      "2,0,3,0,1,1,10\n"
      "3,100,0,1,1,1 2,0\n",
      "t");
  const ReplayResult result = Replay(net.network, messages).run();
  EXPECT_EQ(result.arrived, (std::vector<Cycle>{22, 54, 112}));
  EXPECT_EQ(result.cycles, 112u);
}

TEST(Replay, AMulticastCountsWhenItsLastDestinationHasIt) {
  TestNetwork net(build_mesh(grid(4, 1)), make_xy);
  const auto messages = parse_trace(
      "id,cycle,source,destinations,flits,after\n"
      "1,0,0,1 3,1,\n"
      "2,0,2,3,1,1\n",
      "t");
  const ReplayResult result = Replay(net.network, messages).run();
  EXPECT_EQ(result.arrived, (std::vector<Cycle>{22, 34}));
}

TEST(Replay, RefusesNodesTheNetworkDoesNotHave) {
  TestNetwork net(build_mesh(grid(2, 1)), make_xy);
  const auto messages = parse_trace("id,cycle,source,destinations,flits\n1,0,0,2,1\n", "t");
  EXPECT_THROW(Replay(net.network, messages), UserError);
}

/// Nodes that answer: whatever arrives makes its node send something 3 to 12 cycles later, to one
/// node or to several, until so many packets have been sent.
class Echoing : public PacketSink {
 public:
  Echoing(Network& network, int packets) : network_(network), left_(packets) {}
  void packet_injected(std::uint64_t, NodeId, Cycle) override {}
  void packet_arrived(std::uint64_t, NodeId node, Cycle cycle) override {
    for (std::uint64_t copies = random_.below(3); copies > 0 && left_ > 0; --copies, --left_)
      answers_.emplace(cycle + 3 + random_.below(10), node);
  }
  Cycle run() {
    for (NodeId node = 0; node < 16; ++node) answers_.emplace(node % 4, node);
    Cycle last = 0;
    for (;;) {
      const Cycle answer = answers_.empty() ? kNever : answers_.begin()->first;
      const Cycle next = std::min(answer, network_.next_event());
      if (next == kNever) return last;
      network_.advance(last = next, *this);
      while (!answers_.empty() && answers_.begin()->first == next) {
        send(next, answers_.begin()->second);
        answers_.erase(answers_.begin());
      }
    }
  }

 private:
  void send(Cycle cycle, NodeId node) {
    std::vector<NodeId> group = {static_cast<NodeId>(random_.below(16))};
    for (NodeId other = 0; other < 16 && random_.below(4) == 0; ++other)
      if (other != group[0]) group.push_back(other);
    network_.inject(cycle,
                    {node, group, static_cast<std::uint32_t>(1 + random_.below(8)), 0, tag_++});
  }

  Network& network_;
  int left_;
  Random random_{5};
  std::uint64_t tag_ = 0;
  std::multimap<Cycle, NodeId> answers_;
};

// What a node sends waits for what arrived there last, so the same network gives the same cycles.
TEST(TraceRecorder, ReplayOnTheSameNetworkRepeatsTheRun) {
  TestNetwork net(build_mesh(grid(4, 4)), make_xy);
  TraceRecorder recorder(16);
  net.network.set_observer(&recorder);
  Echoing nodes(net.network, 3000);
  const Cycle end = nodes.run();
  ASSERT_GT(recorder.messages().size(), 500u);
  const auto text = trace_csv(recorder.messages());
  TestNetwork again(build_mesh(grid(4, 4)), make_xy);
  const auto messages = parse_trace(text, "t");
  EXPECT_EQ(Replay(again.network, messages).run().cycles, end);
  const auto& before = net.network.stats().wires;
  const auto& after = again.network.stats().wires;
  for (std::size_t i = 0; i < before.size(); ++i) {
    EXPECT_EQ(before[i].flits(), after[i].flits());
    EXPECT_EQ(before[i].switch_losses(), after[i].switch_losses());
    EXPECT_EQ(before[i].occupancy_flit_cycles(), after[i].occupancy_flit_cycles());
  }
  GridShape slow = grid(4, 4);
  slow.link_latency = 3;
  TestNetwork slower(build_mesh(slow), make_xy);
  EXPECT_GT(Replay(slower.network, messages).run().cycles, end);
}

TEST(TraceRecorder, KeepsTheNetworkInAComment) {
  proto::NetworkDescription network;
  network.set_columns(3);
  network.add_virtual_networks()->set_name("data");
  const std::string text = network_comment(network) + "id,cycle,source,destinations,flits\n";
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2);
  const auto read = network_of_trace(text, "t");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->columns(), 3u);
  EXPECT_EQ(read->virtual_networks(0).name(), "data");
  EXPECT_TRUE(parse_trace(text, "t").empty());
  EXPECT_FALSE(network_of_trace("id,cycle\n", "t"));
  EXPECT_THROW(network_of_trace("# network colums: 3\n", "t"), UserError);
}

// Line of 4. Message 1 goes to 1 (12 cycles) and 3 (22); message 2 starts at node 1, which has it
// after 12: 12 + 2 hops 17 = 29. Message 3 starts at node 0, which does not get it: after 22.
TEST(Replay, AMessageWaitsForTheArrivalAtItsSource) {
  TestNetwork net(build_mesh(grid(4, 1)), make_xy);
  const auto messages = parse_trace(
      "id,cycle,source,destinations,flits,after\n"
      "1,0,0,1 3,1,\n"
      "2,0,1,3,1,1\n"
      "3,0,0,1,1,1\n",
      "t");
  const ReplayResult result = Replay(net.network, messages).run();
  EXPECT_EQ(result.arrived, (std::vector<Cycle>{22, 29, 34}));
}

// The sum of nodes 1 to 3 at node 0 as in the test of the reduction itself: 38. What waits for one
// of its terms starts when the sum is there, at node 0.
TEST(Replay, AddsSumsOnTheirWay) {
  NetworkConfig config;
  config.reduction = Reduction::kInterfaces;
  TestNetwork net(build_mesh(grid(4, 1)), make_xy, config);
  const auto messages = parse_trace(
      "id,cycle,source,destinations,flits,after,sum\n"
      "1,0,1,0,1,,5\n"
      "2,0,2,0,1,,5\n"
      "3,0,3,0,1,,5\n"
      "4,0,0,1,1,2,0\n",
      "t");
  const ReplayResult result = Replay(net.network, messages).run();
  EXPECT_EQ(result.arrived, (std::vector<Cycle>{38, 38, 38, 50}));
  const auto unequal = parse_trace(
      "id,cycle,source,destinations,flits,sum\n"
      "1,0,1,0,1,5\n"
      "2,0,2,0,2,5\n",
      "t");
  EXPECT_THROW(Replay(net.network, unequal), UserError);
}

OpenLoopResult measure_uniform(double rate, std::uint64_t seed) {
  TestNetwork net(build_mesh(grid(4, 4)), make_xy);
  const auto pattern = make_traffic_pattern("uniform", pattern_space(net.topology), 1);
  OpenLoopPlan plan;
  plan.injection.rate_flits = rate;
  plan.seed = seed;
  plan.measure_cycles = 3000;
  plan.drain_cycles = 5000;
  return OpenLoop(net.network, *pattern, plan).run();
}

// Ideal saturation of uniform traffic on 4 x 4 is 1.0; with these routers it is near 0.75.
TEST(Sweep, StopsAfterSaturationAndNarrowsItDown) {
  const Sweep sweep = sweep_load(measure_uniform, 0.25, 1.0, 2, 1);
  EXPECT_GE(sweep.points.size(), 3u);
  EXPECT_TRUE(sweep.points.back().saturated);
  for (std::size_t i = 0; i + 1 < sweep.points.size(); ++i) {
    EXPECT_FALSE(sweep.points[i].saturated);
    EXPECT_LT(sweep.points[i].mean_latency, sweep.points[i + 1].mean_latency);
  }
  ASSERT_TRUE(sweep.saturation);
  EXPECT_GT(sweep.saturation->rate_flits, 0.6);
  EXPECT_LT(sweep.saturation->rate_flits, 0.9);
  EXPECT_FALSE(sweep.saturation->saturated);
}

TEST(Sweep, HasNoSaturationWhereEveryLoadIsStable) {
  const Sweep sweep = sweep_load(measure_uniform, 0.1, 0.2, 1, 1);
  EXPECT_EQ(sweep.points.size(), 2u);
  EXPECT_FALSE(sweep.saturation);
}

// Samples 1, 2, 3: mean 2, deviation 1, t(2) = 4.303: 4.303 / sqrt(3).
TEST(Sweep, ConfidenceIntervalIsStudents) {
  EXPECT_NEAR(confidence95({1, 2, 3}), 4.303 / std::sqrt(3.0), 1e-9);
  EXPECT_EQ(confidence95({5}), 0.0);
}

TEST(OpenLoop, OfferedTrafficIsTheRateAskedFor) {
  const OpenLoopResult result = measure_uniform(0.2, 7);
  EXPECT_NEAR(result.offered_flits_per_node_cycle, 0.2, 0.01);
  EXPECT_FALSE(result.saturated);
  EXPECT_NEAR(result.accepted_flits_per_node_cycle, result.offered_flits_per_node_cycle, 0.01);
}

// Bursts keep the rate while on: half on and half off halves the load.
TEST(OpenLoop, BurstsThinTheTraffic) {
  TestNetwork net(build_mesh(grid(4, 4)), make_xy);
  const auto pattern = make_traffic_pattern("uniform", pattern_space(net.topology), 1);
  OpenLoopPlan plan;
  plan.injection = {0.4, 0.02, 0.02};
  plan.measure_cycles = 20'000;
  const OpenLoopResult result = OpenLoop(net.network, *pattern, plan).run();
  EXPECT_NEAR(result.offered_flits_per_node_cycle, 0.2, 0.02);
}

// Request and reply on virtual networks of their own: as many replies as requests arrive.
TEST(OpenLoop, EveryRequestIsAnswered) {
  NetworkConfig config;
  config.virtual_networks = {{"request", 0, 2}, {"reply", 2, 2}};
  TestNetwork net(build_mesh(grid(4, 4)), make_xy, config);
  const auto pattern = make_traffic_pattern("uniform", pattern_space(net.topology), 1);
  OpenLoopPlan plan;
  plan.injection.rate_flits = 0.05;
  plan.packet_flits = 1;
  plan.reply_flits = 4;
  const OpenLoopResult result = OpenLoop(net.network, *pattern, plan).run();
  EXPECT_FALSE(result.saturated);
  EXPECT_NEAR(result.accepted_flits_per_node_cycle, 0.05 * 5, 0.02);
}

TEST(OpenLoop, SameSeedSameNumbers) {
  const OpenLoopResult a = measure_uniform(0.3, 9);
  const OpenLoopResult b = measure_uniform(0.3, 9);
  EXPECT_EQ(a.latency.packet.bins(), b.latency.packet.bins());
  EXPECT_EQ(a.flit_hops, b.flit_hops);
}

}  // namespace
}  // namespace tessera::noc
