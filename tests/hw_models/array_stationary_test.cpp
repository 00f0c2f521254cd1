// Output-, weight- and input-stationary dataflows, cycles derived by hand.
#include "tests/hw_models/array_work.h"

namespace tessera::hw {
namespace {

/// Sums stay in the PEs: `folds` tiles of depth `depth`, one input word per row and one weight word
/// per column and step.
ArrayWork output_stationary(std::int64_t folds, std::int64_t depth, bool double_buffered) {
  ArrayWork work = full_array({loop(folds, true, true, true), loop(depth, true, true, false)});
  work.operand[kInputOperand] = {kRows, 2, kColumns, true};
  work.operand[kWeightOperand] = {kColumns, 2, kRows, true};
  work.operand[kOutputOperand] = {kRows * kColumns, 1, 1, double_buffered};
  align_operands(work);
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
  align_operands(work);
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
  align_operands(work);
  work.line_address[kOutputOperand] = reached(kOutputStream, 11);
  const ArrayTiming timing = time(array, work);
  EXPECT_EQ(timing.cycles, 4u + 12 + 8 - 1);
  EXPECT_EQ(timing.fill, 4u);
  EXPECT_EQ(timing.drain, 7u);
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
