// The row-stationary dataflow, with registers as words and as rings, cycles derived by hand.
#include "sim/base/error.h"
#include "tests/hw_models/array_work.h"

namespace tessera::hw {
namespace {

/// Row-stationary: 3 filter rows on array rows, 5 output rows on columns, 6 output columns in time,
/// 3 filter columns inside. Weights stay; 7 new inputs (diagonals) and 5 sums per output column.
ArrayWork row_stationary(bool double_buffered) {
  ArrayWork work = full_array({loop(6, true, false, true), loop(3, false, false, false)});
  work.rows_used = 3;
  work.columns_used = 5;
  work.operand[kInputOperand] = {7, 1, 3, true};
  work.operand[kWeightOperand] = {9, 0, 5, false};
  work.operand[kOutputOperand] = {5, 1, 3, double_buffered};
  work.reduction = SpatialReduction::kChain;
  align_operands(work);
  return work;
}

const PeArrayDescription kMulticast = array_of(Delivery::kMulticast, SpatialReduction::kChain, 16);

TEST(RowStationary, VerticalSumsHideBehindTheNextColumnWhenDoubleBuffered) {
  // Weights and first inputs in cycle 0; 6 x 3 steps in cycles 1 ... 18. The column's sum passes 2
  // more rows after the last step and leaves registers a cycle later: 18 + 2 + 1 = 21, written at
  // once (tile 5, line 5). 22 cycles.
  ArrayWork work = row_stationary(true);
  work.line_address[kOutputOperand] = reached(kOutputStream, 21) - 5;
  const ArrayTiming timing = time(kMulticast, work);
  EXPECT_EQ(timing.cycles, 22u);
  EXPECT_EQ(timing.fill, 1u);
  EXPECT_EQ(timing.stall, 0u);
}

TEST(RowStationary, SingleBufferedSumsMustLeaveFirst) {
  // Tile k: 3 steps, then bus in last + 3, next tile from last + 4 on: 6 cycles per tile. Tile 5
  // steps in 31, 32, 33, bus in 36. 37 cycles, stalls 5 x 3.
  ArrayWork work = row_stationary(false);
  work.line_address[kOutputOperand] = reached(kOutputStream, 36) - 5;
  const ArrayTiming timing = time(kMulticast, work);
  EXPECT_EQ(timing.cycles, 37u);
  EXPECT_EQ(timing.stall, 15u);
}

TEST(RowStationary, LinesOfSlowTilesWaitInTheFifoForTheirBanks) {
  // Double buffered; tile k is on the bus in 6 + 3k. With line 9 for tile 0 its slot is cycle 6 (9
  // - 3). Tile 1 (bus in 9) missed cycle 7 and gets 15; tile 2 (12) 16; tile 3 (15) 17; tile 4 (18)
  // 18; tile 5 is on the bus in 21 and missed 19: 27. 28 cycles.
  ArrayWork work = row_stationary(true);
  work.line_address[kOutputOperand] = 9;
  EXPECT_EQ(time(kMulticast, work).cycles, 28u);
}

/// Registers that are rings; a window of 3 words in each PE, 7 input rows.
PeArrayDescription rings(int input_bus) {
  PeArrayDescription array = kMulticast;
  array.register_rings = true;
  array.bus_words_per_cycle[kInputOperand] = input_bus;
  return array;
}

ArrayWork sliding() {
  ArrayWork work = row_stationary(true);
  work.operand[kInputOperand].words_per_fill = 21;
  work.operand[kInputOperand].register_words = 3;
  work.operand[kInputOperand].slide_words = 7;
  return work;
}

TEST(SlidingWindow, OnlyNewWordsComeAndStepsUseThemAsTheyCome) {
  // One word per cycle: the first window takes cycles 0 ... 20; its third words, 21 of 21, are used
  // in the third step, so that is issued in 21 and the first in 19. Every further window brings 7
  // words, used in its third step: bus from 21 + 7 (k - 1) on, complete 7 later, first step 2
  // before that: 19 + 7 k. Window 5: steps 54, 55, 56; sums leave 3 later and are written at once:
  // 60 cycles.
  ArrayWork work = sliding();
  work.line_address[kOutputOperand] = reached(kOutputStream, 59) - 5;
  const ArrayTiming timing = time(rings(1), work);
  EXPECT_EQ(timing.cycles, 60u);
  EXPECT_EQ(timing.fill, 19u);
  EXPECT_EQ(timing.stall, 5u * 4);
  EXPECT_EQ(timing.counts.bus_words[kInputOperand], 21 + 5 * 7);
  // A window is 2 lines, a piece of 7 words one.
  EXPECT_EQ(timing.counts.lines[kInputOperand], 2 + 5);
}

TEST(SlidingWindow, TheNextRowComesWhileTheLastWindowIsInUse) {
  // 7 words per cycle, two rows of three windows. Window 0 is complete in 3, its word n comes in
  // cycle n and is used a cycle later: steps from 1 on. Row 1's window may come when window 1 has
  // been used up, from cycle 7 on, is complete in 10 and could be used from 8 on; window 2 is in
  // use until 9. So 18 steps follow each other from 1 to 18; 22 cycles as without sliding.
  ArrayWork work = sliding();
  work.loops = {loop(2, true, false, true), loop(3, true, false, true),
                loop(3, false, false, false)};
  work.operand[kInputOperand].store_depth = 2;
  work.operand[kOutputOperand].store_depth = 2;
  work.line_address[kOutputOperand] = reached(kOutputStream, 21) - 5;
  const ArrayTiming timing = time(rings(7), work);
  EXPECT_EQ(timing.cycles, 22u);
  EXPECT_EQ(timing.stall, 0u);
  EXPECT_EQ(timing.counts.bus_words[kInputOperand], 2 * (21 + 2 * 7));
}

TEST(SlidingWindow, NeedsNoRoomForASecondCopyInARing) {
  PeArrayDescription array = rings(1);
  array.register_bytes = 0;
  array.operand_register_bytes[kInputOperand] = 3 * 2;
  array.operand_register_bytes[kWeightOperand] = 3 * 2;
  array.operand_register_bytes[kOutputOperand] = 1 * 2;
  const BufferDescription buffer;
  EXPECT_NO_THROW(PeArray(array, buffer, 2).check(sliding(), "test"));
  array.operand_register_bytes[kInputOperand] = 2 * 2;
  EXPECT_THROW(PeArray(array, buffer, 2).check(sliding(), "test"), UserError);
  array.operand_register_bytes[kInputOperand] = 3 * 2;
  array.register_rings = false;
  EXPECT_THROW(PeArray(array, buffer, 2).check(sliding(), "test"), UserError);
}

TEST(WeightsFirst, InputsSetOutTheCycleAfterTheWeightsAreSeenComplete) {
  // 9 weights, one per cycle: complete in 9. Inputs are read in 10 and there in 11: steps 11 ...
  // 28, the sums leave in 31. 32 cycles; side by side it were 9 + 18 + 3 + 1 = 31.
  PeArrayDescription array = kMulticast;
  array.bus_words_per_cycle[kWeightOperand] = 1;
  ArrayWork work = row_stationary(true);
  work.line_address[kInputOperand] = reached(kInputStream, 10);
  work.line_address[kOutputOperand] = reached(kOutputStream, 31) - 5;
  array.weights_first = true;
  EXPECT_EQ(time(array, work).cycles, 32u);
  EXPECT_EQ(time(array, work).fill, 11u);
  array.weights_first = false;
  work.line_address[kInputOperand] = reached(kInputStream, 0);
  work.line_address[kOutputOperand] = reached(kOutputStream, 30) - 5;
  EXPECT_EQ(time(array, work).cycles, 31u);
}

TEST(SumsOfRings, JoinWhenTheirTilesStepsEnd) {
  // Sums of 5 words come and leave over buses of a word per cycle. Tile 0's come in 0 ... 4 and are
  // needed in 5, when its three steps end: steps 2, 3, 4. The place is free then: tile 1's come in
  // 5 ... 9, steps 7, 8, 9, and so on every 5 cycles; tile 0 leaves in 7 ... 11, in time for tile 2
  // in 12. Tile 5: steps 27, 28, 29, on the bus 32 ... 36, its line written in 36: 37 cycles.
  PeArrayDescription array = rings(16);
  array.bus_words_per_cycle[kOutputOperand] = 1;
  ArrayWork work = row_stationary(true);
  work.operand[kInputOperand].register_words = 3;
  work.accumulate_in_buffer = true;
  work.line_address[kOutputOperand] = reached(kPartialSumStream, 0);
  const ArrayTiming timing = time(array, work);
  EXPECT_EQ(timing.cycles, 37u);
  EXPECT_EQ(timing.fill, 2u);
  EXPECT_EQ(timing.stall, 5u * 2);
}

}  // namespace
}  // namespace tessera::hw
