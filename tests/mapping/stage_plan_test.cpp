// Reading stages of a schedule tree, dealing layers to tiles, counting trips.
#include "mapping/stage_plan.h"
#include "mapping/stage_reader.h"

#include <gtest/gtest.h>

#include <numeric>

#include "sim/base/random.h"
#include "tests/support/plain_network.h"
#include "tests/support/random_layer.h"
#include "tests/support/refusal.h"
#include "tests/support/stage_tree.h"

namespace tessera::mapping {
namespace {

using test::plain_plan;
using workloads::Network;

/// 2 images of 4 channels, 8 x 8, 3 x 3 filters, padding 1: ranks N K C P Q R S.
Network convolution() { return test::padded_convolution({2, 4, 8, 8}, 6); }

enum Rank { kN, kK, kC, kP, kQ, kR, kS };

StagePlan plan_over(const Network& network, TileGrid grid, std::vector<PartitionSplit> splits) {
  StagePlan plan = plain_plan(network, 0);
  plan.tiles.resize(static_cast<std::size_t>(grid.rows * grid.columns));
  std::iota(plan.tiles.begin(), plan.tiles.end(), 0);
  plan.partition = std::move(splits);
  return plan;
}

TEST(DealShares, BalancedSharesDifferByOne) {
  // 6 filters over 4 tiles: boundaries 0, 6/4 = 1, 12/4 = 3, 18/4 = 4, 6.
  const auto network = convolution();
  const auto shares = deal_shares(plan_over(network, {2, 2}, {{kK, 0, 4, Axis::kTiles}}),
                                  network.layers[0], {2, 2});
  ASSERT_EQ(shares.tiles, (std::vector<TileId>{0, 1, 2, 3}));
  const std::vector<workloads::RankRange> expected = {{0, 1}, {1, 3}, {3, 4}, {4, 6}};
  for (int tile = 0; tile < 4; ++tile) EXPECT_EQ(shares.ranks[tile][kK], expected[tile]);
  EXPECT_EQ(shares.nominal[kK], 2);
  EXPECT_EQ(shares.nominal[kP], 8);
}

TEST(DealShares, FixedSizeLeavesTheLastTilesLess) {
  // Rows in parts of 3 over 4 tiles: 3, 3, 2 and nothing.
  const auto network = convolution();
  const auto shares = deal_shares(plan_over(network, {1, 4}, {{kP, 3, 4, Axis::kMeshX}}),
                                  network.layers[0], {1, 4});
  ASSERT_EQ(shares.tiles, (std::vector<TileId>{0, 1, 2}));
  EXPECT_EQ(shares.ranks[2][kP], (workloads::RankRange{6, 8}));
  EXPECT_EQ(shares.nominal[kP], 3);
}

TEST(DealShares, FirstSplitOfAnAxisIsTheSlowest) {
  // Over the columns: images 2 ways outside, filters 2 ways inside; over the rows: channels 2 ways.
  // Tile 6 of a 2 x 4 grid is row 1, column 2: channels 2..3, image 1, filters 0..2.
  const auto network = convolution();
  const auto shares = deal_shares(
      plan_over(network, {2, 4},
                {{kN, 0, 2, Axis::kMeshX}, {kC, 0, 2, Axis::kMeshY}, {kK, 0, 2, Axis::kMeshX}}),
      network.layers[0], {2, 4});
  ASSERT_EQ(shares.tiles.size(), 8u);
  EXPECT_EQ(shares.ranks[6][kN], (workloads::RankRange{1, 2}));
  EXPECT_EQ(shares.ranks[6][kK], (workloads::RankRange{0, 3}));
  EXPECT_EQ(shares.ranks[6][kC], (workloads::RankRange{2, 4}));
}

TEST(DealShares, TilesBeyondTheWaysGetNothing) {
  const auto network = convolution();
  const auto shares = deal_shares(plan_over(network, {2, 2}, {{kK, 0, 3, Axis::kTiles}}),
                                  network.layers[0], {2, 2});
  EXPECT_EQ(shares.tiles, (std::vector<TileId>{0, 1, 2}));
}

TEST(DealShares, FollowsTheOrderOfTheTiles) {
  const auto network = convolution();
  StagePlan plan = plan_over(network, {2, 2}, {{kK, 0, 2, Axis::kTiles}});
  plan.tiles = {3, 1};
  const auto shares = deal_shares(plan, network.layers[0], {2, 2});
  ASSERT_EQ(shares.tiles, (std::vector<TileId>{1, 3}));
  EXPECT_EQ(shares.ranks[1][kK], (workloads::RankRange{0, 3}));
  EXPECT_EQ(shares.ranks[0][kK], (workloads::RankRange{3, 6}));
}

std::vector<PartitionSplit> random_splits(const workloads::Layer& layer, Axis axis, int tiles,
                                          Random& random) {
  std::vector<PartitionSplit> splits;
  while (tiles > 1 && random.bernoulli(0.7)) {
    const int ways = static_cast<int>(random.between(2, tiles));
    splits.push_back({static_cast<int>(random.below(layer.ranks.size())), 0, ways, axis});
    tiles /= ways;
  }
  return splits;
}

TEST(DealShares, NominalIsTheLargestShareInTheOrderOfDealing) {
  // 8 rows, named first over the columns in parts of 5, then over the rows of tiles in halves. Rows
  // of tiles deal first: 4 each, of which the first column takes up to 5, that is all.
  const auto network = convolution();
  const auto shares =
      deal_shares(plan_over(network, {2, 2}, {{kP, 5, 2, Axis::kMeshX}, {kP, 0, 2, Axis::kMeshY}}),
                  network.layers[0], {2, 2});
  ASSERT_EQ(shares.tiles, (std::vector<TileId>{0, 2}));
  EXPECT_EQ(shares.ranks[0][kP].size(), 4);
  EXPECT_EQ(shares.nominal[kP], 4);
}

TEST(DealShares, EveryPointBelongsToExactlyOneTile) {
  Random random(11);
  int dealt = 0;
  for (int round = 0; round < 300; ++round) {
    const auto network = test::random_layer(random.next());
    const auto& layer = network.layers[0];
    const TileGrid grid{static_cast<int>(random.between(1, 4)),
                        static_cast<int>(random.between(1, 4))};
    auto splits = random_splits(layer, Axis::kMeshX, grid.columns, random);
    for (const auto& split : random_splits(layer, Axis::kMeshY, grid.rows, random))
      splits.push_back(split);
    if (random.bernoulli(0.3))
      splits = random_splits(layer, Axis::kTiles, grid.rows * grid.columns, random);
    // Fixed sizes that cover the extent that is left for the split.
    auto left = layer.extents();
    for (auto& split : splits) {
      left[split.rank] = ceil_div<std::int64_t>(left[split.rank], split.ways);
      if (random.bernoulli(0.3)) split.size = left[split.rank];
    }
    const auto shares = deal_shares(plan_over(network, grid, splits), layer, grid);
    std::int64_t points = 0;
    for (std::size_t a = 0; a < shares.ranks.size(); ++a) {
      points += volume(shares.ranks[a]);
      for (std::size_t r = 0; r < layer.ranks.size(); ++r)
        EXPECT_LE(shares.ranks[a][r].size(), shares.nominal[r]);
      for (std::size_t b = 0; b < a; ++b) {
        bool apart = false;
        for (std::size_t r = 0; r < layer.ranks.size(); ++r)
          apart |= shares.ranks[a][r].end <= shares.ranks[b][r].begin ||
                   shares.ranks[b][r].end <= shares.ranks[a][r].begin;
        ASSERT_TRUE(apart) << "round " << round << ": tiles " << shares.tiles[a] << " and "
                           << shares.tiles[b] << " share points";
      }
    }
    ASSERT_EQ(points, volume(layer.whole())) << "round " << round;
    dealt += static_cast<int>(shares.tiles.size());
  }
  EXPECT_GT(dealt, 600);  // two tiles a layer on average: the splits do something
}

TEST(TripCounts, RoundUpAndNest) {
  // 7 filters in pieces of 4: 2 trips; inside them pieces of 3 of the 4: 2 trips; 8 rows in one
  // piece.
  const std::vector<std::int64_t> extents = {1, 7, 4, 8, 8, 3, 3};
  const std::vector<BufferLoop> loops = {{kK, 4}, {kP, 9}, {kK, 3}};
  EXPECT_EQ(trip_counts(loops, extents), (std::vector<std::int64_t>{2, 1, 2}));
  EXPECT_EQ(extents_inside(loops, 1, extents)[kK], 4);
  EXPECT_EQ(extents_inside(loops, 3, extents)[kK], 3);
  EXPECT_EQ(extents_inside(loops, 3, extents)[kP], 8);
}

TEST(ChangeDepth, OnePastTheInnermostLoopThatIndexes) {
  const auto network = convolution();
  const auto& layer = network.layers[0];
  StagePlan plan = plain_plan(network, 0);
  plan.loops = {{kK, 2}, {kP, 4}, {kC, 2}, {kN, 2}};
  const auto nominal = layer.extents();
  const auto& input = layer.inputs[0];
  const auto& weight = layer.inputs[1];
  EXPECT_EQ(change_depth(plan, input, 4, nominal), 3);   // C; the loop over N makes one trip
  EXPECT_EQ(change_depth(plan, weight, 4, nominal), 3);  // C
  EXPECT_EQ(change_depth(plan, weight, 2, nominal), 1);  // K
  EXPECT_EQ(change_depth(plan, input, 1, nominal), 0);   // K does not index the input
  EXPECT_EQ(change_depth(plan, layer.output, 4, nominal), 2);
}

TEST(NominalElements, CountsTheWindowAndClipsAtTheTensor) {
  const auto network = convolution();
  const auto& input = network.layers[0].inputs[0];
  // 2 channels; 4 rows of outputs need 4 + 3 - 1 = 6; 8 columns need 10, of which 8 are stored.
  EXPECT_EQ(nominal_elements(input, {1, 6, 2, 4, 8, 3, 3}), 2 * 6 * 8);
  EXPECT_EQ(nominal_region(input, {1, 6, 2, 4, 8, 3, 3}), (std::vector<std::int64_t>{1, 2, 6, 8}));
}

bool equal(const StagePlan& a, const StagePlan& b) {
  const auto split = [](const PartitionSplit& x, const PartitionSplit& y) {
    return x.rank == y.rank && x.size == y.size && x.ways == y.ways && x.axis == y.axis;
  };
  const auto loop = [](const BufferLoop& x, const BufferLoop& y) {
    return x.rank == y.rank && x.tile == y.tile;
  };
  const auto holding = [](const Holding& x, const Holding& y) {
    return x.depth == y.depth && x.double_buffered == y.double_buffered;
  };
  return a.layer == b.layer && a.tiles == b.tiles &&
         std::ranges::equal(a.partition, b.partition, split) &&
         std::ranges::equal(a.loops, b.loops, loop) &&
         std::ranges::equal(a.inputs, b.inputs, holding) && holding(a.output, b.output) &&
         a.output_home == b.output_home && a.array.rows == b.array.rows &&
         a.array.columns == b.array.columns && a.array.loops == b.array.loops &&
         std::ranges::equal(a.array.store_depth, b.array.store_depth);
}

TEST(ReadStages, FindsEverythingThePathSays) {
  const auto network = convolution();
  StagePlan plan = plan_over(network, {2, 2}, {{kK, 0, 2, Axis::kMeshY}, {kP, 4, 2, Axis::kMeshX}});
  plan.loops = {{kK, 2}, {kC, 2}, {kQ, 4}};
  plan.inputs = {{3, true}, {2, false}};
  plan.output = {1, true};
  plan.output_home = Home::kTiles;
  plan.array.rows = {{kC, 2}};
  plan.array.columns = {{kK, 2}};
  plan.array.loops = {{kP, 1}, {kQ, 1}, {kR, 1}, {kS, 1}};
  plan.array.store_depth[0] = 4;
  plan.array.store_depth[1] = 0;
  plan.array.store_depth[2] = 2;
  const auto read = read_stages(test::schedule_of(network, {plan}), network, {2, 2});
  ASSERT_EQ(read.size(), 1u);
  EXPECT_TRUE(equal(read[0], plan));
}

std::string refusal(const Schedule& schedule, const Network& network) {
  return test::refusal_of([&] { read_stages(schedule, network, {2, 2}); });
}

/// First node of this kind from the top.
Node& find(Node& node, NodeKind kind) {
  return node.kind == kind ? node : find(node.children.front(), kind);
}

TEST(ReadStages, RefuseWhatAStageCannotHold) {
  const auto network = convolution();
  StagePlan plan = plan_over(network, {2, 2}, {{kK, 0, 2, Axis::kMeshY}});
  plan.loops = {{kC, 2}};
  plan.inputs = {{1, true}, {1, true}};
  const auto schedule = [&] { return test::schedule_of(network, {plan}); };
  EXPECT_EQ(refusal(schedule(), network), "accepted");

  auto unknown_rank = schedule();
  find(unknown_rank.root, NodeKind::kSplit).split.ranks[0].rank = "Z";
  EXPECT_NE(refusal(unknown_rank, network).find("no rank 'Z'; it has N"), std::string::npos);

  auto skewed = schedule();
  find(skewed.root, NodeKind::kSplit).split.skewed = true;
  EXPECT_NE(refusal(skewed, network).find("skewed"), std::string::npos);
  auto joint = schedule();
  find(joint.root, NodeKind::kSplit).split.joint = true;
  EXPECT_NE(refusal(joint, network).find("(joint)"), std::string::npos);

  auto sliding = schedule();
  find(sliding.root, NodeKind::kLoop).loop.step = 1;
  EXPECT_NE(refusal(sliding, network).find("sliding"), std::string::npos);

  // 2 channels each: as many iterations as cover them, or more, are the same; one less is not.
  const std::int64_t channels = network.layers[0].ranks[kC].extent;
  auto counted = schedule();
  auto& count = find(counted.root, NodeKind::kLoop).loop.count;
  for (const std::int64_t surplus : {0, 3}) {
    count = (channels + 1) / 2 + surplus;
    EXPECT_EQ(refusal(counted, network), "accepted");
  }
  count = (channels + 1) / 2 - 1;
  EXPECT_NE(refusal(counted, network).find("do not cover"), std::string::npos);

  auto outside = schedule();
  find(outside.root, NodeKind::kPlace).place.tiles = {4};
  EXPECT_NE(refusal(outside, network).find("tile 4 outside 0..3"), std::string::npos);

  auto twice = schedule();
  twice.root.children.push_back(twice.root.children[0]);
  EXPECT_NE(refusal(twice, network).find("scheduled twice"), std::string::npos);

  Schedule none = schedule();
  none.root.children.clear();
  EXPECT_NE(refusal(none, network).find("is not scheduled"), std::string::npos);
}

}  // namespace
}  // namespace tessera::mapping
