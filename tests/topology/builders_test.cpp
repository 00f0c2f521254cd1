#include <gtest/gtest.h>

#include "noc/topology/builders.h"
#include "sim/base/error.h"
#include "tests/support/grid.h"

namespace tessera::noc {
namespace {

TEST(Builders, MeshHasALinkPerNeighbourAndDirection) {
  // 5 x 3: 4 x 3 horizontal and 5 x 2 vertical neighbours, two directions each.
  const Topology mesh = build_mesh(grid(5, 3));
  EXPECT_EQ(mesh.links().size(), 2u * (12 + 10));
  EXPECT_EQ(mesh.routers(), 15u);
  EXPECT_EQ(mesh.outgoing(7).size(), 4u);  // in the middle
  EXPECT_EQ(mesh.outgoing(0).size(), 2u);  // in a corner
}

TEST(Builders, TorusClosesTheRings) {
  EXPECT_EQ(build_torus(grid(4, 3)).links().size(), 4u * 12);
  // A ring of two has one link each way, not two.
  EXPECT_EQ(build_torus(grid(2, 1)).links().size(), 2u);
  EXPECT_DOUBLE_EQ(build_torus(grid(4, 3)).links()[0].length_mm, 2.0);  // folded
}

TEST(Builders, ConcentratedMeshServesBlocksOfNodes) {
  GridShape shape = grid(8, 8);
  shape.concentration = 2;
  const Topology cmesh = build_concentrated_mesh(shape);
  EXPECT_EQ(cmesh.routers(), 16u);
  EXPECT_EQ(cmesh.nodes().size(), 64u);
  // Router 5 is column 1, row 1: nodes (2..3, 2..3).
  EXPECT_EQ(cmesh.attached(5), (std::vector<NodeId>{18, 19, 26, 27}));
  shape.columns = 7;
  EXPECT_THROW(build_concentrated_mesh(shape), UserError);
}

TEST(Builders, FlattenedButterflyLinksRowsAndColumnsFully) {
  GridShape shape = grid(8, 8);
  shape.concentration = 2;
  shape.link_latency = 0;
  const Topology flatfly = build_flattened_butterfly(shape);
  EXPECT_EQ(flatfly.links().size(), 16u * 6);
  for (const Link& link : flatfly.links()) {
    const auto distance = [](std::uint32_t a, std::uint32_t b) { return a > b ? a - b : b - a; };
    const std::uint32_t hops =
        distance(link.from % 4, link.to % 4) + distance(link.from / 4, link.to / 4);
    EXPECT_EQ(link.latency_cycles, 2 * hops);
  }
}

TEST(Builders, LongLinksStandEverywhereOrAtMultiplesOfTheSpan) {
  LongLinks long_links;
  long_links.span = 4;
  long_links.latency = 3;
  // 8 x 8: 4 places per row and column where a link of 4 fits, 16 lines, two directions.
  const Topology amp = build_long_link_mesh(grid(8, 8), long_links, "amp");
  EXPECT_EQ(amp.links().size(), 224u + 2 * 16 * 4);
  // Only 0 -> 4 is aligned on 8.
  long_links.everywhere = false;
  const Topology express = build_long_link_mesh(grid(8, 8), long_links, "express");
  EXPECT_EQ(express.links().size(), 224u + 2 * 16 * 1);
  long_links.span = 1;
  EXPECT_THROW(build_long_link_mesh(grid(8, 8), long_links, "amp"), UserError);
}

TEST(Builders, InputPortsComeFromTheNeighboursOfTheOutputPorts) {
  const Topology mesh = build_mesh(grid(4, 4));
  for (RouterId router = 0; router < mesh.routers(); ++router)
    for (std::size_t port = 0; port < mesh.outgoing(router).size(); ++port)
      EXPECT_EQ(mesh.links()[mesh.outgoing(router)[port]].to,
                mesh.links()[mesh.incoming(router)[port]].from);
}

TEST(LinkList, RefusesWhatCannotBe) {
  proto::LinkList list;
  list.set_routers(3);
  auto* link = list.add_links();
  link->set_from(0);
  link->set_to(3);
  EXPECT_THROW(build_link_list(list, "net"), UserError);
  link->set_to(0);
  EXPECT_THROW(build_link_list(list, "net"), UserError);
  link->set_to(1);
  EXPECT_EQ(build_link_list(list, "net").nodes().size(), 3u);
  link->set_latency(49);
  EXPECT_THROW(build_link_list(list, "net"), UserError);
  link->set_latency(48);
  auto* node = list.add_nodes();
  node->set_router(5);
  EXPECT_THROW(build_link_list(list, "net"), UserError);
}

TEST(LinkList, RefusesMorePortsThanARouterHas) {
  proto::LinkList list;
  list.set_routers(66);
  for (std::uint32_t to = 1; to <= 64; ++to) {
    auto* link = list.add_links();
    link->set_from(0);
    link->set_to(to);
  }
  EXPECT_THROW(build_link_list(list, "star"), UserError);  // 64 links and a node
  list.mutable_links()->RemoveLast();
  EXPECT_NO_THROW(build_link_list(list, "star"));
}

TEST(Topology, NodesCanBeAttachedToRoutersInUse) {
  Topology mesh = build_mesh(grid(2, 2));
  const NodeId memory = mesh.attach({3, 2, 5});
  EXPECT_EQ(memory, 4u);
  EXPECT_EQ(mesh.attached(3), (std::vector<NodeId>{3, 4}));
  EXPECT_THROW(mesh.attach({4, 1, 1}), UserError);
  EXPECT_THROW(mesh.attach({0, 0, 1}), UserError);
}

}  // namespace
}  // namespace tessera::noc
