// What lowering makes of a plan: slots, groups, memory layout, and what it refuses.
#include "mapping/lowering.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "mapping/dram_channels.h"
#include "mapping/dram_runs.h"
#include "tests/support/plain_network.h"
#include "tests/support/refusal.h"
#include "tests/support/small_machine.h"
#include "tests/support/stage_tree.h"

namespace tessera::mapping {
namespace {

using test::plain_plan;
using workloads::Network;
using Runs = std::vector<Run>;

/// 8 channels of 6 x 6, 4 filters of 3 x 3 with padding 1: ranks N K C P Q R S.
Network convolution() { return test::padded_convolution({1, 8, 6, 6}, 4); }

enum Rank { kN, kK, kC, kP, kQ, kR, kS };

Program lowered(const Network& network, StagePlan plan, const hw::Accelerator& machine) {
  test::choose_array(plan, network, machine);
  return lower(test::schedule_of(network, {plan}), network, machine);
}

std::string refusal(const Network& network, const StagePlan& plan, const hw::Accelerator& machine) {
  return test::refusal_of([&] { lowered(network, plan, machine); });
}

const Slot& slot(const Stage& stage, const std::string& name) {
  return *std::ranges::find(stage.slots, name, &Slot::name);
}

TEST(Lowering, GranulesHoldTheirRegionInWholeLines) {
  const auto network = convolution();
  const auto machine = test::grid_machine(1, 1);
  StagePlan plan = plain_plan(network, 0);
  plan.loops = {{kP, 2}, {kC, 4}};
  plan.inputs = {{2, true}, {2, false}};
  plan.output = {1, true};
  const auto stage = lowered(network, plan, machine).stages[0];
  // Inputs: 4 channels x (2 + 3 - 1) rows x 6 columns, 2 bytes: 192, 6 lines of 32. Weights: 4 x 4
  // x 9 words, 288 bytes, 9 lines. Outputs: 4 filters x 2 rows x 6: 96 bytes, 3 lines.
  EXPECT_EQ(slot(stage, "I0").granule_bytes, 192u);
  EXPECT_EQ(slot(stage, "I0").granules, 2);
  EXPECT_EQ(slot(stage, "W").granule_bytes, 288u);
  EXPECT_EQ(slot(stage, "W").granules, 1);
  EXPECT_EQ(slot(stage, "O").granule_bytes, 96u);
  EXPECT_EQ(slot(stage, "O").granules, 2);
}

TEST(Lowering, AnOperandThatTheInnerLoopsLeaveAloneIsFetchedOnce) {
  // Weights stand inside the loop over rows, which does not index them: received before the loop.
  const auto network = convolution();
  StagePlan plan = plain_plan(network, 0);
  plan.loops = {{kP, 2}};
  plan.inputs = {{1, true}, {1, true}};
  plan.output = {1, true};
  const auto load = lowered(network, plan, test::grid_machine(1, 1)).stages[0].codes[0].load;
  ASSERT_EQ(load.size(), 2u);
  EXPECT_FALSE(load[0].is_loop);
  EXPECT_EQ(load[0].instruction.operand, 1);
  ASSERT_TRUE(load[1].is_loop);
  EXPECT_EQ(load[1].count, 3);
  ASSERT_EQ(load[1].body.size(), 1u);
  EXPECT_EQ(load[1].body[0].instruction.operand, 0);
}

TEST(Lowering, TilesWithEqualRegionsFormAGroup) {
  // Filters over the columns, rows over the rows of a 2 x 2 grid: the tiles of a row of tiles share
  // inputs, those of a column share weights; outputs are nobody else's.
  const auto network = convolution();
  StagePlan plan = plain_plan(network, 0);
  plan.tiles = {0, 1, 2, 3};
  plan.partition = {{kK, 0, 2, Axis::kMeshX}, {kP, 0, 2, Axis::kMeshY}};
  const auto stage = lowered(network, plan, test::grid_machine(2, 2)).stages[0];
  const auto members = [&](int share, int operand) {
    return stage.groups[stage.shares[share].input_groups[operand]].members;
  };
  EXPECT_EQ(members(0, 0), (std::vector<TileId>{0, 1}));
  EXPECT_EQ(members(3, 0), (std::vector<TileId>{2, 3}));
  EXPECT_EQ(members(0, 1), (std::vector<TileId>{0, 2}));
  EXPECT_EQ(members(3, 1), (std::vector<TileId>{1, 3}));
  EXPECT_EQ(stage.groups[stage.shares[2].sums_group].members, (std::vector<TileId>{2}));
  EXPECT_EQ(stage.sums_slot, -1);
}

TEST(Lowering, PartnersLieOverTheOutputsAndNeverBeyond) {
  // Channels over four tiles, one filter at a time, outputs single buffered: the partners' ring has
  // one granule too, although they make four.
  const auto network = convolution();
  StagePlan plan = plain_plan(network, 0);
  plan.tiles = {0, 1, 2, 3};
  plan.partition = {{kC, 0, 4, Axis::kTiles}};
  plan.loops = {{kK, 1}};
  plan.inputs = {{0, false}, {1, true}};
  plan.output = {1, false};
  const auto stage = lowered(network, plan, test::grid_machine(2, 2)).stages[0];
  const auto& partial = stage.slots[stage.partial_slot];
  const auto& output = stage.slots[stage.output_slot];
  EXPECT_EQ(partial.base_address, output.base_address);
  EXPECT_EQ(partial.granules, 1);
  EXPECT_EQ(output.granules, 1);
  EXPECT_EQ(stage.slots[stage.sums_slot].granules, 2);
  EXPECT_EQ(stage.shares[0].code, 0);
  for (int share = 1; share < 4; ++share) EXPECT_EQ(stage.shares[share].code, 1);
}

TEST(Lowering, TheNetworkAddsWhereItCanAndThereIsSomethingToAdd) {
  // Four tiles with a quarter of the channels each: with adders the owner takes in one granule for
  // each of its outputs, without them three. Of one partner there is nothing to add.
  const auto network = convolution();
  StagePlan plan = plain_plan(network, 0);
  const auto receives = [](const Stage& stage) {
    const auto& last = stage.codes[0].load.back();
    EXPECT_TRUE(last.is_loop);
    EXPECT_EQ(last.body.at(0).instruction.op, Op::kReceiveSums);
    return last.count;
  };
  for (const auto reduction : {noc::proto::NONE, noc::proto::INTERFACES, noc::proto::ROUTERS}) {
    auto machine = test::grid_machine(2, 2);
    machine.network.set_reduction(reduction);
    plan.tiles = {0, 1, 2, 3};
    plan.partition = {{kC, 0, 4, Axis::kTiles}};
    const auto four = lowered(network, plan, machine).stages[0];
    EXPECT_EQ(four.sums_in_network, reduction != noc::proto::NONE);
    EXPECT_EQ(receives(four), reduction != noc::proto::NONE ? 1 : 3);
    plan.tiles = {0, 1};
    plan.partition = {{kC, 0, 2, Axis::kTiles}};
    EXPECT_FALSE(lowered(network, plan, machine).stages[0].sums_in_network);
  }
}

TEST(Lowering, AWeightGranuleIsOneRunInDram) {
  // Weights 4 x 8 x 3 x 3, fetched 4 channels at a time for all filters: 4 x 4 x 9 words in one
  // piece each.
  const auto network = convolution();
  StagePlan plan = plain_plan(network, 0);
  plan.loops = {{kC, 4}};
  plan.inputs = {{1, true}, {1, true}};
  plan.output = {0, true};
  const auto program = lowered(network, plan, test::grid_machine(1, 1));
  const auto tensor = network.layers[0].inputs[1].tensor;
  const workloads::Region half{{{0, 4, 1}, {4, 4, 1}, {0, 3, 1}, {0, 3, 1}}};
  const auto& layout = program.layouts[tensor];
  EXPECT_EQ(runs_of(layout, network.tensors[tensor].extents, half, 2),
            (Runs{{layout.base_address + 288, 288}}));
}

TEST(Lowering, TensorsInDramDoNotOverlap) {
  const auto network = workloads::load_network("small_cnn", 0);
  const auto machine = test::grid_machine(1, 1);
  std::vector<StagePlan> plans;
  for (int layer = 0; layer < std::ssize(network.layers); ++layer) {
    plans.push_back(plain_plan(network, layer));
    test::choose_array(plans.back(), network, machine);
  }
  auto roomy = machine;
  roomy.tile.buffer.bytes = 65536;
  const auto program = lower(test::schedule_of(network, plans), network, roomy);
  std::uint64_t end = 0;
  for (const auto& layout : program.layouts) {
    EXPECT_GE(layout.base_address, end);
    EXPECT_EQ(layout.base_address % 2048, 0u);  // 4096 over two channels
    end = layout.base_address + bytes_per_channel(layout, 2);
  }
}

TEST(Lowering, RefusesSumsThatWouldLeaveTheTilesOfOutputsThatStay) {
  const auto network = convolution();
  const auto machine = test::grid_machine(1, 1);
  StagePlan plan = plain_plan(network, 0);
  plan.loops = {{kC, 4}, {kP, 2}};
  plan.inputs = {{2, true}, {2, true}};
  plan.output = {2, true};
  plan.output_home = Home::kTiles;
  EXPECT_NE(refusal(network, plan, machine).find("loop over a reduced rank stands outside"),
            std::string::npos);
  // The ways out that the message names.
  plan.output_home = Home::kDram;
  EXPECT_EQ(refusal(network, plan, machine), "accepted");
  plan.output_home = Home::kTiles;
  plan.output = {0, true};
  EXPECT_EQ(refusal(network, plan, machine), "accepted");
  std::swap(plan.loops[0], plan.loops[1]);
  plan.output = {1, true};
  EXPECT_EQ(refusal(network, plan, machine), "accepted");
}

TEST(Lowering, RefusesUnequalNumbersOfPartners) {
  // Two halves of the filters x two halves of the channels need four tiles; of three, the last
  // filters have one contributor only.
  const auto network = convolution();
  StagePlan plan = plain_plan(network, 0);
  plan.tiles = {0, 1, 2};
  plan.partition = {{kK, 0, 2, Axis::kTiles}, {kC, 0, 2, Axis::kTiles}};
  EXPECT_NE(
      refusal(network, plan, test::grid_machine(2, 2)).find("every output needs the same number"),
      std::string::npos);
  plan.tiles = {0, 1, 2, 3};
  EXPECT_EQ(refusal(network, plan, test::grid_machine(2, 2)), "accepted");
}

TEST(Lowering, RefusesWhatDoesNotFitNamingTheSizes) {
  // Inputs 8 x 6 x 6, weights 4 x 8 x 9, outputs 4 x 6 x 6 words: 576, 576 and 288 bytes.
  const auto network = convolution();
  auto machine = test::grid_machine(1, 1);
  const StagePlan plan = plain_plan(network, 0);
  machine.tile.buffer.bytes = 1440;
  EXPECT_EQ(refusal(network, plan, machine), "accepted");
  machine.tile.buffer.bytes = 1408;
  EXPECT_EQ(refusal(network, plan, machine),
            "layer convolution0: does not fit into the tile buffer of 1408 B beside the feature "
            "maps that stay on "
            "chip: I0 1 x 576 B, W 1 x 576 B, O 1 x 288 B");
}

}  // namespace
}  // namespace tessera::mapping
