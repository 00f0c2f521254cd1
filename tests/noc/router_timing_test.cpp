// Timing of one packet through idle routers, and of a few that meet, derived by hand.
#include <gtest/gtest.h>

#include "tests/noc/fixture.h"

namespace tessera::noc {
namespace {

Cycle lone_packet(const NetworkConfig& config, std::uint32_t hops, std::uint32_t flits) {
  TestNetwork net(build_mesh(grid(8, 1)), make_xy, config);
  net.send(100, 0, hops, flits, 7);
  net.drain();
  EXPECT_EQ(net.sink.arrived.size(), 1u);
  return net.sink.arrived.at(0).cycle - 100;
}

// T0 = 1 (leaves the queue) + 1 (injection) + H (links) + 1 (ejection) + (H + 1) t_r + L - 1, with
// t_r = routing + VC allocation + switch allocation + switch traversal = 4.
TEST(LonePacket, TakesTheSumOfItsPipelineStages) {
  EXPECT_EQ(lone_packet({}, 0, 1), 7u);   // 1 + 1 + 0 + 1 + 4
  EXPECT_EQ(lone_packet({}, 2, 1), 17u);  // 1 + 1 + 2 + 1 + 12
  EXPECT_EQ(lone_packet({}, 2, 4), 20u);  // 17 + 3
  EXPECT_EQ(lone_packet({}, 7, 16), 2 + 5 * 8 + 15u);
}

TEST(LonePacket, LookaheadSavesTheRoutingCycle) {
  NetworkConfig config;
  config.routing_delay = 0;
  EXPECT_EQ(lone_packet(config, 2, 1), 14u);  // t_r 3: 1 + 1 + 2 + 1 + 9
}

TEST(LonePacket, SpeculationOverlapsBothAllocations) {
  NetworkConfig config;
  config.speculative = true;
  EXPECT_EQ(lone_packet(config, 2, 1), 14u);
  config.routing_delay = 0;
  EXPECT_EQ(lone_packet(config, 2, 1), 11u);  // t_r 2: 1 + 1 + 2 + 1 + 6
}

// 16 flits, one virtual channel of 4: a credit takes 6 cycles from grant to grant of a body flit,
// so after 4 flits the packet waits. One router, 0 -> 0: the ejection channel returns a credit 3 +
// 2 + 1 = 6 cycles after a grant. First grant g; flit k is granted at g + 6 (k / 4) + k mod 4; the
// tail, k = 15, at g + 18 + 3 instead of g + 15: 6 more than the 22 of an unlimited buffer.
TEST(LonePacket, WaitsForCreditsWhenTheBufferIsShorterThanTheLoop) {
  EXPECT_EQ(lone_packet(with_vcs(1, 4), 0, 16), 22u + 6u);
}

}  // namespace
}  // namespace tessera::noc
