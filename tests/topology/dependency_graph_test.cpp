#include <gtest/gtest.h>

#include "noc/topology/builders.h"
#include "noc/topology/dependency_graph.h"
#include "tests/support/grid.h"
#include "tests/support/refusal.h"

namespace tessera::noc {
namespace {

Topology amp(std::uint32_t span, std::uint32_t latency) {
  LongLinks added;
  added.span = span;
  added.latency = latency;
  return build_long_link_mesh(grid(8, 8), added, "amp");
}

bool has_cycle(const Topology& topology, const Routing& routing) {
  return !DependencyGraph(topology, routing).find_cycle().empty();
}

// XY on 2 x 2: x links can wait for y links, two per row and direction: 4 dependencies.
TEST(DependencyGraph, CountsTheTurnsOfXy) {
  const Topology mesh = build_mesh(grid(2, 2));
  EXPECT_EQ(DependencyGraph(mesh, *make_xy(mesh)).dependencies(), 4u);
}

// Shortest-path tables over spans of 4 wait in circles when a long link costs 1 or 2 cycles, not
// when 3 or 4.
TEST(DependencyGraph, AugmentedMeshTablesAreCyclicForCheapLongLinks) {
  for (const std::uint32_t latency : {1u, 2u}) {
    const Topology topology = amp(4, latency);
    EXPECT_TRUE(has_cycle(topology, *make_shortest_path(topology))) << latency;
  }
  for (const std::uint32_t latency : {3u, 4u}) {
    const Topology topology = amp(4, latency);
    EXPECT_FALSE(has_cycle(topology, *make_shortest_path(topology))) << latency;
  }
  for (const std::uint32_t latency : {1u, 2u}) {
    const Topology topology = amp(2, latency);
    EXPECT_FALSE(has_cycle(topology, *make_shortest_path(topology))) << latency;
  }
}

TEST(DependencyGraph, MonotoneAndTurnModelRoutingsAreAcyclic) {
  const Topology mesh = build_mesh(grid(6, 5));
  for (const auto make : {make_xy, make_yx, make_xy_yx, make_west_first, make_odd_even,
                          make_minimal_adaptive, make_shortest_path})
    EXPECT_FALSE(has_cycle(mesh, *make(mesh))) << make(mesh)->name();
  for (const std::uint32_t latency : {1u, 2u, 5u}) {
    const Topology topology = amp(4, latency);
    EXPECT_FALSE(has_cycle(topology, *make_xy(topology)));
    EXPECT_FALSE(has_cycle(topology, *make_minimal_adaptive(topology)));
  }
}

TEST(DependencyGraph, TorusIsAcyclicWithItsTwoHalves) {
  for (const std::uint32_t side : {2u, 3u, 4u, 7u, 8u}) {
    const Topology torus = build_torus(grid(side, side));
    EXPECT_FALSE(has_cycle(torus, *make_torus_dimension_order(torus, false, true))) << side;
  }
}

// Always clockwise round a ring of one class: every link waits for the next.
TEST(DependencyGraph, NamesTheCycleItRefuses) {
  const Topology ring = build_torus(grid(3, 1));
  const auto clockwise =
      make_table_from_text(ring, "0 1 1\n0 2 1\n1 2 2\n1 0 2\n2 0 0\n2 1 0\n", "ring.txt");
  const auto cycle = DependencyGraph(ring, *clockwise).find_cycle();
  EXPECT_EQ(cycle.size(), 3u);
  const auto text = test::refusal_of([&] { require_deadlock_free(ring, *clockwise); });
  for (const char* link : {"0->1", "1->2", "2->0"})
    EXPECT_NE(text.find(link), std::string::npos) << text;
}

}  // namespace
}  // namespace tessera::noc
