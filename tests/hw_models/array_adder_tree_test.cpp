// Dataflows that add over an adder tree, cycles derived by hand.
#include "tests/hw_models/array_work.h"

namespace tessera::hw {
namespace {

/// Weight-stationary with multicast inputs and an adder tree over the 8 input channels of a column:
/// for each of 9 filter taps 64 weights stay for 16 output positions; sums go through the buffer
/// from tap to tap.
ArrayWork adder_tree_convolution(bool double_buffered) {
  ArrayWork work = full_array({loop(9, true, true, false), loop(16, true, false, true)});
  work.operand[kInputOperand] = {8, 2, 8, true};
  work.operand[kWeightOperand] = {64, 1, 1, double_buffered};
  work.operand[kOutputOperand] = {8, 2, 8, true};
  work.reduction = SpatialReduction::kTree;
  align_operands(work);
  work.line_address[kOutputOperand] = reached(kOutputStream, 7);
  return work;
}

const PeArrayDescription kTree = array_of(Delivery::kMulticast, SpatialReduction::kTree, 16);

TEST(AdderTree, WeightReloadsAddUpWhenSingleBuffered) {
  // Load 4 cycles, 16 steps, 9 times: last step in 9 x 20 - 1 = 179; tree of 8: ceil(log2 8) = 3
  // cycles; written in 182. Tap 8 starts 160 = 20 x 8 cycles after tap 0, so it meets the same
  // banks: 7 + 160.
  const ArrayTiming timing = time(kTree, adder_tree_convolution(false));
  EXPECT_EQ(timing.cycles, 183u);
  EXPECT_EQ(timing.stall, 8u * 4);
  EXPECT_EQ(timing.drain, 3u);
}

TEST(AdderTree, WeightReloadsHideWhenDoubleBuffered) {
  // 4 + 9 x 16 steps, last in 147, written in 150.
  const ArrayTiming timing = time(kTree, adder_tree_convolution(true));
  EXPECT_EQ(timing.cycles, 151u);
  EXPECT_EQ(timing.stall, 0u);
}

TEST(AdderTree, CountsFollowFromTheLoops) {
  ArrayWork work = adder_tree_convolution(true);
  work.macs = 9 * 16 * 64;
  const ArrayCounts counts = time(kTree, work).counts;
  EXPECT_EQ(counts.mac_slots, 9 * 16 * 64);
  EXPECT_EQ(counts.bus_words[kInputOperand], 9 * 16 * 8);
  EXPECT_EQ(counts.bus_words[kWeightOperand], 9 * 64);
  EXPECT_EQ(counts.bus_words[kOutputOperand], 9 * 16 * 8);
  EXPECT_EQ(counts.partial_sum_words, 8 * 16 * 8);  // not before the first tap
  EXPECT_EQ(counts.lines[kInputOperand], 9 * 16);
  EXPECT_EQ(counts.lines[kWeightOperand], 9 * 4);
  EXPECT_EQ(counts.lines[kOutputOperand], 9 * 16);
  EXPECT_EQ(counts.partial_sum_lines, 8 * 16);
  EXPECT_EQ(counts.register_accesses, 4 * 9 * 16 * 64);
  EXPECT_EQ(counts.register_fills, 9 * 64);
  // Inputs to 8 PEs each, weights to one, sums through 8 PEs, read-backs to one.
  EXPECT_EQ(counts.array_hops, 9 * 16 * 8 * 8 + 9 * 64 + 9 * 16 * 8 * 8 + 8 * 16 * 8);
}

TEST(AdderTree, SumsOfAnEarlierInstructionAreReadFirst) {
  // As double buffered, but tile 0 too waits for its sums: bank of line 10, stream 2: cycle 0, no
  // wait.
  ArrayWork work = adder_tree_convolution(true);
  work.accumulate_in_buffer = true;
  const ArrayTiming timing = time(kTree, work);
  EXPECT_EQ(timing.cycles, 151u);
  EXPECT_EQ(timing.counts.partial_sum_lines, 9 * 16);
  // One line further its bank is reached in cycle 1; with the weights in cycle 4 that does not
  // show. The writes come to their bank in cycle 8 instead of 7.
  work.line_address[kOutputOperand] += 1;
  EXPECT_EQ(time(kTree, work).cycles, 152u);
}

/// Inputs, weights and sums move in every step: `groups` of input channels for each of `positions`
/// outputs.
ArrayWork no_local_reuse(std::int64_t groups, std::int64_t positions) {
  ArrayWork work = full_array({loop(groups, true, true, false), loop(positions, true, true, true)});
  work.operand[kInputOperand] = {8, 2, 8, false};
  work.operand[kWeightOperand] = {16, 2, 4, false};
  work.operand[kOutputOperand] = {8, 2, 8, false};
  work.reduction = SpatialReduction::kTree;
  align_operands(work);
  return work;
}

TEST(NoLocalReuse, EverythingStreamsThroughTheTree) {
  // 6 input channels groups x 8 output positions; inputs, weights and sums move in every step. Step
  // n in cycle n while nothing waits. Sums of step n leave the tree (3 cycles) and are written in n
  // + 3; step n + 8 reads them: its slot is 8 - 3 = 5 cycles later, in n + 8. Last: step 47,
  // written in 50.
  ArrayWork work = no_local_reuse(6, 8);
  // Writes: line a in cycle 3 + 8k when a = 3 + 3 = 6; reads of line 6: stream 2, cycles 4, 12, 20,
  // ... Tile 0 of visit 1 is written in 3 and read in 4 (cycle 3 is over), used in step 8.
  work.line_address[kOutputOperand] = reached(kOutputStream, 3);
  const ArrayTiming timing = time(kTree, work);
  EXPECT_EQ(timing.cycles, 51u);
  EXPECT_EQ(timing.stall, 0u);
}

TEST(NoLocalReuse, ReadBackWaitsForTheWrite) {
  // Two positions only: step 2 needs the sums of step 0. Step 0 in cycle 0, written in 3, line 6.
  // Read from cycle 4 on: stream 2 reaches line 6 in cycle 4 (6 - 2). Step 2 in cycle 4, step 3 in
  // cycle 5 (line 7, written in 4, read in 5). Step 2 is written from 7 on: line 6 comes round
  // in 11. Step 4: read from 12 on, line 6 in 12: step 4 in 12, step 5 in 13. Each pair: 8 cycles.
  // The fourth pair starts in cycle 20, its second step 21 is written from 24 on: line 7 is reached
  // by stream 3 in 4 + 8k: 28.
  ArrayWork work = no_local_reuse(4, 2);
  work.line_address[kOutputOperand] = reached(kOutputStream, 3);
  const ArrayTiming timing = time(kTree, work);
  EXPECT_EQ(timing.cycles, 29u);
  EXPECT_EQ(timing.stall, 2u + 6 + 6);
}

}  // namespace
}  // namespace tessera::hw
