#include "mapping/cost/maestro/model.h"

#include <gtest/gtest.h>

#include "mapping/importers/maestro/import.h"
#include "sim/base/error.h"

namespace tessera::mapping::maestro {

namespace {

MaestroResult run(const std::string& text, const Hardware& hardware,
                  Faults faults = Faults::kAsShipped) {
  const auto import = import_mapping(parse_mapping(text, "a.m"), "a.m", hardware.pes);
  const auto& layer = import.network.layers.front();
  const auto model = layer_model(layer);
  return predict(model, cluster_levels(import.schedules.front(), layer), hardware, faults);
}

std::string gemm(int m, int k, int n, const std::string& flow) {
  return "Network n { Layer g { Type: GEMM Dimensions { M: " + std::to_string(m) +
         " K: " + std::to_string(k) + " N: " + std::to_string(n) + " } Dataflow { " + flow +
         " } } }";
}

// 2 PEs over M, one element a cycle, latency 1. M walks 2 x 2, N 2 x 1, K 6 x 1; 24 steps of 2
// products.
//   case (M N K)  times  in  filter  out  step
//   I I I           1     2    1      2   compute 1 + ingress 3 = 4
//   S S S           5     2    1      2   max(1, 3, 2) = 3
//   S S I           1     0    1      2   2: N moved, the input restarts along K but is charged
//   nothing S I S           5     2    1      2   3 S I I           1     2    0      2   2: M
//   moved, the filter restarts and is charged nothing I S S           5     2    1      2   3 I S I
//   1     0    1      2   2 I I S           5     2    1      2   3
const std::string kRestarts =
    gemm(4, 6, 2, "SpatialMap(1,1) M; TemporalMap(1,1) N; TemporalMap(1,1) K;");

TEST(Runtime, AddsStepsOfAllCases) {
  const auto result = run(kRestarts, {2, 1, 1, 1000});
  EXPECT_EQ(result.runtime_cycles, 4 + 5 * 3 + 2 + 5 * 3 + 2 + 5 * 3 + 2 + 5 * 3);
  EXPECT_EQ(result.macs, 48);
  EXPECT_EQ(result.input_l2_reads, 2 + 10 + 0 + 10 + 2 + 10 + 0 + 10);
  EXPECT_EQ(result.weight_l2_reads, 1 + 5 + 1 + 5 + 0 + 5 + 1 + 5);
  EXPECT_EQ(result.output_l2_writes, 24 * 2);
}

// Mended, each restart is fetched: three steps of 2 cycles become 3, reads are 24 x 2 and 24 x 1.
TEST(Runtime, FixedChargesRestartedTiles) {
  const auto result = run(kRestarts, {2, 1, 1, 1000}, Faults::kFixed);
  EXPECT_EQ(result.runtime_cycles, 70 + 3);
  EXPECT_EQ(result.input_l2_reads, 48);
  EXPECT_EQ(result.weight_l2_reads, 24);
}

// One step, 4 units: 4 inputs + 4 filters in, 1 product each. Latency L: L + ceil(8 / bandwidth)
// - 1.
TEST(NetworkDelay, RoundsUpAndAddsLatency) {
  const std::string text =
      gemm(1, 4, 1, "SpatialMap(1,1) K; TemporalMap(1,1) M; TemporalMap(1,1) N;");
  EXPECT_EQ(run(text, {4, 8, 1, 1000}).runtime_cycles, 1 + 1);
  EXPECT_EQ(run(text, {4, 7, 1, 1000}).runtime_cycles, 1 + 2);
  EXPECT_EQ(run(text, {4, 8, 4, 1000}).runtime_cycles, 1 + 4);
  EXPECT_EQ(run(text, {4, 4, 0, 1000}).runtime_cycles, 1 + 1);
}

// As above, 8 words in: L2 request 2 x 8 words; 16 / bandwidth / 2 cycles of off-chip transfer in
// the step.
TEST(OffChip, ChargesEveryStepWithTheFirstStepsWords) {
  const std::string text =
      gemm(1, 4, 1, "SpatialMap(1,1) K; TemporalMap(1,1) M; TemporalMap(1,1) N;");
  EXPECT_EQ(run(text, {4, 8, 1, 4}).runtime_cycles, 2);
  EXPECT_EQ(run(text, {4, 8, 1, 3}).runtime_cycles, 16 / 3 / 2);
  EXPECT_EQ(run(text, {4, 8, 1, 1}).runtime_cycles, 8);
}

// Two clusters of 2 PEs. Inside: 2 PEs split K of 2, one cold step: ingress 1 + ceil(4/4) - 1 = 1,
// compute 1, together 2. Top: M 2 clusters, N 3 steps. First step: 2 + ingress (2 clusters x 2
// inputs + 2 filters = 6 words at 4 a cycle: 2) = 4. Others: N moves, filter 2 words: max(2, 1, 1)
// = 2 - the inner level starts cold each time, although its inputs did not move.
TEST(Clusters, InnerLevelStartsColdEveryStep) {
  const auto result = run(gemm(2, 2, 3,
                               "SpatialMap(1,1) M; TemporalMap(2,2) K; TemporalMap(1,1) N;"
                               " Cluster(2,P); SpatialMap(1,1) K;"),
                          {4, 4, 1, 1000});
  EXPECT_EQ(result.runtime_cycles, 4 + 2 * 2);
  EXPECT_EQ(result.macs, 12);
  EXPECT_DOUBLE_EQ(result.mean_active_pes, 4);
}

// K of 10 by tiles of 4 is 4 + 4 + 2: the last step multiplies 2 and moves 4 all the same.
TEST(EdgeTiles, ComputeTheRestAndMoveTheWhole) {
  const std::string text =
      gemm(1, 10, 1, "TemporalMap(4,4) K; SpatialMap(1,1) M; TemporalMap(1,1) N;");
  const auto result = run(text, {1, 100, 1, 1000});
  EXPECT_EQ(result.macs, 10);
  EXPECT_EQ(result.input_l2_reads, 12);
  // all initial 4 + 1, steady max(4, 1), edge max(2, 1).
  EXPECT_EQ(result.runtime_cycles, 5 + 4 + 2);
}

// TemporalMap(18,16) X over 16 columns: the tool takes 16 - 16 = 0 columns for the edge and drops
// the case.
TEST(EdgeTiles, MapLargerThanTheDimensionLosesTheWorkUnlessFixed) {
  const std::string text =
      "Network n { Layer l { Type: CONV Dimensions { K: 2 C: 2 R: 3 S: 3 Y: 5 X: 16 } Dataflow {"
      " SpatialMap(1,1) K; TemporalMap(Sz(R),1) Y; TemporalMap(18,16) X; } } }";
  EXPECT_EQ(run(text, {2, 100, 1, 1000}).runtime_cycles, 0);
  EXPECT_EQ(run(text, {2, 100, 1, 1000}).macs, 0);
  // Fixed: 2 x 2 x 3 x 14 outputs and reductions of 9: 2 * 2 * 3 * 14 * 9.
  EXPECT_EQ(run(text, {2, 100, 1, 1000}, Faults::kFixed).macs, 1512);
}

// Stride 2, filter 3, tiles of 2 outputs: 5 columns at step 4. The tool takes 5 - 3 + 1 = 3
// outputs.
TEST(Stride, IsForgottenInTilesOfSeveralOutputsUnlessFixed) {
  const std::string text =
      "Network n { Layer l { Type: CONV Stride { X: 2 Y: 2 } Dimensions { K: 1 C: 1 R: 3 S: 3 Y: 3 "
      "X: 9 }"
      " Dataflow { SpatialMap(1,1) K; TemporalMap(6,4) X; } } }";
  EXPECT_EQ(run(text, {1, 100, 1, 1000}).macs, 2 * 3 * 9);
  EXPECT_EQ(run(text, {1, 100, 1, 1000}, Faults::kFixed).macs, 4 * 9);
}

// 65536 x 65536 x 2 steps = 2^33: 0 in the tool's 32 bits.
TEST(Overflow, StepsWrapAtThirtyTwoBitsUnlessFixed) {
  const std::string text =
      gemm(65537, 65537, 1, "TemporalMap(1,1) M; TemporalMap(1,1) K; SpatialMap(1,1) N;");
  const auto shipped = run(text, {1, 100, 1, 1000});
  const auto fixed = run(text, {1, 100, 1, 1000}, Faults::kFixed);
  EXPECT_EQ(fixed.macs, std::int64_t{65537} * 65537);
  // Steady x steady is 2^32 steps, which wrap to none; what is left are 1 + 65536 + 65536.
  EXPECT_EQ(shipped.macs, 131073);
}

}  // namespace

}  // namespace tessera::mapping::maestro
