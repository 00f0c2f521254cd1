// Counters, latency parts, time series and energy.
#include <gtest/gtest.h>

#include "noc/energy.h"
#include "noc/study/open_loop.h"
#include "noc/time_series.h"
#include "tests/noc/fixture.h"

namespace tessera::noc {
namespace {

const WireStats& link(const NetworkStats& stats, RouterId from, RouterId to) {
  for (const WireStats& wire : stats.wires)
    if (wire.kind == WireKind::kLink && wire.from == from && wire.to == to) return wire;
  throw std::logic_error("no such link");
}

// A packet of 3 flits from 0 to 1: head in router 0 at cycle 2, granted at 4, 5, 6; in router 1 at
// 7, 8, 9, granted at 9, 10, 11. Each flit stays 2 cycles in each buffer.
TEST(Occupancy, IsTheTimeFlitsStayInTheBuffer) {
  for (const bool runs : {false, true}) {
    NetworkConfig config;
    config.packet_runs = runs;
    TestNetwork net(build_mesh(grid(2, 1)), make_xy, config);
    net.send(0, 0, 1, 3, 1);
    net.network.advance(8, net.sink);
    // Up to and including cycle 8: flit 0 for cycles 7 and 8, flit 1 for cycle 8.
    EXPECT_EQ(link(net.network.stats(), 0, 1).occupancy_flit_cycles(), 3u);
    net.drain();
    EXPECT_EQ(link(net.network.stats(), 0, 1).occupancy_flit_cycles(), 6u);
    EXPECT_EQ(link(net.network.stats(), 0, 1).flits(), 3u);
  }
}

// One virtual channel of 4 flits, packet of 8 over one link: the flits after the fourth wait for
// credits. Grants in router 0 at 4, 5, 6, 7; router 1 grants the first at 9, its credit is usable
// at 12: flit 4 waits from 8 to 12.
TEST(CreditStall, CountsCyclesOfAFlitWithoutCredit) {
  for (const bool runs : {false, true}) {
    NetworkConfig config = with_vcs(1, 4);
    config.packet_runs = runs;
    TestNetwork net(build_mesh(grid(2, 1)), make_xy, config);
    net.send(0, 0, 1, 8, 1);
    net.drain();
    EXPECT_EQ(link(net.network.stats(), 0, 1).credit_stall_cycles(), 4u);
  }
}

TEST(LatencyParts, AddUpAndVanishInAnEmptyNetwork) {
  class Check : public DeliveryObserver {
   public:
    void delivered(const Delivery& delivery) override {
      EXPECT_EQ(delivery.latency(),
                delivery.source_queueing() + delivery.zero_load_cycles + delivery.contention());
      all.push_back(delivery);
    }
    std::vector<Delivery> all;
  };
  TestNetwork net(build_mesh(grid(4, 1)), make_xy);
  Check check;
  net.network.set_observer(&check);
  net.send(0, 0, 3, 4, 1);
  net.send(0, 0, 3, 4, 2);  // waits 4 cycles in the source queue
  net.drain();
  ASSERT_EQ(check.all.size(), 2u);
  EXPECT_EQ(check.all[0].zero_load_cycles, 2u + 5u * 4 + 3u);
  EXPECT_EQ(check.all[0].contention(), 0u);
  EXPECT_EQ(check.all[0].routers_visited, 4u);
  EXPECT_EQ(check.all[1].source_queueing(), 4u);
  EXPECT_EQ(check.all[1].contention(), 0u);
}

TEST(TimeSeries, BinsAddUpToTheTotals) {
  NetworkConfig config;
  config.bin_cycles = 256;
  TestNetwork net(build_mesh(grid(4, 4)), make_xy, config);
  const auto pattern = make_traffic_pattern("uniform", pattern_space(net.topology), 1);
  OpenLoopPlan plan;
  plan.injection.rate_flits = 0.5;
  plan.measure_cycles = 4000;
  OpenLoop(net.network, *pattern, plan).run();
  const TimeSeries series = net.network.time_series();
  EXPECT_EQ(series.bins().size(), net.network.stats().cycle / 256 + 1);
  const auto& wires = net.network.stats().wires;
  for (std::size_t i = 0; i < wires.size(); ++i) {
    std::uint64_t flits = 0;
    std::uint64_t occupancy = 0;
    std::uint64_t stalls = 0;
    std::uint64_t waits = 0;
    for (const auto& bin : series.bins()) {
      EXPECT_LE(bin[i].flits, 256u);
      flits += bin[i].flits;
      occupancy += bin[i].occupancy_flit_cycles;
      stalls += bin[i].credit_stall_cycles;
      waits += bin[i].vc_wait_cycles;
      // Each of the four channels waits at most all the time.
      EXPECT_LE(bin[i].credit_stall_cycles, 4 * 256u);
    }
    EXPECT_EQ(flits, wires[i].flits());
    EXPECT_EQ(occupancy, wires[i].occupancy_flit_cycles());
    EXPECT_EQ(stalls, wires[i].credit_stall_cycles());
    EXPECT_EQ(waits, wires[i].vc_wait_cycles);
  }
}

// A packet of 8 flits over 0 -> 1: the head is granted in cycle 5 (created 0, out of the source 1,
// arrived 2, route, channel 3, switch 4: one cycle later each), the tail in cycle 11; link flits in
// bins of 8 are those granted in cycles 0 to 7 and 8 to 15.
TEST(TimeSeries, PutsEveryFlitIntoTheBinOfItsGrant) {
  for (const bool runs : {false, true}) {
    NetworkConfig config;
    config.bin_cycles = 8;
    config.packet_runs = runs;
    TestNetwork net(build_mesh(grid(2, 1)), make_xy, config);
    net.send(0, 0, 1, 8, 1);
    net.drain();
    const TimeSeries series = net.network.time_series();
    ASSERT_GE(series.bins().size(), 2u);
    EXPECT_EQ(series.bins()[0][0].flits, 4u) << runs;
    EXPECT_EQ(series.bins()[1][0].flits, 4u) << runs;
  }
}

TEST(TimeSeries, IsRefusedWithoutBins) {
  TestNetwork net(build_mesh(grid(2, 1)), make_xy);
  EXPECT_THROW(net.network.time_series(), UserError);
}

// 2 flits of 16 bytes over one link of 3 mm, from 0 to 1: 2 buffers written and read, 2 crossbars
// per flit, 4 switch and 2 channel grants.
TEST(Energy, IsCountsTimesTheTable) {
  NetworkConfig config;
  config.energy = {"test", 1.0, 2.0, 4.0, 0.5, 8.0, 16.0};
  GridShape shape = grid(2, 1);
  shape.pitch_mm = 3.0;
  TestNetwork net(build_mesh(shape), make_xy, config);
  net.send(0, 0, 1, 2, 1);
  net.drain();
  const EnergyBreakdown energy = network_energy(net.network.stats(), net.topology, config);
  EXPECT_DOUBLE_EQ(energy.buffer_write, 2 * 2 * 16 * 1.0);
  EXPECT_DOUBLE_EQ(energy.buffer_read, 2 * 2 * 16 * 2.0);
  EXPECT_DOUBLE_EQ(energy.crossbar, 2 * 2 * 16 * 4.0);
  EXPECT_DOUBLE_EQ(energy.arbitration, (4 + 2) * 0.5);
  EXPECT_DOUBLE_EQ(energy.link, 2 * 16 * 3.0 * 8.0);
  EXPECT_DOUBLE_EQ(energy.hop, 2 * 16 * 16.0);
}

// A flit over a link four times narrower occupies it for 4 cycles and arrives 3 later. Flit k of a
// packet is granted in router 0 at 4 + 4 k, arrives at router 1 6 cycles later, where only the head
// has to wait for its channel, and is read 3 after that: the tail at 4 + 12 + 6 + 3.
TEST(NarrowLink, SerialisesFlits) {
  class Contention : public DeliveryObserver {
   public:
    void delivered(const Delivery& delivery) override { EXPECT_EQ(delivery.contention(), 0u); }
  };
  Topology mesh = build_mesh(grid(2, 1));
  std::vector<Link> links = mesh.links();
  for (Link& narrowed : links) narrowed.width_bytes = 4;
  TestNetwork net(Topology("narrow", 2, mesh.nodes(), links, mesh.grid(), mesh.node_grid()),
                  make_xy, {});
  Contention none;
  net.network.set_observer(&none);
  net.send(0, 0, 1, 1, 1);
  net.drain();
  EXPECT_EQ(net.sink.arrived[0].cycle, 12u + 3u);  // 2 + 5 * 2, plus 3
  net.send(100, 0, 1, 4, 2);
  net.drain();
  EXPECT_EQ(net.sink.arrived[1].cycle, 125u);
}

}  // namespace
}  // namespace tessera::noc
