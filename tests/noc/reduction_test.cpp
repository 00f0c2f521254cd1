// Sums made on the way, by hand and against the naive network with adders of its own.
#include "noc/reduction.h"

#include <gtest/gtest.h>

#include <map>

#include "noc/energy.h"
#include "sim/base/random.h"
#include "tests/noc/fixture.h"
#include "tests/noc/naive_network.h"

namespace tessera::noc {
namespace {

class SumRecorder : public SumSink {
 public:
  void packet_injected(std::uint64_t, NodeId, Cycle) override {}
  void packet_arrived(std::uint64_t tag, NodeId node, Cycle cycle) override {
    packets.push_back({tag, node, cycle});
  }
  void sum_arrived(std::uint64_t tag, NodeId node, Cycle cycle) override {
    arrived.push_back({tag, node, cycle});
  }
  std::vector<RecordingSink::Record> packets, arrived;
};

NetworkConfig reducing(Reduction where, std::uint32_t entries = 16) {
  NetworkConfig config;
  config.reduction = where;
  config.reduction_entries = entries;
  return config;
}

NetworkConfig with_adder_energy() {
  NetworkConfig config;
  config.energy.adder_pj_per_byte = 0.5;
  return config;
}

Topology with_adders(Topology topology) {
  topology.attach_adders();
  return topology;
}

void drain(Reducer& reducer) {
  for (Cycle next = reducer.next_event(); next != kNever; next = reducer.next_event())
    reducer.advance(next);
}

/// Sum 7 of terms of so many flits that all sources send in cycle 0: where it arrived, and when.
std::vector<RecordingSink::Record> sum_of(TestNetwork& net, const std::vector<NodeId>& sources,
                                          NodeId destination, std::uint32_t flits) {
  SumRecorder sums_made;
  Reducer reducer(net.network, sums_made);
  reducer.open({sources, destination, flits, 0, 7});
  for (const NodeId source : sources) reducer.contribute(0, 7, source);
  drain(reducer);
  return sums_made.arrived;
}

// Line of 4, 1-flit terms of nodes 1, 2 and 3 for node 0, all at cycle 0. Node 3 sends to the
// interface of node 2, its neighbour: 2 + 5 * 2 = 12. Its own term is there; one cycle to add, to
// node 1: 13 + 12 = 25, to node 0: 26 + 12 = 38, where nothing is left to add.
TEST(Reduction, AddsWhereTheTermsMeet) {
  TestNetwork net(build_mesh(grid(4, 1)), make_xy, reducing(Reduction::kInterfaces));
  const auto arrived = sum_of(net, {1, 2, 3}, 0, 1);
  ASSERT_EQ(arrived.size(), 1u);
  EXPECT_EQ(arrived[0], (RecordingSink::Record{7, 0, 38}));
  for (const WireStats& wire : net.network.stats().wires) {
    if (wire.kind == WireKind::kLink) {
      EXPECT_EQ(wire.flits(), wire.to < wire.from ? 1u : 0u);
    }
  }
}

// The destination's own term and that of node 1, which comes 12 cycles after 50; adding takes 4.
TEST(Reduction, TheDestinationAddsItsOwnTerm) {
  TestNetwork net(build_mesh(grid(4, 1)), make_xy, reducing(Reduction::kInterfaces));
  SumRecorder sums_made;
  Reducer reducer(net.network, sums_made, 4);
  const std::vector<NodeId> sources = {0, 1};
  reducer.open({sources, 0, 1, 0, 3});
  reducer.contribute(10, 3, 0);
  reducer.contribute(50, 3, 1);
  drain(reducer);
  ASSERT_EQ(sums_made.arrived.size(), 1u);
  EXPECT_EQ(sums_made.arrived[0].cycle, 50u + 12 + 4);
}

TEST(Reduction, OrdinaryPacketsGoThrough) {
  TestNetwork net(build_mesh(grid(4, 1)), make_xy, reducing(Reduction::kInterfaces));
  SumRecorder sums_made;
  Reducer reducer(net.network, sums_made);
  net.send(0, 0, 1, 1, 9);
  drain(reducer);
  EXPECT_EQ(sums_made.packets, (std::vector<RecordingSink::Record>{{9, 1, 12}}));
  EXPECT_TRUE(sums_made.arrived.empty());
}

TEST(Reduction, MistakesAreTheUsers) {
  TestNetwork net(build_mesh(grid(4, 1)), make_xy, reducing(Reduction::kInterfaces));
  SumRecorder sums_made;
  Reducer reducer(net.network, sums_made);
  const std::vector<NodeId> twice = {1, 1};
  EXPECT_THROW(reducer.open({twice, 0, 1, 0, 1}), UserError);
  const std::vector<NodeId> once = {1};
  reducer.open({once, 0, 1, 0, 1});
  EXPECT_THROW(reducer.open({once, 0, 1, 0, 1}), UserError);
  EXPECT_THROW(Reducer(net.network, sums_made, 0), UserError);
}

// Line of 4, 1-flit terms of nodes 2 and 3 for node 0 in cycle 0, summed by the adder of router 2.
// Node 3: leaves in 1, in router 3 at 2 (routed), channel 3, switch 4, in router 2 at 4 + 3 = 7,
// channel 8, switch 9, read by the adder at 9 + 3 = 12. Node 2's own term: switch 4, read at 7. The
// sum leaves the adder in 13, is in router 2 at 14, switch 16; router 1 at 19, switch 21; router 0
// at 24, switch 26, read by node 0 at 29. Nothing is left to add.
TEST(RouterReduction, AddsBesideTheCrossbar) {
  TestNetwork net(with_adders(build_mesh(grid(4, 1))), make_xy, reducing(Reduction::kRouters));
  const auto arrived = sum_of(net, {2, 3}, 0, 1);
  EXPECT_EQ(arrived, (std::vector<RecordingSink::Record>{{7, 0, 29}}));
  EXPECT_EQ(net.network.stats().added_flits(), 2u);
  EXPECT_EQ(net.network.stats().absorbed_flits(), 1u);
  EXPECT_EQ(net.network.stats().injected_flits(), 2u);
  EXPECT_EQ(net.network.stats().ejected_flits(), 1u);
}

// The same with 6 flits: flit i of node 3's term is read at 12 + i, so flit i of the sum leaves at
// 13 + i and the tail is read 5 cycles after the head. An interface would have waited for the tail.
TEST(RouterReduction, PassesFlitsOnAsTheyCome) {
  TestNetwork net(with_adders(build_mesh(grid(4, 1))), make_xy, reducing(Reduction::kRouters));
  const auto arrived = sum_of(net, {2, 3}, 0, 6);
  EXPECT_EQ(arrived, (std::vector<RecordingSink::Record>{{7, 0, 29 + 5}}));
}

// An adder reads one flit per cycle. In 4 x 3 nodes 1 and 9 send 6 flits each to node 4's column
// mate 5 in the middle row, whose sum goes to node 4: both heads ask for the adder's port of router
// 5 in cycle 9 (as above) and take turns from then on, so the last of 12 flits goes in cycle 20 and
// is read at 23. The sum's tail leaves at 24, is in router 5 at 25 and goes at once, router 4 at
// 28, read at 31.
TEST(RouterReduction, OneFlitPerCycleEntersAnAdder) {
  TestNetwork net(with_adders(build_mesh(grid(4, 3))), make_yx, reducing(Reduction::kRouters));
  const auto arrived = sum_of(net, {1, 9}, 4, 6);
  EXPECT_EQ(arrived, (std::vector<RecordingSink::Record>{{7, 4, 31}}));
}

// Two sums from nodes 2 and 3 for node 0 with one entry: the second finds none and goes as two
// packets, which node 0's interface adds. The first takes 29 as above. Nodes send their second
// packet in cycle 2, on the next channel: node 2's is in router 0 at 2 + 1 + 3 * 2 * ... = as for
// a packet of its own, 2 + 5 * 3 = 17 after cycle 1; node 3's 2 + 5 * 4 = 22 after cycle 1. One
// cycle to add: 24.
TEST(RouterReduction, WithoutAnEntryTheDestinationAdds) {
  TestNetwork net(with_adders(build_mesh(grid(4, 1))), make_xy, reducing(Reduction::kRouters, 1));
  SumRecorder sums_made;
  Reducer reducer(net.network, sums_made);
  const std::vector<NodeId> sources = {2, 3};
  for (const std::uint64_t tag : {7, 8}) {
    reducer.open({sources, 0, 1, 0, tag});
    for (const NodeId source : sources) reducer.contribute(0, tag, source);
  }
  drain(reducer);
  EXPECT_EQ(sums_made.arrived, (std::vector<RecordingSink::Record>{{8, 0, 24}, {7, 0, 29}}));
  EXPECT_EQ(reducer.stats().skipped, 1u);
  EXPECT_EQ(reducer.stats().most_entries, 1u);
  // The entry is free again.
  reducer.open({sources, 0, 1, 0, 9});
  for (const NodeId source : sources) reducer.contribute(100, 9, source);
  drain(reducer);
  EXPECT_EQ(sums_made.arrived.back(), (RecordingSink::Record{9, 0, 129}));
}

// Without reduction every term goes to the destination: from node 3 in 2 + 5 * 4 = 22 cycles, and
// one to add.
TEST(RouterReduction, NoneMeansThatTheDestinationAdds) {
  TestNetwork net(build_mesh(grid(4, 1)), make_xy);
  const auto arrived = sum_of(net, {1, 2, 3}, 0, 1);
  EXPECT_EQ(arrived, (std::vector<RecordingSink::Record>{{7, 0, 23}}));
}

// All nodes of a mesh add up for one corner: each link of the tree carries the packet once, and
// what was injected has been ejected or absorbed.
TEST(RouterReduction, EveryLinkOfTheTreeCarriesOnePacket) {
  for (const std::uint32_t entries : {1u, 16u}) {
    TestNetwork net(with_adders(build_mesh(grid(5, 4))), make_xy,
                    reducing(Reduction::kRouters, entries));
    SumRecorder sums_made;
    Reducer reducer(net.network, sums_made);
    std::vector<NodeId> sources;
    for (NodeId node = 1; node < 20; ++node) sources.push_back(node);
    reducer.open({sources, 0, 7, 0, 1});
    for (const NodeId source : sources) reducer.contribute(0, 1, source);
    drain(reducer);
    ASSERT_EQ(sums_made.arrived.size(), 1u);
    const NetworkStats& stats = net.network.stats();
    std::uint64_t used = 0;
    for (const WireStats& wire : stats.wires) {
      if (wire.kind != WireKind::kLink || wire.flits() == 0) continue;
      EXPECT_EQ(wire.flits(), 7u) << wire.from << " -> " << wire.to;
      ++used;
    }
    EXPECT_EQ(used, 19u);
    EXPECT_EQ(stats.injected_flits(), 19u * 7);
    EXPECT_EQ(stats.ejected_flits(), 7u);
    EXPECT_EQ(stats.injected_flits(), stats.ejected_flits() + stats.absorbed_flits());
    const EnergyBreakdown energy = network_energy(stats, net.topology, with_adder_energy());
    EXPECT_DOUBLE_EQ(energy.adder, static_cast<double>(stats.added_flits()) * 16 * 0.5);
  }
}

// Every node sends to every other as a term: sums of all shapes compete for entries and channels
// and all are made.
TEST(RouterReduction, ManySumsAtOnceDrain) {
  for (const std::uint32_t entries : {1u, 3u, 64u}) {
    TestNetwork net(with_adders(build_mesh(grid(6, 6))), make_xy,
                    reducing(Reduction::kRouters, entries));
    SumRecorder sums_made;
    Reducer reducer(net.network, sums_made);
    std::vector<NodeId> all(36);
    for (NodeId node = 0; node < 36; ++node) all[node] = node;
    for (std::uint64_t tag = 0; tag < 36 * 8; ++tag) {
      reducer.open({all, static_cast<NodeId>(tag % 36), 9, 0, tag});
      for (const NodeId source : all) reducer.contribute(0, tag, (source + tag) % 36);
    }
    drain(reducer);
    EXPECT_EQ(sums_made.arrived.size(), 36u * 8) << entries;
    EXPECT_LE(reducer.stats().most_entries, entries);
    const NetworkStats& stats = net.network.stats();
    EXPECT_EQ(stats.injected_flits(), stats.ejected_flits() + stats.absorbed_flits());
    EXPECT_EQ(stats.injected_flits(), reducer.stats().sent_flits);
  }
}

// The adder counts what it has read when the tail of a term comes.
TEST(RouterReduction, ALostFlitIsNoticed) {
  TestNetwork net(with_adders(build_mesh(grid(4, 1))), make_xy, reducing(Reduction::kRouters));
  SumRecorder sums_made;
  Reducer reducer(net.network, sums_made);
  const std::vector<NodeId> sources = {2, 3};
  reducer.open({sources, 0, 6, 0, 7});
  for (const NodeId source : sources) reducer.contribute(0, 7, source);
  reducer.advance(11);
  for (std::uint32_t vc = 0; vc < 4; ++vc) net.network.lose_flit_to(*net.topology.adder(2), vc);
  EXPECT_THROW(drain(reducer), InvariantViolation);
}

struct Sum {
  std::vector<NodeId> sources;
  NodeId destination;
  std::uint32_t flits;
  std::vector<Cycle> starts;
};

// A mesh with x-then-y routes: a term at (x, y) moves along its row to the column of the
// destination, then along the column. So the row's terms form two chains that end in that column,
// and the interfaces there have what comes from both sides, from the column and of their own.
class NaiveSums : public PacketSink {
 public:
  NaiveSums(const std::vector<Sum>& sums, std::uint32_t columns, const Topology& topology,
            const Routing& routing)
      : sums_(sums), columns_(columns), network_({}, topology, routing) {}

  std::map<std::size_t, Cycle> run() {
    for (std::size_t i = 0; i < sums_.size(); ++i) plan(i);
    for (now_ = 0; finished_.size() < sums_.size() && now_ < 100'000; ++now_) {
      network_.step(now_, *this);
      for (std::size_t i = 0; i < sums_.size(); ++i)
        for (std::size_t k = 0; k < sums_[i].sources.size(); ++k)
          if (sums_[i].starts[k] == now_) leave(i, sums_[i].sources[k], true);
      for (std::size_t i = 0; i < pending_.size(); ++i)
        if (pending_[i].at == now_) leave(pending_[i].sum, pending_[i].node, false);
    }
    return finished_;
  }

  void packet_injected(std::uint64_t, NodeId, Cycle) override {}
  void packet_arrived(std::uint64_t tag, NodeId node, Cycle) override { take(tag, node); }

 private:
  struct Pending {
    Cycle at;
    std::size_t sum;
    NodeId node;
  };

  NodeId step_towards(NodeId node, NodeId target) const {
    const NodeId x = node % columns_;
    const NodeId to = target % columns_;
    if (x != to) return x < to ? node + 1 : node - 1;
    if (node == target) return node;
    return node < target ? node + columns_ : node - columns_;
  }
  /// Terms that pass each node, one per neighbour they come from and one of its own.
  void plan(std::size_t i) {
    std::map<NodeId, std::map<NodeId, int>> from;
    for (const NodeId source : sums_[i].sources) {
      from[source][source] = 1;
      for (NodeId node = source; node != sums_[i].destination;) {
        const NodeId next = step_towards(node, sums_[i].destination);
        from[next][node] = 1;
        node = next;
      }
    }
    for (const auto& [node, terms] : from) {
      const bool adds = terms.size() > 1 || node == sums_[i].destination;
      if (adds) missing_[{i, node}] = terms_[{i, node}] = static_cast<int>(terms.size());
    }
  }
  void leave(std::size_t i, NodeId node, bool own) {
    if (own && missing_.contains({i, node})) return take(i, node);
    if (!own && node == sums_[i].destination) {
      finished_[i] = now_;
      return;
    }
    NodeId target = step_towards(node, sums_[i].destination);
    while (!missing_.contains({i, target})) target = step_towards(target, sums_[i].destination);
    network_.inject(now_, {node, {&target, 1}, sums_[i].flits, 0, i});
  }
  void take(std::size_t i, NodeId node) {
    if (--missing_[{i, node}] > 0) return;
    if (terms_[{i, node}] > 1)
      pending_.push_back({now_ + 1, i, node});
    else
      leave(i, node, false);
  }

  const std::vector<Sum>& sums_;
  const std::uint32_t columns_;
  NaiveNetwork network_;
  Cycle now_ = 0;
  std::map<std::pair<std::size_t, NodeId>, int> missing_, terms_;
  std::vector<Pending> pending_;
  std::map<std::size_t, Cycle> finished_;
};

TEST(Reduction, TakesTheCyclesOfTheNaiveNetwork) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    Random random(seed);
    const auto columns = static_cast<std::uint32_t>(random.between(2, 5));
    const auto rows = static_cast<std::uint32_t>(random.between(1, 4));
    std::vector<Sum> sums(1 + random.below(6));
    for (Sum& sum : sums) {
      sum.destination = static_cast<NodeId>(random.below(columns * rows));
      sum.flits = static_cast<std::uint32_t>(1 + random.below(12));
      for (NodeId node = 0; node < columns * rows; ++node) {
        if (random.below(3) == 0) continue;
        sum.sources.push_back(node);
        sum.starts.push_back(random.below(30));
      }
      if (sum.sources.empty()) {
        sum.sources.push_back(0);
        sum.starts.push_back(3);
      }
    }
    TestNetwork net(build_mesh(grid(columns, rows)), make_xy, reducing(Reduction::kInterfaces));
    const auto expected = NaiveSums(sums, columns, net.topology, *net.routing).run();
    SumRecorder sums_made;
    Reducer reducer(net.network, sums_made);
    for (std::size_t i = 0; i < sums.size(); ++i)
      reducer.open({sums[i].sources, sums[i].destination, sums[i].flits, 0, i});
    for (Cycle cycle = 0; cycle < 30; ++cycle) {
      reducer.advance(cycle);
      for (std::size_t i = 0; i < sums.size(); ++i)
        for (std::size_t k = 0; k < sums[i].sources.size(); ++k)
          if (sums[i].starts[k] == cycle) reducer.contribute(cycle, i, sums[i].sources[k]);
    }
    drain(reducer);
    ASSERT_EQ(sums_made.arrived.size(), sums.size()) << seed;
    for (const auto& record : sums_made.arrived)
      EXPECT_EQ(record.cycle, expected.at(record.tag)) << seed << " sum " << record.tag;
  }
}

}  // namespace
}  // namespace tessera::noc
