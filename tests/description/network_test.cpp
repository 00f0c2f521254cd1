// The network part of a machine: completed for its grid and memories, refused when it does not fit.
#include <gtest/gtest.h>

#include "hw_models/description/load.h"
#include "noc/topology/description.h"
#include "tests/support/refusal.h"

namespace tessera::hw {
namespace {

std::string refusal_of(const std::vector<std::string>& assignments) {
  const auto text =
      test::refusal_of([&] { load_accelerator("tangram-4x4", assignments); }, "t: accepted");
  return text.substr(text.find(": ") + 2);
}

TEST(MachineNetwork, TilesComeFirstThenDramThenSharedBuffersAtTheirTilesRouters) {
  const Accelerator machine = load_accelerator("pes-32x32");
  const noc::Topology topology = noc::build_topology(machine.network);
  ASSERT_EQ(topology.nodes().size(), 1024u + 4 + 8);
  for (std::uint32_t tile = 0; tile < 1024; ++tile) ASSERT_EQ(topology.nodes()[tile].router, tile);
  EXPECT_EQ(topology.nodes()[1024 + 3].router, 1023u);
  // Shared buffer sram5 stands at row 12, column 31.
  EXPECT_EQ(topology.nodes()[1028 + 5].router, 12u * 32 + 31);
}

TEST(MachineNetwork, MemoriesFollowTheTilesToConcentratedRouters) {
  // Blocks of 2 x 2 tiles share a router: tile (3, 3) is at router 3 of 2 x 2.
  const Accelerator machine = load_accelerator("tangram-4x4", {"noc.topology=CMESH"});
  const noc::Topology topology = noc::build_topology(machine.network);
  ASSERT_EQ(topology.nodes().size(), 20u);
  EXPECT_EQ(topology.nodes()[19].router, topology.nodes()[15].router);
  EXPECT_EQ(topology.nodes()[15].router, 3u);
}

TEST(MachineNetwork, ChannelsHoldAWholeDataPacketUnlessToldOtherwise) {
  const Accelerator machine = load_accelerator("tangram-4x4");
  EXPECT_EQ(machine.network.vc_buffer(), 256u / 16 + 1);
  ASSERT_EQ(machine.network.virtual_networks_size(), 3);
  EXPECT_EQ(machine.network.virtual_networks(1).name(), "data");
  EXPECT_EQ(load_accelerator("tangram-4x4", {"noc.vc_buffer=20"}).network.vc_buffer(), 20u);
  EXPECT_EQ(refusal_of({"noc.vc_buffer=16"}),
            "noc.vc_buffer = 16: must hold the largest data packet, 17 flits");
}

TEST(MachineNetwork, LinksMustNotOverrunTheBufferPort) {
  EXPECT_EQ(
      refusal_of({"noc.flit_bytes=32"}),
      "noc.flit_bytes = 32: must be 1 to 16, tile.buffer.line_bytes / 2 with 2 buffer port(s)");
  EXPECT_EQ(
      refusal_of({"tile.buffer.ports=1"}),
      "noc.flit_bytes = 16: must be 1 to 8, tile.buffer.line_bytes / 4 with 1 buffer port(s)");
  EXPECT_EQ(refusal_of({"tile.buffer.ports=1", "noc.flit_bytes=8"}), "accepted");
}

TEST(MachineNetwork, SizesMustBeThoseOfTheTileGrid) {
  EXPECT_EQ(refusal_of({"noc.columns=5"}),
            "noc.columns = 5: must be that of the tile grid, 4, or left out");
  EXPECT_EQ(refusal_of({"noc.columns=4"}), "accepted");
}

TEST(MachineNetwork, ListedLinksMustConnectEveryTile) {
  const std::vector<std::string> two_tiles = {"rows=1", "columns=2", "dram=device: \"lpddr4_3200\"",
                                              "noc.topology=LINKS"};
  const auto with = [&](const std::string& links) {
    auto all = two_tiles;
    all.push_back("noc.links=" + links);
    return refusal_of(all);
  };
  EXPECT_EQ(with("routers: 2 links { from: 0 to: 1 } links { from: 1 to: 0 }"), "accepted");
  EXPECT_EQ(with("routers: 2 links { from: 0 to: 1 }"),
            "noc.links = (1 links): there is no path to tile 0 from tile 1");
  EXPECT_EQ(with("routers: 2 links { from: 1 to: 0 }"),
            "noc.links = (1 links): there is no path from tile 0 to tile 1");
  EXPECT_EQ(with("routers: 3 links { from: 0 to: 1 } links { from: 1 to: 0 }"),
            "noc.links.nodes = 3: must be one per tile, 2");
}

}  // namespace
}  // namespace tessera::hw
