// The array's closed form on the dataflows of the literature, with the cycles derived by hand.
//
// Unless a test says otherwise: 8 x 8 PEs, 16-bit words, a buffer of 8 banks with lines of 16
// words, every bus 8 words per cycle, start in cycle 0. In cycle t stream s reaches the line
// addresses that equal t + s modulo 8, so `reached(s, t)` is an address whose first line has no
// alignment wait in cycle t.
#include <gtest/gtest.h>

#include "hw_models/array/pe_array.h"
#include "sim/base/error.h"

namespace tessera::hw {
namespace {

constexpr int kRows = 8;
constexpr int kColumns = 8;

std::int64_t reached(int stream, Cycle t) { return static_cast<std::int64_t>(t) + stream; }

PeArrayDescription array_of(Delivery delivery, SpatialReduction reduction, int bus) {
  PeArrayDescription array;
  array.rows = kRows;
  array.columns = kColumns;
  array.delivery[kInputOperand] = array.delivery[kWeightOperand] = delivery;
  array.reduction = reduction;
  array.register_bytes = 1024;
  for (int& words : array.bus_words_per_cycle) words = bus;
  return array;
}

ArrayTiming time(const PeArrayDescription& array, const ArrayWork& work, Cycle start = 0,
                 int ports = 2) {
  BufferDescription buffer;
  buffer.ports = ports;
  const PeArray model(array, buffer, 2);
  model.check(work, "test");
  return model.time(work, start);
}

ArrayLoop loop(std::int64_t count, bool input, bool weight, bool output) {
  return {count, {input, weight, output}};
}

ArrayWork full_array(std::vector<ArrayLoop> loops) {
  ArrayWork work;
  work.rows_used = kRows;
  work.columns_used = kColumns;
  work.loops = std::move(loops);
  return work;
}

/// Sums stay in the PEs: `folds` tiles of depth `depth`, one input word per row and one weight word
/// per column and step.
ArrayWork output_stationary(std::int64_t folds, std::int64_t depth, bool double_buffered) {
  ArrayWork work = full_array({loop(folds, true, true, true), loop(depth, true, true, false)});
  work.operand[kInputOperand] = {kRows, 2, kColumns, true};
  work.operand[kWeightOperand] = {kColumns, 2, kRows, true};
  work.operand[kOutputOperand] = {kRows * kColumns, 1, 1, double_buffered};
  work.line_address[kInputOperand] = reached(kInputStream, 0);
  work.line_address[kWeightOperand] = reached(kWeightStream, 0);
  return work;
}

const PeArrayDescription kSystolic = array_of(Delivery::kSystolic, SpatialReduction::kChain, 8);

TEST(OutputStationary, OneFoldTakesTwoRowsPlusColumnsPlusDepthMinusTwo) {
  // Step n starts in cycle n at PE (0,0) and in cycle n + r + c at PE (r,c): the last of T steps
  // ends after cycle T - 1 + 7 + 7. The sums leave from cycle d = T + 14 on, a row of 8 words per
  // cycle: 8 cycles. Lines of 16 words are complete in cycles d + 1, 3, 5, 7 and written in d + 4
  // ... d + 7.
  for (const std::int64_t depth : {1, 2, 9, 100}) {
    ArrayWork work = output_stationary(1, depth, false);
    work.line_address[kOutputOperand] = reached(kOutputStream, depth + 14 + 4);
    const ArrayTiming timing = time(kSystolic, work);
    EXPECT_EQ(timing.cycles, 2u * kRows + kColumns + depth - 2) << depth;
    EXPECT_EQ(timing.fill, 0u);
    EXPECT_EQ(timing.stall, 0u);
    EXPECT_EQ(timing.steady, static_cast<Cycle>(depth));
    EXPECT_EQ(timing.drain, 2u * kRows + kColumns - 2);
  }
}

TEST(OutputStationary, UsedPartOfTheArrayCounts) {
  // 5 rows x 3 columns, T = 20: 20 + 4 + 2 = 26 is the first cycle of the drain; 15 words over 8
  // per cycle are 2 cycles, one line, written in the second: 28 = 26 + 2.
  ArrayWork work = output_stationary(1, 20, false);
  work.rows_used = 5;
  work.columns_used = 3;
  work.operand[kInputOperand] = {5, 2, 3, true};
  work.operand[kWeightOperand] = {3, 2, 5, true};
  work.operand[kOutputOperand].words_per_fill = 15;
  work.line_address[kOutputOperand] = reached(kOutputStream, 27);
  EXPECT_EQ(time(kSystolic, work).cycles, 28u);
}

TEST(OutputStationary, SingleBufferedFoldsFollowOneAnother) {
  // The next fold starts when the sums of the one before have left: 5 x (16 + 8 + 30 - 2) = 5 x 52.
  ArrayWork work = output_stationary(5, 30, false);
  // Last fold: d = 4 x 52 + 44 = 252, written from 256 on; its lines are 16 to 19 of the output.
  work.line_address[kOutputOperand] = reached(kOutputStream, 256) - 16;
  const ArrayTiming timing = time(kSystolic, work);
  EXPECT_EQ(timing.cycles, 260u);
  // Between folds nothing is issued for 22 cycles.
  EXPECT_EQ(timing.stall, 4u * 22);
}

TEST(OutputStationary, DoubleBufferedFoldsHideTheDrain) {
  // T = 40: fold 0 has left in cycle 40 + 14 + 8 = 62 < 80, so fold 2 starts right after fold 1:
  // 3 x 40 + 14 + 8 = 142. Last fold: d = 134, written from 138 on; its lines are 8 to 11.
  ArrayWork work = output_stationary(3, 40, true);
  work.line_address[kOutputOperand] = reached(kOutputStream, 138) - 8;
  const ArrayTiming timing = time(kSystolic, work);
  EXPECT_EQ(timing.cycles, 142u);
  EXPECT_EQ(timing.stall, 0u);
}

TEST(OutputStationary, ShortDoubleBufferedFoldsWaitForTheirCopy) {
  // T = 10. Fold 0: steps 0-9, drain 24-31. Fold 1: steps 10-19, drain 34-41. Fold 2 needs the
  // first copy: steps 32-41, drain 56-63. Fold 3: steps 42-51, drain 66-73. Written until 73: 74
  // cycles.
  ArrayWork work = output_stationary(4, 10, true);
  work.line_address[kOutputOperand] = reached(kOutputStream, 70) - 12;
  const ArrayTiming timing = time(kSystolic, work);
  EXPECT_EQ(timing.cycles, 74u);
  EXPECT_EQ(timing.stall, 12u);
}

TEST(OutputStationary, NarrowInputBusSetsThePace) {
  // 8 input words over 2 per cycle: a step every 4 cycles, the first in cycle 3, the last of 20
  // in 79. Drain from 79 + 14 + 1 = 94 on, 8 cycles: 102.
  PeArrayDescription array = kSystolic;
  array.bus_words_per_cycle[kInputOperand] = 2;
  ArrayWork work = output_stationary(1, 20, false);
  work.line_address[kOutputOperand] = reached(kOutputStream, 98);
  const ArrayTiming timing = time(array, work);
  EXPECT_EQ(timing.cycles, 102u);
  EXPECT_EQ(timing.fill, 3u);
  EXPECT_EQ(timing.stall, 19u * 3);
}

TEST(OutputStationary, WritesWaitForTheirBank) {
  // As OneFold with T = 9, but one cycle too late for the slot: the burst waits a whole rotation
  // less one.
  ArrayWork work = output_stationary(1, 9, false);
  work.line_address[kOutputOperand] = reached(kOutputStream, 9 + 14 + 4 - 1);
  EXPECT_EQ(time(kSystolic, work).cycles, 2u * 8 + 8 + 9 - 2 + 7);
}

TEST(OutputStationary, StartPhaseMovesTheAlignmentWaits) {
  // Started in cycle 3 the input line of bank 0 comes round in cycle 8: 5 cycles of fill. The
  // weight line (bank 1) is reached in cycle 8 too. Drain from 8 + 9 + 14 = 31 on, writes from 35
  // on.
  ArrayWork work = output_stationary(1, 9, false);
  work.line_address[kOutputOperand] = reached(kOutputStream, 35);
  const ArrayTiming timing = time(kSystolic, work, 3);
  EXPECT_EQ(timing.fill, 5u);
  EXPECT_EQ(timing.cycles, 31u + 8 - 3);
}

TEST(OutputStationary, PipelinedPesDeliverLater) {
  // Two more cycles from multiply to sum.
  PeArrayDescription array = kSystolic;
  array.pipeline_cycles = 3;
  ArrayWork work = output_stationary(1, 9, false);
  work.line_address[kOutputOperand] = reached(kOutputStream, 9 + 14 + 4 + 2);
  EXPECT_EQ(time(array, work).cycles, 2u * 8 + 8 + 9 - 2 + 2);
}

/// Weights stay in the PEs: `folds` of them, each for `depth` steps with one input word per row and
/// one sum per column, added down the column.
ArrayWork weight_stationary(std::int64_t folds, std::int64_t depth, bool double_buffered) {
  ArrayWork work = full_array({loop(folds, true, true, true), loop(depth, true, false, true)});
  work.operand[kInputOperand] = {kRows, 2, kColumns, true};
  work.operand[kWeightOperand] = {kRows * kColumns, 1, 1, double_buffered};
  work.operand[kOutputOperand] = {kColumns, 2, kRows, true};
  work.reduction = SpatialReduction::kChain;
  work.line_address[kInputOperand] = reached(kInputStream, 0);
  work.line_address[kWeightOperand] = reached(kWeightStream, 0);
  return work;
}

TEST(WeightStationary, OneFoldTakesLoadPlusDepthPlusRowsPlusColumnsMinusTwo) {
  // Weights shift in for R = 8 cycles (64 words over 8 per cycle). Step n is issued in cycle 8 + n
  // and leaves the last row of the last column in cycle 8 + n + 7 + 7, where its 8 sums are written
  // at once.
  for (const std::int64_t depth : {1, 5, 64}) {
    ArrayWork work = weight_stationary(1, depth, false);
    work.line_address[kOutputOperand] = reached(kOutputStream, 8 + 14);
    const ArrayTiming timing = time(kSystolic, work);
    EXPECT_EQ(timing.cycles, 8u + depth + kRows + kColumns - 2) << depth;
    EXPECT_EQ(timing.fill, 8u);
    EXPECT_EQ(timing.stall, 0u);
  }
}

TEST(WeightStationary, ShiftingInTakesARowPerCycleHoweverWideTheBus) {
  PeArrayDescription array = kSystolic;
  array.bus_words_per_cycle[kWeightOperand] = 16;  // 64 words in 4 cycles, 8 rows to pass
  ArrayWork work = weight_stationary(1, 5, false);
  work.line_address[kOutputOperand] = reached(kOutputStream, 22);
  EXPECT_EQ(time(array, work).fill, 8u);
}

TEST(WeightStationary, SingleBufferedFoldsReloadWhenTheLastPeIsDone) {
  // Fold 0 issues in 8 ... 23; PE (7,7) uses its weight until cycle 23 + 14. Load 38 ... 45, steps
  // 46 ... 61. Fold 2: load 76 ... 83, steps 84 ... 99, last sum leaves in 99 + 14 = 113. 114 = 3 x
  // 38: as if the folds ran one after the other. 48 tiles, one line each; the last must meet its
  // bank in 113.
  ArrayWork work = weight_stationary(3, 16, false);
  work.line_address[kOutputOperand] = reached(kOutputStream, 113) - 47;
  const ArrayTiming timing = time(kSystolic, work);
  EXPECT_EQ(timing.cycles, 114u);
  EXPECT_EQ(timing.stall, 2u * 22);
}

TEST(WeightStationary, DoubleBufferedWeightsLoadBehindTheSteps) {
  // Fold 1 loads in 8 ... 15. Fold 2 may overwrite fold 0 after cycle 23 + 14, load 38 ... 45,
  // steps 46 ... instead of 40: fold 0 8-23, fold 1 24-39, fold 2 46-61. Last sum 75.
  ArrayWork work = weight_stationary(3, 16, true);
  work.line_address[kOutputOperand] = reached(kOutputStream, 75) - 47;
  const ArrayTiming timing = time(kSystolic, work);
  EXPECT_EQ(timing.cycles, 76u);
  EXPECT_EQ(timing.stall, 6u);
}

TEST(InputStationary, MulticastWithChainTakesLoadPlusStepsPlusRowsMinusOne) {
  // 64 inputs over 16 words per cycle: 4 cycles, 4 lines. Step n in 4 + n; its sums pass 8 rows,
  // one per cycle, and leave in 4 + n + 7. 12 steps: last in 22.
  const PeArrayDescription array = array_of(Delivery::kMulticast, SpatialReduction::kChain, 16);
  ArrayWork work = full_array({loop(12, false, true, true)});
  work.operand[kInputOperand] = {64, 0, 1, false};
  work.operand[kWeightOperand] = {8, 1, 8, false};
  work.operand[kOutputOperand] = {8, 1, 8, false};
  work.reduction = SpatialReduction::kChain;
  work.line_address[kInputOperand] = reached(kInputStream, 0);
  work.line_address[kWeightOperand] = reached(kWeightStream, 0);
  work.line_address[kOutputOperand] = reached(kOutputStream, 11);
  const ArrayTiming timing = time(array, work);
  EXPECT_EQ(timing.cycles, 4u + 12 + 8 - 1);
  EXPECT_EQ(timing.fill, 4u);
  EXPECT_EQ(timing.drain, 7u);
}

/// Weight-stationary with multicast inputs and an adder tree over the 8 input channels of a column:
/// for each of 9 filter taps 64 weights stay for 16 output positions; sums go through the buffer
/// from tap to tap.
ArrayWork adder_tree_convolution(bool double_buffered) {
  ArrayWork work = full_array({loop(9, true, true, false), loop(16, true, false, true)});
  work.operand[kInputOperand] = {8, 2, 8, true};
  work.operand[kWeightOperand] = {64, 1, 1, double_buffered};
  work.operand[kOutputOperand] = {8, 2, 8, true};
  work.reduction = SpatialReduction::kTree;
  work.line_address[kInputOperand] = reached(kInputStream, 0);
  work.line_address[kWeightOperand] = reached(kWeightStream, 0);
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

TEST(NoLocalReuse, EverythingStreamsThroughTheTree) {
  // 6 input channels groups x 8 output positions; inputs, weights and sums move in every step. Step
  // n in cycle n while nothing waits. Sums of step n leave the tree (3 cycles) and are written in n
  // + 3; step n + 8 reads them: its slot is 8 - 3 = 5 cycles later, in n + 8. Last: step 47,
  // written in 50.
  ArrayWork work = full_array({loop(6, true, true, false), loop(8, true, true, true)});
  work.operand[kInputOperand] = {8, 2, 8, false};
  work.operand[kWeightOperand] = {16, 2, 4, false};
  work.operand[kOutputOperand] = {8, 2, 8, false};
  work.reduction = SpatialReduction::kTree;
  work.line_address[kInputOperand] = reached(kInputStream, 0);
  work.line_address[kWeightOperand] = reached(kWeightStream, 0);
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
  ArrayWork work = full_array({loop(4, true, true, false), loop(2, true, true, true)});
  work.operand[kInputOperand] = {8, 2, 8, false};
  work.operand[kWeightOperand] = {16, 2, 4, false};
  work.operand[kOutputOperand] = {8, 2, 8, false};
  work.reduction = SpatialReduction::kTree;
  work.line_address[kInputOperand] = reached(kInputStream, 0);
  work.line_address[kWeightOperand] = reached(kWeightStream, 0);
  work.line_address[kOutputOperand] = reached(kOutputStream, 3);
  const ArrayTiming timing = time(kTree, work);
  EXPECT_EQ(timing.cycles, 29u);
  EXPECT_EQ(timing.stall, 2u + 6 + 6);
}

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
  work.line_address[kInputOperand] = reached(kInputStream, 0);
  work.line_address[kWeightOperand] = reached(kWeightStream, 0);
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

TEST(OnePort, StreamsGetEverySecondCycle) {
  // One line per step and operand, slots in even cycles: steps in 0, 2, ..., 18. Sums: 64 words,
  // last step 18, d = 18 + 14 + 1 = 33, 8 bus cycles 33 ... 40. Four lines, one every second cycle:
  // complete in 34, 36, 38, 40, so the burst can start in 34 and ends in 40. 41 cycles.
  ArrayWork work = output_stationary(1, 10, false);
  // In slot u (cycle 2u) stream s reaches u + s.
  work.line_address[kInputOperand] = 0;
  work.line_address[kWeightOperand] = 1;
  work.line_address[kOutputOperand] = 17 + 3;
  const ArrayTiming timing = time(kSystolic, work, 0, 1);
  EXPECT_EQ(timing.cycles, 41u);
  EXPECT_EQ(timing.stall, 9u);
}

TEST(SlotPeriod, StartsAWholeRotationApartTakeTheSameTime) {
  const PeArray model(kSystolic, BufferDescription{}, 2);
  const ArrayWork work = weight_stationary(3, 16, true);
  EXPECT_EQ(model.time(work, 5), model.time(work, 5 + 1000 * model.slot_period()));
}

}  // namespace
}  // namespace tessera::hw
