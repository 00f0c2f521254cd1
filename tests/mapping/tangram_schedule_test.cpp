// The schedule `tangram`: regions, segments, alternation and analysis, against values derived by
// hand.
#include <gtest/gtest.h>

#include <algorithm>

#include "mapping/lowering.h"
#include "mapping/stage_reader.h"
#include "mapping/tangram/additions.h"
#include "mapping/tangram/forwarding.h"
#include "mapping/tangram/handover.h"
#include "mapping/tangram/pipeline.h"
#include "mapping/tangram/region.h"
#include "mapping/tangram/scheduler.h"
#include "mapping/tangram/segment_rules.h"
#include "mapping/tangram/sharing.h"
#include "sim/base/error.h"
#include "tests/support/plain_network.h"
#include "tests/support/small_machine.h"

namespace tessera::test {
namespace {

using mapping::Handover;
using mapping::Pipelining;
using mapping::StageLoop;
using workloads::Network;

constexpr Window kPadded{{3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}};

TEST(Regions, FollowTheWork) {
  // Factor 4: four units, 2, 1, 1: the slowest needs 20 / 2 = 10 per unit and the tiles are used
  // 30 / (10 x 4) = 75 %. Factor 2: eight units, 5, 2, 1: 20 / 5 = 8 / 2 = 4, used 30 / (4 x 8) =
  // 93.75 %. Factor 1: sixteen units, 11, 4, 1: 8 / 4 = 2, used 30 / (2 x 16) = 93.75 %, which is
  // not more.
  EXPECT_EQ(mapping::region_sizes({20, 8, 2}, {4, 4}), (std::vector<int>{10, 4, 2}));
}

TEST(Regions, TakeTheLargestFactorThatUsesEnough) {
  // Halves of 4 x 4 tiles use everything with factor 4.
  EXPECT_EQ(mapping::region_sizes({7, 7}, {4, 4}), (std::vector<int>{8, 8}));
  // 3 : 1 likewise.
  EXPECT_EQ(mapping::region_sizes({30, 10}, {4, 4}), (std::vector<int>{12, 4}));
}

TEST(Regions, EveryStageGetsOneUnit) {
  EXPECT_EQ(mapping::region_sizes({1000, 1, 1, 1}, {2, 2}), (std::vector<int>{1, 1, 1, 1}));
  EXPECT_TRUE(mapping::region_sizes({1, 1, 1, 1, 1}, {2, 2}).empty());
}

TEST(Regions, FillStripesBackAndForth) {
  // gcd(10, 4, 2, 4 rows) = 2: stripes of two rows. The first goes right, tiles column by column:
  // 0 4 1 5 2 6 3 7, the second comes back: 11 15 10 14 9 13 8 12.
  const auto regions = mapping::place_regions({10, 4, 2}, {4, 4});
  EXPECT_EQ(regions[0], (std::vector<mapping::TileId>{0, 4, 1, 5, 2, 6, 3, 7, 11, 15}));
  EXPECT_EQ(regions[1], (std::vector<mapping::TileId>{10, 14, 9, 13}));
  EXPECT_EQ(regions[2], (std::vector<mapping::TileId>{8, 12}));
}

Network chain(int layers, std::int64_t batch = 1) {
  PlainNetwork network("chain", batch);
  auto tensor = network.input({batch, 4, 8, 8});
  for (int i = 0; i < layers; ++i) tensor = network.convolution(tensor, 8, kPadded);
  return network.finish();
}

/// conv0, conv1, conv2, conv0 + conv2.
Network residual() {
  PlainNetwork network("residual");
  const auto first = network.convolution(network.input({1, 4, 8, 8}), 8, kPadded);
  const auto branch = network.convolution(network.convolution(first, 8, kPadded), 8, kPadded);
  network.add(first, branch);
  return network.finish();
}

TEST(SegmentRules, ChainsReadOnlyTheLayerBefore) {
  const auto network = residual();
  EXPECT_TRUE(mapping::is_segment(network, {1, 2}, Pipelining::kChains));
  EXPECT_TRUE(mapping::is_segment(network, {0, 3}, Pipelining::kDag));
  EXPECT_FALSE(mapping::is_segment(network, {0, 3}, Pipelining::kChains));
  // The sum reads conv0 from DRAM: no chain either.
  EXPECT_FALSE(mapping::is_segment(network, {1, 3}, Pipelining::kChains));
  EXPECT_TRUE(mapping::is_segment(network, {1, 3}, Pipelining::kDag));
}

TEST(SegmentRules, MapsReadOutsideEndASegment) {
  // conv0 is read by conv1 and by the sum.
  EXPECT_FALSE(mapping::is_segment(residual(), {0, 1}, Pipelining::kDag));
  EXPECT_FALSE(mapping::is_segment(residual(), {0, 2}, Pipelining::kDag));
  EXPECT_FALSE(mapping::is_segment(chain(3), {1, 1}, Pipelining::kDag));
  EXPECT_FALSE(mapping::is_segment(chain(3), {0, 2}, Pipelining::kNone));
}

std::vector<StageLoop> loops_of(const Network& network, workloads::LayerSpan span, bool first) {
  std::vector<StageLoop> loops;
  for (const auto& one : mapping::alternate(network, span, 4, first, true))
    loops.push_back(one.loop);
  return loops;
}

TEST(Alternation, PiecesAndWholeMapsTakeTurns) {
  using enum StageLoop;
  EXPECT_EQ(loops_of(chain(5), {0, 4}, true), (std::vector{kGives, kTakes, kGives, kTakes, kNone}));
  EXPECT_EQ(loops_of(chain(5), {0, 4}, false),
            (std::vector{kNone, kGives, kTakes, kGives, kTakes}));
}

TEST(Alternation, PoolingPassesPiecesOn) {
  PlainNetwork plain("pooled");
  auto tensor = plain.convolution(plain.input({1, 4, 8, 8}), 8, kPadded);
  tensor = plain.pool(tensor, workloads::Function::kMaxPool, {{2, 2}, {2, 2}});
  plain.convolution(tensor, 8, kPadded);
  using enum StageLoop;
  EXPECT_EQ(loops_of(plain.finish(), {0, 2}, true), (std::vector{kGives, kPasses, kTakes}));
}

TEST(Alternation, MapsWithTwoReadersAreWhole) {
  // conv0 has two readers. conv1 gives, conv2 takes and holds its whole output.
  using enum StageLoop;
  EXPECT_EQ(loops_of(residual(), {0, 3}, true), (std::vector{kNone, kGives, kTakes, kNone}));
}

TEST(Alternation, WhatIsAddedOnItsTilesIsWhole) {
  // conv0 and conv1 + conv0: conv1 gives pieces to a sum elsewhere, and a whole map to one on its
  // own tiles, which gives pieces itself.
  PlainNetwork plain("sum");
  const auto first = plain.convolution(plain.input({1, 4, 8, 8}), 8, kPadded);
  const auto sum = plain.add(first, plain.convolution(first, 8, kPadded));
  plain.convolution(sum, 8, kPadded);
  const auto network = plain.finish();
  const auto loops = [&](const std::vector<int>& hosts) {
    std::vector<StageLoop> loops;
    for (const auto& one : mapping::alternate(network, {0, 3}, 4, true, true, hosts))
      loops.push_back(one.loop);
    return loops;
  };
  using enum StageLoop;
  EXPECT_EQ(loops({-1, -1, -1, -1}), (std::vector{kNone, kGives, kPasses, kTakes}));
  EXPECT_EQ(loops({-1, -1, 1, -1}), (std::vector{kNone, kNone, kGives, kTakes}));
}

TEST(Additions, RunWhereTheLastOfTheirOperandsIsMade) {
  EXPECT_EQ(mapping::hosts_of(residual(), {0, 3}), (std::vector<int>{-1, -1, -1, 2}));
  // conv0 is outside.
  EXPECT_EQ(mapping::hosts_of(residual(), {1, 3}), (std::vector<int>{-1, -1, 1}));
  EXPECT_EQ(mapping::hosts_of(residual(), {3, 3}), std::vector<int>{-1});
  EXPECT_EQ(mapping::hosts_of(chain(3), {0, 2}), (std::vector<int>{-1, -1, -1}));
}

TEST(Additions, AreDealtAsTheirHostIs) {
  const auto network = residual();
  const auto &host = network.layers[2], &sum = network.layers[3];
  const mapping::PartitionSplit channels{host.rank_index("K"), 0, 4},
      rows{host.rank_index("P"), 0, 2}, reduced{host.rank_index("C"), 0, 2};
  const auto dealt = mapping::dealt_like(host, {channels, rows}, sum);
  ASSERT_TRUE(dealt);
  ASSERT_EQ(dealt->size(), 2u);
  EXPECT_EQ((*dealt)[0].rank, mapping::single_rank(sum, sum.output, 1));
  EXPECT_EQ((*dealt)[0].ways, 4);
  EXPECT_EQ((*dealt)[1].rank, mapping::single_rank(sum, sum.output, 2));
  EXPECT_EQ((*dealt)[1].ways, 2);
  // Tiles that have partial sums have made nothing that could be added to.
  EXPECT_FALSE(mapping::dealt_like(host, {reduced}, sum));
}

TEST(Additions, TakeNoTilesFromOthers) {
  const auto network = residual();
  const auto machine = grid_machine(4, 4);
  const mapping::MachineRates rates;
  mapping::StageChooser chooser(network, machine, rates);
  const auto tiles_in_all = [&](const mapping::Pipeline& pipeline) {
    std::size_t tiles = 0;
    for (std::size_t s = 0; s < 3; ++s) tiles += pipeline.stages[s].plan.tiles.size();
    return tiles;
  };
  const auto shares_tiles = [](const mapping::Pipeline& pipeline) {
    return pipeline.stages[3].plan.tiles == pipeline.stages[2].plan.tiles;
  };
  const auto hosting = mapping::pipelines_of(network, {0, 3}, machine, rates, {}, chooser,
                                             {mapping::hosts_of(network, {0, 3})});
  ASSERT_FALSE(hosting.empty());
  for (const auto& pipeline : hosting) {
    EXPECT_TRUE(shares_tiles(pipeline));
    EXPECT_EQ(tiles_in_all(pipeline), 16u);
    EXPECT_EQ(pipeline.stages[3].plan.partition.size(), pipeline.stages[2].plan.partition.size());
  }
  for (const auto& pipeline : mapping::pipelines_of(network, {0, 3}, machine, rates, {}, chooser)) {
    EXPECT_FALSE(shares_tiles(pipeline));
    EXPECT_LT(tiles_in_all(pipeline), 16u);
  }
}

TEST(Alternation, OffMeansWholeMaps) {
  for (const auto& one : mapping::alternate(chain(4), {0, 3}, 4, true, false))
    EXPECT_EQ(one, Handover{});
}

/// Two stages of 800 cycles, first fetch 10, nothing from DRAM worth mentioning.
mapping::Pipeline pair(StageLoop first, StageLoop second, std::int64_t pieces) {
  mapping::Pipeline pipeline{{0, 1}, 1, true, {}, 0};
  for (const auto loop : {first, second}) {
    mapping::StageChoice stage;
    stage.plan.layer = static_cast<int>(pipeline.stages.size());
    stage.handover = {loop, loop == StageLoop::kNone ? 1 : pieces};
    stage.cycles = 800;
    stage.first_fetch = 10;
    pipeline.stages.push_back(stage);
  }
  return pipeline;
}

TEST(PipelineCycles, WholeMapsFollowEachOther) {
  // 10 + 800, hand-over 100, 800.
  const auto pipeline = pair(StageLoop::kNone, StageLoop::kNone, 1);
  EXPECT_DOUBLE_EQ(mapping::pipeline_cycles(pipeline, chain(2), {}, 2), 1710);
}

TEST(PipelineCycles, PiecesOverlap) {
  // The second begins at 10 + 800 / 8 + 100 = 210 and needs 800: 1010; no earlier than its last
  // piece, 810 + 100.
  const auto pipeline = pair(StageLoop::kGives, StageLoop::kTakes, 8);
  EXPECT_DOUBLE_EQ(mapping::pipeline_cycles(pipeline, chain(2), {}, 2), 1010);
}

TEST(PipelineCycles, FurtherBatchGroupsFollowAtThePaceOfTheSlowestStage) {
  // 1710 for the first of four groups, 800 for each of the others.
  auto pipeline = pair(StageLoop::kNone, StageLoop::kNone, 1);
  pipeline.batch_groups = 4;
  EXPECT_DOUBLE_EQ(mapping::pipeline_cycles(pipeline, chain(2), {}, 2), 4110);
}

TEST(PipelineCycles, DramBoundsAllStagesTogether) {
  // Weights of 80 kB at 16 B per cycle: 5000 cycles, more than the stages need.
  auto pipeline = pair(StageLoop::kNone, StageLoop::kNone, 1);
  pipeline.stages[0].weight_bytes = 80000;
  EXPECT_DOUBLE_EQ(mapping::pipeline_cycles(pipeline, chain(2), {}, 2), 5000);
}

TEST(TangramSchedule, NeedsPipeliningForSegments) {
  const auto machine = grid_machine(2, 2);
  const auto schedule = mapping::schedule_tangram(
      chain(4), machine, {}, {.sharing = false, .pipelining = Pipelining::kNone});
  EXPECT_EQ(schedule.name, "tangram");
  EXPECT_EQ(schedule.root.children.size(), 4u);
}

TEST(TangramSchedule, JoinsLayersWhenDramIsAllThatCounts) {
  // 16 images. The map in between has 16 x 16 x 8 x 8 words of 2 B = 32 KiB, all that four tiles of
  // 8 KiB have, so layer by layer sends it out and back: 8 + 32 + 32 + 16 KiB. As a segment, image
  // by image, it stays on chip: 8 + 16 KiB and the weights. At a tenth of a byte per cycle nothing
  // else matters.
  PlainNetwork plain("pair", 16);
  const auto middle = plain.convolution(plain.input({16, 4, 8, 8}), 16, kPadded);
  plain.convolution(middle, 8, kPadded);
  const auto network = plain.finish();
  const auto machine = grid_machine(2, 2);
  const mapping::MachineRates slow{.dram_bytes_per_cycle = 0.1};
  const auto joined = mapping::schedule_tangram(network, machine, slow, {});
  ASSERT_EQ(joined.root.children.size(), 1u);
  const auto text = mapping::to_text(joined);
  EXPECT_NE(text.find("pipeline"), std::string::npos) << text;
  EXPECT_NE(text.find("loop N"), std::string::npos) << text;
  const auto apart =
      mapping::schedule_tangram(network, machine, slow, {.pipelining = Pipelining::kNone});
  EXPECT_EQ(apart.root.children.size(), 2u);
}

TEST(TangramSchedule, UnicastIsRefusedUnlessLoweringKnowsIt) {
  const auto machine = grid_machine(2, 2);
  const mapping::TangramSwitches off{
      .forwarding = false, .sharing = false, .pipelining = Pipelining::kNone};
  if (!mapping::lowers_apart(machine)) {
    EXPECT_THROW(mapping::schedule_tangram(chain(2), machine, {}, off), UserError);
    return;
  }
  const auto network = chain(2);
  const auto program =
      mapping::lower(mapping::schedule_tangram(network, machine, {}, off), network, machine);
  for (const auto& stage : program.stages)
    for (const auto& group : stage.groups) EXPECT_EQ(group.members.size(), 1u);
}

void expect_even_trips(const mapping::SharedLayer& choice, const Network& network) {
  mapping::StagePlan plan = choice.plan;
  for (int tile = 0; tile < 16; ++tile) plan.tiles.push_back(tile);
  const auto shares = mapping::deal_shares(plan, network.layers[0], {4, 4});
  for (const auto& loop : plan.loops)
    for (const auto& ranks : shares.ranks)
      EXPECT_EQ(ceil_div(ranks[loop.rank].size(), loop.tile),
                ceil_div(shares.nominal[loop.rank], loop.tile));
}

/// Filters and rows that four rows or columns of tiles cannot share evenly: a tile with fewer trips
/// than the others of its chain would stop it.
TEST(SharedLayers, AllTilesMakeAsManyTrips) {
  const auto machine = grid_machine(4, 4);
  int shared = 0;
  for (const int filters : {10, 12, 14, 22})
    for (const int rows : {9, 10, 12, 25}) {
      PlainNetwork plain("uneven");
      plain.convolution(plain.input({1, 16, rows, 4}), filters, kPadded);
      const auto network = plain.finish();
      for (const auto& choice :
           mapping::shared_layers(network, 0, std::vector<mapping::InputSource>(2), machine, {},
                                  mapping::Home::kDram)) {
        expect_even_trips(choice, network);
        ++shared;
      }
    }
  EXPECT_GT(shared, 0);
}

/// What lies in tiles does not come from DRAM: one image less, its maps and results.
TEST(SharedLayers, CountOnlyWhatDramMoves) {
  PlainNetwork plain("homes");
  plain.convolution(plain.input({1, 8, 8, 4}), 16, kPadded);
  const auto network = plain.finish();
  const auto machine = grid_machine(2, 2);
  std::vector<mapping::InputSource> sources(2);
  const auto least = [&](mapping::Home home) {
    double bytes = 1e9;
    for (const auto& choice : mapping::shared_layers(network, 0, sources, machine, {}, home))
      bytes = std::min(bytes, choice.dram_bytes);
    return bytes;
  };
  // Dealt over filters alone everything is read once: 16 x 8 x 9 weights and 8 x 8 x 4 inputs;
  // 16 x 8 x 4 results.
  EXPECT_EQ(least(mapping::Home::kDram), 2 * (1152 + 256 + 512));
  EXPECT_EQ(least(mapping::Home::kTiles), 2 * (1152 + 256));
  sources[0].home = mapping::Home::kTiles;
  EXPECT_EQ(least(mapping::Home::kTiles), 2 * 1152);
}

TEST(SharedLayers, TreesSayWhoSharesAndWhichLoopsRotate) {
  PlainNetwork plain("shared");
  plain.convolution(plain.input({1, 8, 8, 4}), 16, kPadded);
  const auto network = plain.finish();
  const auto machine = grid_machine(2, 2);
  const auto choices = mapping::shared_layers(network, 0, std::vector<mapping::InputSource>(2),
                                              machine, {}, mapping::Home::kDram);
  ASSERT_FALSE(choices.empty());
  for (const auto& choice : choices) {
    mapping::Schedule schedule{"shared", "shared", {}};
    schedule.root.children.push_back(mapping::shared_tree(choice, network));
    const auto plan = mapping::read_stages(schedule, network, {2, 2}).front();
    const auto& shared = choice.plan.inputs[static_cast<std::size_t>(choice.input)];
    const auto& read = plan.inputs[static_cast<std::size_t>(choice.input)];
    EXPECT_EQ(read.shared_by, shared.shared_by);
    EXPECT_EQ(read.turn, 1);
    EXPECT_EQ(read.depth, static_cast<int>(choice.plan.loops.size()));
    EXPECT_TRUE(plan.loops[1].rotates);
  }
}

}  // namespace
}  // namespace tessera::test
