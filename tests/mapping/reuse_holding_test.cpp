// Operands that would be fetched for every use. A 1 x 1 convolution of 4 channels to 8 filters over
// 4 x 4 pixels on one PE, all operands past the buffer: inputs 64 words, filters 32, outputs 128.
// A word is 2 bytes, a line of the buffer one word.
#include "mapping/reuse_holding.h"

#include <gtest/gtest.h>

#include "tests/support/plain_network.h"
#include "tests/support/small_machine.h"
#include "tests/support/stage_tree.h"

namespace tessera::mapping {
namespace {

enum Rank { kN, kK, kC, kP, kQ };

workloads::Network pixels() {
  test::PlainNetwork builder("pixels");
  builder.convolution(builder.input({1, 4, 4, 4}), 8, {});
  return builder.finish();
}

hw::Accelerator machine(Bytes buffer, Bytes staging) {
  auto machine = test::grid_machine(1, 1);
  machine.tile.buffer.bytes = buffer;
  machine.tile.buffer.line_bytes = 2;
  machine.tile.interface.staging_bytes = staging;
  return machine;
}

/// Filters stay in the registers inside the outermost loop, inputs and sums for one pixel.
StagePlan streaming(const workloads::Network& network, std::vector<ArrayLoopSpec> loops) {
  StagePlan plan = test::plain_plan(network, 0);
  for (auto& input : plan.inputs) input.staging = true;
  plan.output.staging = true;
  plan.array.loops = std::move(loops);
  plan.array.store_depth[0] = plan.array.store_depth[2] = 3;
  plan.array.store_depth[1] = 1;
  return plan;
}

/// Channels outermost: every pixel's sums are needed again for the next one.
const std::vector<ArrayLoopSpec> kChannelsOutside = {{kC, 1}, {kP, 1}, {kQ, 1}, {kK, 1}};
/// Filters outermost: all inputs are needed again for the next one.
const std::vector<ArrayLoopSpec> kFiltersOutside = {{kK, 1}, {kP, 1}, {kQ, 1}, {kC, 1}};

std::vector<std::pair<int, std::int64_t>> loops_of(const StagePlan& plan) {
  std::vector<std::pair<int, std::int64_t>> loops;
  for (const auto& loop : plan.loops) loops.emplace_back(loop.rank, loop.tile);
  return loops;
}

using Loops = std::vector<std::pair<int, std::int64_t>>;

// 256 bytes of sums in a buffer of as many: whole, outside all loops. Inputs and filters of one
// channel, 32 and 16 bytes, then pass twice through a FIFO of 128.
TEST(HoldReused, SumsStayInTheBufferWhole) {
  const auto network = pixels();
  auto plan = streaming(network, kChannelsOutside);
  ASSERT_TRUE(hold_reused(plan, network, machine(256, 128)));
  EXPECT_FALSE(plan.output.staging);
  EXPECT_EQ(plan.output.depth, 0);
  EXPECT_TRUE(plan.inputs[0].staging);
  EXPECT_TRUE(plan.inputs[1].staging);
  EXPECT_EQ(loops_of(plan), Loops{});
}

// A word less: two rows of the four at a time, 128 bytes.
TEST(HoldReused, SumsStayInBlocksThatFit) {
  const auto network = pixels();
  auto plan = streaming(network, kChannelsOutside);
  ASSERT_TRUE(hold_reused(plan, network, machine(254, 128)));
  EXPECT_EQ(plan.output.depth, 1);
  EXPECT_EQ(loops_of(plan), (Loops{{kP, 2}}));
}

// 62 bytes: one row has 64, so half a row, 32, and no second copy of it.
TEST(HoldReused, BlocksGoOnToTheNextRankWhereOneIsNotEnough) {
  const auto network = pixels();
  auto plan = streaming(network, kChannelsOutside);
  ASSERT_TRUE(hold_reused(plan, network, machine(62, 128)));
  EXPECT_EQ(plan.output.depth, 2);
  EXPECT_EQ(loops_of(plan), (Loops{{kP, 1}, {kQ, 2}}));
  EXPECT_FALSE(plan.output.double_buffered);
}

// The 8 sums of one pixel are 16 bytes; the array's next loop is over filters, one at a time.
TEST(HoldReused, NothingIsHeldWhereOneTripDoesNotFit) {
  const auto network = pixels();
  auto plan = streaming(network, kChannelsOutside);
  EXPECT_FALSE(hold_reused(plan, network, machine(1, 128)));
  EXPECT_TRUE(plan.output.staging);
  EXPECT_TRUE(plan.loops.empty());
}

// Inputs, 128 bytes, are used 8 times. In a FIFO of 200 they have room beside 8 bytes of filters
// and 32 of sums, and come once; in one of 64 they do not.
TEST(HoldReused, InputsAreHeldWhereTheFifoIsTooSmall) {
  const auto network = pixels();
  auto plan = streaming(network, kFiltersOutside);
  EXPECT_FALSE(hold_reused(plan, network, machine(256, 1024)));
  ASSERT_TRUE(hold_reused(plan, network, machine(256, 64)));
  EXPECT_FALSE(plan.inputs[0].staging);
  EXPECT_EQ(plan.inputs[0].depth, 0);
  EXPECT_TRUE(plan.output.staging);
}

// Blocks of 2 rows, 64 bytes, have room twice in 128 beside nothing.
TEST(HoldReused, BlocksThatFitTwiceAreHeldTwice) {
  const auto network = pixels();
  auto plan = streaming(network, kFiltersOutside);
  ASSERT_TRUE(hold_reused(plan, network, machine(127, 64)));
  EXPECT_EQ(loops_of(plan), (Loops{{kP, 2}}));
  EXPECT_FALSE(plan.inputs[0].double_buffered);
  plan = streaming(network, kFiltersOutside);
  plan.loops = {{kP, 2}};
  ASSERT_TRUE(hold_reused(plan, network, machine(128, 64)));
  EXPECT_EQ(plan.inputs[0].depth, 1);
  EXPECT_TRUE(plan.inputs[0].double_buffered);
}

// Two tiles with half of the channels each. Streaming, the owner's sums and its partner's would
// need 512 bytes beside 32 of inputs and 16 of filters to stay in the FIFO. Held, its own leave no
// room for its partner's in the buffer, which come in pieces through 512 bytes of the FIFO.
TEST(HoldReused, PartnersSumsPassThroughTheFifo) {
  const auto network = pixels();
  auto plan = streaming(network, kChannelsOutside);
  auto two = machine(256, 559);
  two.columns = 2;
  plan.tiles = {0, 1};
  plan.partition = {{kC, 0, 2, Axis::kTiles}};
  ASSERT_TRUE(hold_reused(plan, network, two));
  EXPECT_EQ(plan.output.depth, 0);
  EXPECT_TRUE(plan.sums_in_pieces);
}

/// Two tiles with two rows each, that share the filters and pass on those of a channel at a time:
/// of four such pieces of 16 bytes a tile has two, and room for one on its way.
StagePlan turning(const workloads::Network& network) {
  StagePlan plan = streaming(network, {{kP, 1}, {kQ, 1}, {kK, 1}});
  plan.tiles = {0, 1};
  plan.partition = {{kP, 0, 2, Axis::kTiles}};
  plan.loops = {{kC, 1, /*rotates=*/true}};
  plan.inputs[1] = {.depth = 1, .shared_by = 2, .turn = 0};
  plan.array.store_depth[0] = plan.array.store_depth[2] = 2;
  plan.array.store_depth[1] = 0;
  return plan;
}

hw::Accelerator two_tiles(Bytes buffer) {
  auto two = machine(buffer, 128);
  two.columns = 2;
  return two;
}

// 64 sums in each tile are 128 bytes beside 48 of filters: whole, outside the loop that turns.
TEST(HoldReused, SumsStayWhereFiltersGoRound) {
  const auto network = pixels();
  auto plan = turning(network);
  ASSERT_TRUE(hold_reused(plan, network, two_tiles(176)));
  EXPECT_FALSE(plan.output.staging);
  EXPECT_EQ(plan.output.depth, 0);
  EXPECT_EQ(plan.inputs[1].turn, 0);
  EXPECT_EQ(loops_of(plan), (Loops{{kC, 1}}));
}

// A word less: a row at a time, and the filters go round once for each.
TEST(HoldReused, BlocksStandOutsideTheLoopThatTurns) {
  const auto network = pixels();
  auto plan = turning(network);
  ASSERT_TRUE(hold_reused(plan, network, two_tiles(174)));
  EXPECT_EQ(plan.output.depth, 1);
  EXPECT_EQ(loops_of(plan), (Loops{{kP, 1}, {kC, 1}}));
  EXPECT_EQ(plan.inputs[1].turn, 1);
  EXPECT_EQ(plan.inputs[1].depth, 2);
  EXPECT_EQ(plan.inputs[1].shared_by, 2);
}

// 62 bytes beside the filters: a row has 64, half a row 32. With 30 a block would have to be of
// filters, which are dealt.
TEST(HoldReused, WhatGoesRoundIsNotDealtAgain) {
  const auto network = pixels();
  auto plan = turning(network);
  ASSERT_TRUE(hold_reused(plan, network, two_tiles(110)));
  EXPECT_EQ(loops_of(plan), (Loops{{kP, 1}, {kQ, 2}, {kC, 1}}));
  plan = turning(network);
  EXPECT_FALSE(hold_reused(plan, network, two_tiles(62)));
  EXPECT_EQ(loops_of(plan), (Loops{{kC, 1}}));
}

TEST(HoldReused, SharedSumsStayAsTheyAre) {
  const auto network = pixels();
  auto plan = streaming(network, kFiltersOutside);
  plan.output.staging = false;
  plan.output.shared_by = 2;
  EXPECT_FALSE(hold_reused(plan, network, machine(4096, 64)));
}

}  // namespace
}  // namespace tessera::mapping
