#include <gtest/gtest.h>

#include <cstdlib>

#include "noc/topology/builders.h"
#include "noc/topology/routing.h"
#include "sim/base/error.h"
#include "tests/support/grid.h"
#include "tests/support/refusal.h"

namespace tessera::noc {
namespace {

struct Step {
  RouterId router;
  std::uint8_t vc_class;
};

// Routers visited after the source, taking candidate `pick` modulo the number offered.
std::vector<Step> follow(const Topology& topology, const Routing& routing, NodeId source,
                         NodeId destination, std::uint8_t coin = 0, std::size_t pick = 0) {
  std::vector<Step> path;
  RouteQuery query{topology.nodes()[source].router, kNoLink, kAnyClass, source, destination, coin};
  RouteCandidates candidates;
  for (int hop = 0; hop < 100; ++hop) {
    routing.route(query, candidates);
    const RouteCandidate next = candidates[pick % candidates.size()];
    if (next.link == kEject) return path;
    path.push_back({topology.links()[next.link].to, next.vc_class});
    query.router = path.back().router;
    query.in_link = next.link;
    query.in_class = next.vc_class == kAnyClass ? 0 : next.vc_class;
  }
  ADD_FAILURE() << "no arrival after 100 hops";
  return path;
}

std::vector<RouterId> routers(const std::vector<Step>& path) {
  std::vector<RouterId> list;
  for (const Step& step : path) list.push_back(step.router);
  return list;
}

TEST(DimensionOrder, GoesAlongXThenY) {
  const Topology mesh = build_mesh(grid(4, 3));
  EXPECT_EQ(routers(follow(mesh, *make_xy(mesh), 0, 10)), (std::vector<RouterId>{1, 2, 6, 10}));
  EXPECT_EQ(routers(follow(mesh, *make_yx(mesh), 0, 10)), (std::vector<RouterId>{4, 8, 9, 10}));
  const auto either = make_xy_yx(mesh);
  EXPECT_EQ(routers(follow(mesh, *either, 0, 10, 0)), (std::vector<RouterId>{1, 2, 6, 10}));
  EXPECT_EQ(routers(follow(mesh, *either, 0, 10, 1)), (std::vector<RouterId>{4, 8, 9, 10}));
  EXPECT_EQ(follow(mesh, *either, 0, 10, 1)[0].vc_class, 1);
}

TEST(DimensionOrder, TakesTheLongestLinkThatDoesNotOvershoot) {
  LongLinks long_links;
  long_links.span = 3;
  const Topology amp = build_long_link_mesh(grid(9, 1), long_links, "amp");
  EXPECT_EQ(routers(follow(amp, *make_xy(amp), 0, 8)), (std::vector<RouterId>{3, 6, 7, 8}));
  EXPECT_EQ(routers(follow(amp, *make_xy(amp), 8, 1)), (std::vector<RouterId>{5, 2, 1}));
}

TEST(TorusDimensionOrder, WrapsInTheUpperHalfOfTheChannels) {
  const Topology torus = build_torus(grid(8, 1));
  const auto routing = make_torus_dimension_order(torus, false, false);
  const auto wrapped = follow(torus, *routing, 6, 1);
  EXPECT_EQ(routers(wrapped), (std::vector<RouterId>{7, 0, 1}));
  for (const Step& step : wrapped) EXPECT_EQ(step.vc_class, 1);
  const auto direct = follow(torus, *routing, 1, 4);
  for (const Step& step : direct) EXPECT_EQ(step.vc_class, 0);
}

TEST(TorusDimensionOrder, TiesGoPlusOrAsTheCoinSays) {
  const Topology torus = build_torus(grid(8, 1));
  const auto plus = make_torus_dimension_order(torus, false, false);
  EXPECT_EQ(follow(torus, *plus, 0, 4)[0].router, 1u);
  const auto coin = make_torus_dimension_order(torus, false, true);
  EXPECT_EQ(follow(torus, *coin, 0, 4, 0)[0].router, 1u);
  EXPECT_EQ(follow(torus, *coin, 0, 4, 1)[0].router, 7u);
}

TEST(AdaptiveRouting, EveryChoiceIsMinimal) {
  const Topology mesh = build_mesh(grid(5, 4));
  const auto distance = [](NodeId a, NodeId b) {
    return static_cast<std::size_t>(std::abs(static_cast<int>(a % 5) - static_cast<int>(b % 5)) +
                                    std::abs(static_cast<int>(a / 5) - static_cast<int>(b / 5)));
  };
  for (const auto make : {make_west_first, make_odd_even, make_minimal_adaptive}) {
    const auto routing = make(mesh);
    for (NodeId source = 0; source < 20; ++source)
      for (NodeId destination = 0; destination < 20; ++destination)
        for (std::size_t pick = 0; pick < 3; ++pick)
          EXPECT_EQ(follow(mesh, *routing, source, destination, 0, pick).size(),
                    distance(source, destination))
              << routing->name();
  }
}

TEST(WestFirst, OffersOnlyWestWhileThereIsWestToGo) {
  const Topology mesh = build_mesh(grid(4, 4));
  const auto routing = make_west_first(mesh);
  RouteCandidates candidates;
  routing->route({6, kNoLink, kAnyClass, 6, 12, 0}, candidates);  // (2,1) to (0,3)
  ASSERT_EQ(candidates.size(), 1u);
  EXPECT_EQ(mesh.links()[candidates[0].link].to, 5u);
  routing->route({5, kNoLink, kAnyClass, 5, 15, 0}, candidates);  // (1,1) to (3,3)
  EXPECT_EQ(candidates.size(), 2u);
}

TEST(AdaptiveRouting, TurnModelsRefuseLongLinks) {
  const Topology amp = build_long_link_mesh(grid(8, 8), {}, "amp");
  EXPECT_THROW(make_west_first(amp), UserError);
  EXPECT_THROW(make_odd_even(amp), UserError);
  EXPECT_NO_THROW(make_minimal_adaptive(amp));
}

TEST(ShortestPath, MinimisesLatencyNotHops) {
  LongLinks slow;
  slow.span = 4;
  slow.latency = 5;  // longer than four unit links
  const Topology amp = build_long_link_mesh(grid(8, 1), slow, "amp");
  EXPECT_EQ(routers(follow(amp, *make_shortest_path(amp), 0, 4)),
            (std::vector<RouterId>{1, 2, 3, 4}));
  slow.latency = 3;
  const Topology fast = build_long_link_mesh(grid(8, 1), slow, "amp");
  EXPECT_EQ(routers(follow(fast, *make_shortest_path(fast), 0, 4)), (std::vector<RouterId>{4}));
}

TEST(RoutingTable, IsReadLineByLine) {
  const Topology ring = build_torus(grid(3, 1));
  const std::string text = "# clockwise\n0 1 1\n0 2 1\n1 2 2\n1 0 2\n2 0 0\n2 1 0\n";
  const auto routing = make_table_from_text(ring, text, "ring.txt");
  EXPECT_EQ(routers(follow(ring, *routing, 0, 2)), (std::vector<RouterId>{1, 2}));
}

TEST(RoutingTable, ErrorsNameFileLineAndValue) {
  const Topology ring = build_torus(grid(3, 1));
  const auto message = [&](const std::string& text) {
    return test::refusal_of([&] { make_table_from_text(ring, text, "ring.txt"); });
  };
  EXPECT_NE(message("0 1 1\n0 9 1\n").find("ring.txt:2: destination node 9"), std::string::npos);
  EXPECT_NE(message("0 1\n").find("ring.txt:1"), std::string::npos);
  EXPECT_NE(message("0 1 1\n").find("no line for router 0 and destination node 2"),
            std::string::npos);
}

}  // namespace
}  // namespace tessera::noc
