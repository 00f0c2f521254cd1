// Sums made on the way, by hand and against the naive network with adders of its own.
#include "noc/reduction.h"

#include <gtest/gtest.h>

#include <map>

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

void drain(Reducer& reducer) {
  for (Cycle next = reducer.next_event(); next != kNever; next = reducer.next_event())
    reducer.advance(next);
}

// Line of 4, 1-flit terms of nodes 1, 2 and 3 for node 0, all at cycle 0. Node 3 sends to the
// interface of node 2, its neighbour: 2 + 5 * 2 = 12. Its own term is there; one cycle to add, to
// node 1: 13 + 12 = 25, to node 0: 26 + 12 = 38, where nothing is left to add.
TEST(Reduction, AddsWhereTheTermsMeet) {
  TestNetwork net(build_mesh(grid(4, 1)), make_xy);
  SumRecorder sums_made;
  Reducer reducer(net.network, sums_made);
  const std::vector<NodeId> sources = {1, 2, 3};
  reducer.open({sources, 0, 1, 0, 7});
  for (const NodeId source : sources) reducer.contribute(0, 7, source);
  drain(reducer);
  ASSERT_EQ(sums_made.arrived.size(), 1u);
  EXPECT_EQ(sums_made.arrived[0], (RecordingSink::Record{7, 0, 38}));
  for (const WireStats& wire : net.network.stats().wires) {
    if (wire.kind == WireKind::kLink) {
      EXPECT_EQ(wire.flits(), wire.to < wire.from ? 1u : 0u);
    }
  }
}

// The destination's own term and that of node 1, which comes 12 cycles after 50; adding takes 4.
TEST(Reduction, TheDestinationAddsItsOwnTerm) {
  TestNetwork net(build_mesh(grid(4, 1)), make_xy);
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
  TestNetwork net(build_mesh(grid(4, 1)), make_xy);
  SumRecorder sums_made;
  Reducer reducer(net.network, sums_made);
  net.send(0, 0, 1, 1, 9);
  drain(reducer);
  EXPECT_EQ(sums_made.packets, (std::vector<RecordingSink::Record>{{9, 1, 12}}));
  EXPECT_TRUE(sums_made.arrived.empty());
}

TEST(Reduction, MistakesAreTheUsers) {
  TestNetwork net(build_mesh(grid(4, 1)), make_xy);
  SumRecorder sums_made;
  Reducer reducer(net.network, sums_made);
  const std::vector<NodeId> twice = {1, 1};
  EXPECT_THROW(reducer.open({twice, 0, 1, 0, 1}), UserError);
  const std::vector<NodeId> once = {1};
  reducer.open({once, 0, 1, 0, 1});
  EXPECT_THROW(reducer.open({once, 0, 1, 0, 1}), UserError);
  EXPECT_THROW(Reducer(net.network, sums_made, 0), UserError);
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
    TestNetwork net(build_mesh(grid(columns, rows)), make_xy);
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
