// Packets with several destinations: cycles by hand, and what is refused.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/noc/fixture.h"

namespace tessera::noc {
namespace {

Cycle arrival(const TestNetwork& net, NodeId node) {
  const auto found = std::find_if(net.sink.arrived.begin(), net.sink.arrived.end(),
                                  [&](const auto& record) { return record.node == node; });
  EXPECT_NE(found, net.sink.arrived.end());
  return found == net.sink.arrived.end() ? 0 : found->cycle;
}

// All branches get their channels and the switch in the same cycles, so each destination sees the
// packet as if it were sent to it alone: 2 + 5 (H + 1) + L - 1.
TEST(Multicast, AForkTakesNoTimeWhenNothingElseMoves) {
  TestNetwork net(build_mesh(grid(4, 4)), make_xy);
  std::vector<NodeId> all(16);
  for (NodeId node = 0; node < 16; ++node) all[node] = node;
  net.network.inject(0, {5, all, 6, 0, 1});
  net.drain();
  ASSERT_EQ(net.sink.arrived.size(), 16u);
  for (NodeId node = 0; node < 16; ++node) {
    const int hops =
        std::abs(static_cast<int>(node % 4) - 1) + std::abs(static_cast<int>(node / 4) - 1);
    EXPECT_EQ(arrival(net, node), 2u + 5u * (hops + 1) + 5u) << node;
  }
}

// Each link of the tree carries the packet once: 15 links and 16 ejections of a broadcast on 4 x 4.
TEST(Multicast, EachLinkOfTheTreeCarriesThePacketOnce) {
  TestNetwork net(build_mesh(grid(4, 4)), make_xy);
  std::vector<NodeId> all(16);
  for (NodeId node = 0; node < 16; ++node) all[node] = node;
  net.network.inject(0, {5, all, 3, 0, 1});
  net.drain();
  EXPECT_EQ(net.network.stats().flit_hops(), 3u * (15 + 16));
  EXPECT_EQ(net.network.stats().injected_flits(), 3u);
  for (const WireStats& wire : net.network.stats().wires) EXPECT_LE(wire.flits(), 3u);
}

// Line of 3. A packet of 4 flits from 1 to {0, 2}; the only virtual channel of link 1 -> 2 is held
// by a packet of 8 flits from 1's own second node (attached to router 1) to 2, sent first. The
// branch to 0 is not delayed: 2 + 5 * 2 + 3 = 15 after cycle 10. The branch to 2 waits for the tail
// of the other one.
TEST(Multicast, ABlockedBranchDoesNotDelayTheOthers) {
  Topology line = build_mesh(grid(3, 1));
  const NodeId second = line.attach({1, 1, 1});
  TestNetwork net(std::move(line), make_xy, with_vcs(1, 8));
  net.send(8, second, 2, 8, 1);
  const std::vector<NodeId> both{0, 2};
  net.network.inject(10, {1, both, 4, 0, 2});
  net.drain();
  EXPECT_EQ(arrival(net, 0), 25u);
  const auto blocked = std::find_if(net.sink.arrived.begin(), net.sink.arrived.end(),
                                    [](const auto& r) { return r.tag == 2 && r.node == 2; });
  // Packet 1: created 8, in router 1 at 10, VA 11, SA 12 to 19; its tail frees the channel for VA
  // at 20, but the branch wants room for 4 flits: credits of flits 12, 13, ... come back with the
  // grants in router 2, from 12 + 3 + 2 = 17 on, usable 3 cycles later: 20, 21, 22, 23. So VA at
  // 23, SA 24 to 27, then router 2: arrives at 30, RC 30, VA 31, SA 32 for the tail... the head is
  // granted at 29 and the tail at 32, read 3 later.
  ASSERT_NE(blocked, net.sink.arrived.end());
  EXPECT_EQ(blocked->cycle, 35u);
}

TEST(Multicast, NeedsABufferThatHoldsThePacket) {
  TestNetwork net(build_mesh(grid(3, 1)), make_xy, with_vcs(2, 4));
  const std::vector<NodeId> both{1, 2};
  EXPECT_THROW(net.network.inject(0, {0, both, 5, 0, 1}), UserError);
  EXPECT_NO_THROW(net.network.inject(0, {0, both, 4, 0, 1}));
}

TEST(Multicast, IsRefusedWhereTheNetworkHasNone) {
  const std::vector<NodeId> both{1, 2};
  NetworkConfig without;
  without.multicast = false;
  NetworkConfig wavefront;
  wavefront.allocator = AllocatorKind::kWavefront;
  for (const NetworkConfig& config : {without, wavefront}) {
    TestNetwork net(build_mesh(grid(3, 1)), make_xy, config);
    EXPECT_THROW(net.network.inject(0, {0, both, 1, 0, 1}), UserError);
  }
  TestNetwork net(build_mesh(grid(3, 1)), make_xy);
  const std::vector<NodeId> twice{1, 1};
  EXPECT_THROW(net.network.inject(0, {0, twice, 1, 0, 1}), UserError);
}

}  // namespace
}  // namespace tessera::noc
