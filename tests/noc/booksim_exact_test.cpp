// What BookSim2 gives without any randomness: lone packets, single flows and the parking lot.
#include <gtest/gtest.h>

#include <set>

#include "noc/engine.h"
#include "sim/base/random.h"
#include "tests/noc/booksim_networks.h"
#include "tests/noc/reference.h"
#include "tests/support/refusal.h"

namespace tessera::noc {
namespace {

/// The routers without the check for cycles, which refuses one of the reference's networks.
struct Unchecked {
  Unchecked(const std::string& name, const NetworkConfig& config)
      : topology(booksim_topology(name)),
        routing(booksim_routing(name, topology, "")),
        engine(config, topology, *routing) {}
  void drain() {
    for (Cycle next = engine.next_event(); next != kNever; next = engine.next_event())
      engine.advance(next, sink);
  }
  void send(Cycle now, NodeId source, NodeId destination, std::uint32_t flits, std::uint64_t tag) {
    engine.inject(now, {source, {&destination, 1}, flits, 0, tag});
  }

  Topology topology;
  std::unique_ptr<Routing> routing;
  Engine engine;
  RecordingSink sink;
};

// T0 = 1 + injection + links + ejection + R t_r, t_r = 4, per pair. The measured column may be up
// to one cycle above the formula where packets met; ours is alone and must be the formula.
TEST(BooksimZeroLoad, EveryPairOfEveryTopologyTakesTheFormula) {
  const CsvTable table = load_reference("booksim2/zero_load_pairs.csv.xz");
  std::string name;
  std::unique_ptr<Unchecked> net;
  std::set<std::string> topologies;
  Cycle now = 0;
  std::vector<Cycle> sent;
  std::size_t first = 0;
  const auto check = [&] {
    ASSERT_EQ(net->sink.arrived.size(), sent.size());
    for (const auto& record : net->sink.arrived) {
      const std::size_t row = first + record.tag;
      const Cycle latency = record.cycle - sent[record.tag];
      EXPECT_EQ(latency, table.integer(row, "T0_formula_ps1")) << name << " row " << row;
      EXPECT_NEAR(static_cast<double>(latency), table.number(row, "measured_mean_latency"), 1.0);
    }
  };
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (table.at(row, "topology") != name) {
      if (net) check();
      name = table.at(row, "topology");
      topologies.insert(name);
      net = std::make_unique<Unchecked>(name, NetworkConfig{});
      sent.clear();
      first = row;
      now = 0;
    }
    now += 200;
    net->send(now, static_cast<NodeId>(table.integer(row, "src")),
              static_cast<NodeId>(table.integer(row, "dst")), 1, row - first);
    sent.push_back(now);
    net->drain();
  }
  check();
  EXPECT_EQ(topologies.size(), 13u);
}

TEST(BooksimZeroLoad, CyclicTablesAreRefusedWithTheCycle) {
  const Topology topology = booksim_topology("amp8_k4_l1");
  const auto routing = booksim_routing("amp8_k4_l1", topology, "");
  const auto text = test::refusal_of([&] { Network network({}, topology, *routing); });
  EXPECT_NE(text.find("cycle"), std::string::npos) << text;
  EXPECT_NE(text.find("->"), std::string::npos) << text;
}

// What the reference observed: one channel, 16-flit packets, uniform at 0.6 flits per node and
// cycle stand still on the cyclic network and get through where the long links are slower.
TEST(BooksimDeadlock, StandsStillWhereDependenciesAreCyclic) {
  for (const std::string name : {"amp8_k4_l1", "amp8_k4_l3"}) {
    Unchecked net(name, with_vcs(1));
    Random random(1);
    std::uint64_t packets = 0;
    const auto run = [&] {
      for (Cycle cycle = 0; cycle < 3000; ++cycle) {
        net.engine.advance(cycle, net.sink);
        for (NodeId source = 0; source < 64; ++source)
          if (random.bernoulli(0.6 / 16))
            net.send(cycle, source, static_cast<NodeId>(random.below(64)), 16, packets++);
      }
      net.drain();
    };
    if (name == "amp8_k4_l1") {
      EXPECT_THROW(run(), NoProgress);
    } else {
      EXPECT_NO_THROW(run());
      EXPECT_EQ(net.sink.arrived.size(), packets);
    }
  }
}

struct Shares {
  std::vector<double> by_source;
  std::vector<double> by_destination;
};

class CountingSink : public PacketSink, public DeliveryObserver {
 public:
  void packet_injected(std::uint64_t, NodeId, Cycle) override {}
  void packet_arrived(std::uint64_t, NodeId, Cycle) override {}
  void delivered(const Delivery& delivery) override {
    if (delivery.arrived < from) return;
    flits_from[delivery.source] += delivery.flits;
  }
  Cycle from = 0;
  std::vector<std::uint64_t> flits_from = std::vector<std::uint64_t>(8, 0);
};

// Every node of a line of 8 has a packet ready in every cycle.
template <typename Destination>
Shares saturate_line(const std::string& variant, std::uint32_t vcs, std::uint32_t buffer,
                     std::uint32_t flits, Destination destination) {
  constexpr Cycle kWarmup = 4000;
  constexpr Cycle kMeasured = 8000;
  NetworkConfig config = booksim_config(variant == "base" ? "" : variant);
  config.virtual_networks[0].vcs = vcs;
  config.vc_buffer_flits = buffer;
  TestNetwork net = booksim_network("line8", "", config);
  CountingSink sink;
  sink.from = kWarmup;
  net.network.set_observer(&sink);
  const auto ejected = [&](NodeId node) {
    const NetworkStats& stats = net.network.stats();
    return stats.wires[stats.wires.size() - 8 + node].flits();
  };
  std::vector<std::uint64_t> before(8, 0);
  for (Cycle cycle = 0; cycle < kWarmup + kMeasured; ++cycle) {
    net.network.advance(cycle, sink);
    if (cycle == kWarmup - 1)
      for (NodeId node = 0; node < 8; ++node) before[node] = ejected(node);
    if (cycle % flits != 0) continue;
    for (NodeId node = 0; node < 8; ++node) net.send(cycle, node, destination(node), flits, 0);
  }
  Shares shares;
  for (NodeId node = 0; node < 8; ++node) {
    shares.by_source.push_back(static_cast<double>(sink.flits_from[node]) / kMeasured);
    shares.by_destination.push_back(static_cast<double>(ejected(node) - before[node]) / kMeasured);
  }
  return shares;
}

// The table's windows are 1000 cycles or longer: one flit more or less in one of them, and one in
// ours, is 0.0011. Node i sends to i + 1, so node 3 receives a one-hop flow.
constexpr double kOneFlitPerWindow = 1.0 / 1000 + 1.0 / 8000;

TEST(BooksimSingleFlow, ThroughputEqualsEveryRow) {
  const CsvTable table = load_reference("booksim2/exact_single_flow.csv");
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const auto flits = static_cast<std::uint32_t>(table.integer(row, "packet_size_flits"));
    const Shares shares = saturate_line(
        table.at(row, "variant"), static_cast<std::uint32_t>(table.integer(row, "num_vcs")),
        static_cast<std::uint32_t>(table.integer(row, "vc_buf_size")), flits,
        [](NodeId node) { return (node + 1) % 8; });
    EXPECT_NEAR(shares.by_destination[3],
                table.number(row, "steady_throughput_flits_per_cycle_one_hop_flows"),
                kOneFlitPerWindow)
        << "row " << table.line(row) << " " << table.at(row, "variant");
    EXPECT_NEAR(shares.by_destination[0], table.number(row, "throughput_of_seven_hop_flow_7_to_0"),
                kOneFlitPerWindow)
        << "row " << table.line(row) << " " << table.at(row, "variant");
  }
}

TEST(BooksimParkingLot, SharesEqualEveryRow) {
  const CsvTable table = load_reference("booksim2/exact_parking_lot.csv");
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const auto vcs = static_cast<std::uint32_t>(table.integer(row, "num_vcs"));
    const auto flits = static_cast<std::uint32_t>(table.integer(row, "packet_size_flits"));
    const Shares shares =
        saturate_line(table.at(row, "variant"), vcs,
                      static_cast<std::uint32_t>(table.integer(row, "vc_buf_size")), flits,
                      [](NodeId) { return NodeId{0}; });
    EXPECT_NEAR(shares.by_destination[0], table.number(row, "accepted_at_node0"), 0.001)
        << "row " << table.line(row);
    const bool exact = flits == 1 && vcs <= 2;
    for (int node = 0; node < 8; ++node)
      EXPECT_NEAR(shares.by_source[node], table.number(row, "sent_node" + std::to_string(node)),
                  exact ? 0.0006 : 0.01)
          << "row " << table.line(row) << " node " << node;
  }
}

}  // namespace
}  // namespace tessera::noc
