// Small nests whose counts are derived by hand.
#include <gtest/gtest.h>

#include "example.h"
#include "sim/base/error.h"
#include "tests/support/refusal.h"

namespace tessera::mapping::timeloop {
namespace {

constexpr std::size_t kDram = 0;
constexpr std::size_t kGlb = 1;
constexpr std::size_t kReg = 2;
constexpr std::size_t kWeights = 0;
constexpr std::size_t kInputs = 1;
constexpr std::size_t kOutputs = 2;

/// The buffer holds a 3 x 3 window that slides over 4 rows of 2 positions.
Example sliding_window() {
  return {kTwoLevels, convolution(4, 2, 3, 3), R"(mapping:
- {target: DRAM, type: temporal, factors: [P=4, Q=2], permutation: [Q, P]}
- {target: GLB, type: temporal, factors: [R=3, S=3]}
)"};
}

// A row starts with the whole window (9), then one step to the right brings a column of 3. At the
// carry the window moves down and back left: the tool fetches it whole. 4 x (9 + 3) = 48.
TEST(Carry, FetchesTheWholeWindowAsShipped) {
  const auto prediction = sliding_window().predict();
  EXPECT_EQ(prediction.storages[kGlb].tensors[kInputs].fills, 48);
  EXPECT_EQ(prediction.storages[kDram].tensors[kInputs].reads, 48);
}

// At the carry 2 x 2 words of the window before are still held: 9 + 3 + 3 x ((9 - 4) + 3) = 36.
TEST(Carry, KeepsWhatTheWindowBeforeHeldWhenFixed) {
  const auto prediction = sliding_window().predict(Faults::kFixed);
  EXPECT_EQ(prediction.storages[kGlb].tensors[kInputs].fills, 36);
}

// 4 x 2 outputs of 9 products, one a cycle: 72. Every product reads its operands from the buffer
// and updates its output there; the first update of each of the 8 outputs reads nothing.
TEST(Innermost, EveryProductTouchesTheInnermostLevel) {
  const auto prediction = sliding_window().predict();
  EXPECT_EQ(prediction.compute_cycles, 72);
  EXPECT_EQ(prediction.storages[kGlb].tensors[kWeights].reads, 72);
  EXPECT_EQ(prediction.storages[kGlb].tensors[kInputs].reads, 72);
  EXPECT_EQ(prediction.storages[kGlb].tensors[kOutputs].updates, 72);
  EXPECT_EQ(prediction.storages[kGlb].tensors[kOutputs].reads, 72 - 8);
  EXPECT_EQ(prediction.storages[kDram].tensors[kOutputs].updates, 8);
  EXPECT_EQ(prediction.storages[kDram].tensors[kOutputs].reads, 0);
}

// R outside P and Q: the 4 x 2 outputs leave and come back 3 times: 24 updates at DRAM, of which
// 8 are first; 16 partial sums are read back and fill the buffer.
TEST(PartialSums, BounceWhenAReductionLoopIsOutside) {
  const Example example(kTwoLevels, convolution(4, 2, 3, 3), R"(mapping:
- {target: DRAM, type: temporal, factors: "P=4 Q=2 R=3", permutation: QPR}
- {target: GLB, type: temporal, factors: [S=3]}
)");
  const auto prediction = example.predict();
  EXPECT_EQ(prediction.storages[kDram].tensors[kOutputs].updates, 24);
  EXPECT_EQ(prediction.storages[kDram].tensors[kOutputs].reads, 16);
  EXPECT_EQ(prediction.storages[kGlb].tensors[kOutputs].fills, 16);
}

// Bypassing the buffer sends every product's operand read to DRAM.
TEST(Bypass, HandsTheChildrensReadsToTheNextLevelOutside) {
  const Example example(kTwoLevels, convolution(4, 2, 3, 3), R"(mapping:
- {target: DRAM, type: temporal, factors: [P=4, Q=2], permutation: [Q, P]}
- {target: GLB, type: temporal, factors: [R=3, S=3]}
- {target: GLB, type: dataspace, keep: [Inputs, Outputs], bypass: [Weights]}
)");
  const auto prediction = example.predict();
  EXPECT_EQ(prediction.storages[kDram].tensors[kWeights].reads, 72);
  EXPECT_EQ(prediction.storages[kGlb].tensors[kWeights].reads, 0);
  EXPECT_EQ(prediction.storages[kGlb].tensors[kWeights].tile_words, 0);
}

// 4 PEs on x, one per output row P, 3 on y, one per filter row R. Weights R x S: a row goes to all
// 4 P. Outputs of the 3 R are added on the way: per step 4 sums of 3.
TEST(FanOut, MulticastsAndReducesAlongTheMesh) {
  const Example example(kArray, convolution(4, 2, 3, 3), R"(mapping:
- {target: DRAM, type: temporal}
- {target: GLB, type: temporal, factors: [Q=2]}
- {target: PE, type: spatial, factors: [P=4, R=3], permutation: [P, R], split: 1}
- {target: REG, type: temporal, factors: [S=3]}
)");
  const auto prediction = example.predict();
  EXPECT_EQ(prediction.compute_cycles, 6);  // Q x S
  EXPECT_EQ(prediction.compute_instances_used, 12);
  // 3 x 3 weights stay while Q moves: read once, each for 4 PEs.
  EXPECT_EQ(prediction.storages[kGlb].tensors[kWeights].reads, 9);
  EXPECT_EQ(prediction.storages[kReg].tensors[kWeights].fills, 3);
  // Input rows P + R: 6 different rows of 3 words, then of the one new column word each.
  EXPECT_EQ(prediction.storages[kGlb].tensors[kInputs].reads, 6 * 3 + 6 * 1);
  EXPECT_EQ(prediction.storages[kReg].tensors[kInputs].fills, 4);
  // 8 outputs reach the buffer once each, 3 partial sums each added in the network.
  EXPECT_EQ(prediction.storages[kGlb].tensors[kOutputs].updates, 8);
  EXPECT_EQ(prediction.links[2].tensors[kOutputs].spatial_reductions, 16);
}

// 2 PEs on x hold neighbouring columns Q; GLB steps through the same columns: what a PE needs next
// its right neighbour holds now, so only the last PE reads the buffer.
// Columns of one word (P = R = S = 1): step 0 reads 2 words, steps 1..3 one each: 5 instead of 8.
TEST(FanOut, NeighboursPassOnWhatTheyHeldOneStepEarlier) {
  const std::string problem = R"(problem:
  shape:
    name: slide
    dimensions: [A, B, K]
    data_spaces:
    - {name: Weights, projection: [K]}
    - {name: Inputs, projection: [[[A], [B]]]}
    - {name: Outputs, projection: [[[A]], [[B]], [[K]]], read_write: True}
  instance: {A: 4, B: 2, K: 1}
)";
  const std::string mapping = R"(mapping:
- {target: GLB, type: temporal, factors: [A=4]}
- {target: PE, type: spatial, factors: [B=2])";
  const Example passing(kArray, problem, mapping + "}\n");
  EXPECT_EQ(passing.predict().storages[kGlb].tensors[kInputs].reads, 5);
  EXPECT_EQ(passing.predict().links[2].tensors[kInputs].passed_on, 3);
  const Example silent(kArray, problem, mapping + ", no_link_transfer: [Inputs]}\n");
  EXPECT_EQ(silent.predict().storages[kGlb].tensors[kInputs].reads, 8);
}

TEST(FanOut, SendsToEveryPartWhenMulticastIsSwitchedOff) {
  const std::string mapping = R"(mapping:
- {target: GLB, type: temporal, factors: [Q=2, R=3, S=3]}
- {target: PE, type: spatial, factors: [P=4])";
  const auto weights = [&](const std::string& end) {
    return Example(kArray, convolution(4, 2, 3, 3), mapping + end)
        .predict()
        .storages[kGlb]
        .tensors[kWeights]
        .reads;
  };
  // Without a permutation the problem's order holds, P innermost: Q inside R and S, each of the 9
  // weights passes once, for 4 PEs.
  EXPECT_EQ(weights("}\n"), 9);
  EXPECT_EQ(weights(", no_reuse: [Weights], no_link_transfer: [Weights]}\n"), 4 * 9);
}

// P = 7 as 2 rounds of 4 and 3: the buffer's tile is 4 rows, the last 3. Stride 1, R = S = Q = 1.
TEST(Residual, LastTileIsSmaller) {
  const Example example(kTwoLevels, convolution(7, 1, 1, 1), R"(mapping:
- {target: DRAM, type: temporal, factors: "P=2"}
- {target: GLB, type: temporal, factors: "P=4,3"}
)");
  const auto prediction = example.predict();
  EXPECT_EQ(prediction.compute_cycles, 7);
  EXPECT_EQ(prediction.storages[kGlb].tensors[kInputs].tile_words, 4);
  EXPECT_EQ(prediction.storages[kGlb].tensors[kInputs].fills, 7);
  EXPECT_EQ(prediction.storages[kDram].tensors[kOutputs].updates, 7);
}

// P = 11 as 3 rounds of 2 x 2, the last of 2 rounds of 2, the very last of 1: 4 + 4 + 3.
TEST(Residual, HoldsThroughThreeLevels) {
  const Example example(kArray, convolution(11, 1, 1, 1), R"(mapping:
- {target: DRAM, type: temporal, factors: "P=3"}
- {target: GLB, type: temporal, factors: "P=2"}
- {target: REG, type: temporal, factors: "P=2,1"}
)");
  const auto prediction = example.predict();
  EXPECT_EQ(prediction.compute_cycles, 11);
  EXPECT_EQ(prediction.storages[kGlb].tensors[kInputs].fills, 11);
  EXPECT_EQ(prediction.storages[kReg].tensors[kInputs].fills, 11);
}

// Stride 2, 1 x 1 filter: 4 outputs span 7 input words; the tool counts the gaps.
TEST(Tile, CountsStridedGapsAsData) {
  const Example example(kTwoLevels, convolution(4, 1, 1, 1, 2), R"(mapping:
- {target: GLB, type: temporal, factors: [P=4]}
)");
  EXPECT_EQ(example.predict().storages[kGlb].tensors[kInputs].fills, 7);
}

std::string with_bandwidth(const std::string& glb) {
  std::string text = kTwoLevels;
  const std::string depth = "depth: 4096";
  return text.replace(text.find(depth), depth.size(), depth + ", " + glb);
}

constexpr const char* kAllInside = R"(mapping:
- {target: GLB, type: temporal, factors: [P=4, Q=2, R=3, S=3]}
)";

// In 72 cycles the buffer reads 72 + 72 + 64 = 208 words, and writes 9 + 24 fills and 72 updates =
// 105 words.
TEST(Bandwidth, StretchesTheComputePhase) {
  const auto cycles = [](const std::string& limit) {
    return Example(with_bandwidth(limit), convolution(4, 2, 3, 3), kAllInside).predict().cycles;
  };
  EXPECT_EQ(cycles("read_bandwidth: 3"), 72);     // 208 / 3 = 69.3
  EXPECT_EQ(cycles("read_bandwidth: 2"), 104);    // 208 / 2
  EXPECT_EQ(cycles("write_bandwidth: 1"), 105);   // 105 / 1
  EXPECT_EQ(cycles("shared_bandwidth: 2"), 157);  // 313 / 2 = 156.5
  EXPECT_EQ(cycles("bandwidth: 4"), 104);         // half for reads
  EXPECT_EQ(cycles("read_bandwidth: 2, network_fill_latency: 5"), 109);
}

// Tiles kept: 9 weights, 6 x 4 inputs, 8 outputs = 41 words.
TEST(Capacity, OneWordLessIsRefused) {
  const auto predict = [](const std::string& depth) {
    std::string text = kTwoLevels;
    text.replace(text.find("depth: 4096"), 11, depth);
    return Example(text, convolution(4, 2, 3, 3), kAllInside).predict();
  };
  EXPECT_EQ(predict("depth: 41").storages[kGlb].tensors[kInputs].tile_words, 24);
  EXPECT_EQ(predict("depth: 82, multiple_buffering: 2").cycles, 72);
  EXPECT_EQ(test::refusal_of([&] { predict("depth: 40"); }),
            "mapping.yaml: tiles kept in 'GLB' take 41 words; it holds 40");
  EXPECT_THROW(predict("depth: 81, multiple_buffering: 2"), UserError);
  EXPECT_THROW(predict("depth: 84, min_utilization: 0.5"), UserError);
}

// 208 reads at 2 words a vector: 72/2 + 72/2 + 64/2 vectors of 10 pJ; fills 9 -> 5, 24 -> 12
// vectors of 7 pJ; 72 updates -> 36 of 3 pJ; 72 products of 0.5 pJ.
TEST(Energy, RoundsUpToWholeVectors) {
  std::string architecture = kTwoLevels;
  const std::string glb = "depth: 4096, width: 8";
  architecture.replace(architecture.find(glb), glb.size(), "depth: 4096, width: 16");
  architecture += R"(ERT:
  tables:
  - name: system.GLB
    actions: [{name: read, energy: 10}, {name: write, energy: 7}, {name: update, energy: 3}]
  - name: system.MAC[0..3]
    actions: [{name: compute, energy: 0.5}]
)";
  const auto prediction = Example(architecture, convolution(4, 2, 3, 3), kAllInside).predict();
  EXPECT_DOUBLE_EQ(prediction.storages[kGlb].energy_pj[kWeights], 36 * 10 + 5 * 7);
  EXPECT_DOUBLE_EQ(prediction.storages[kGlb].energy_pj[kInputs], 36 * 10 + 12 * 7);
  EXPECT_DOUBLE_EQ(prediction.storages[kGlb].energy_pj[kOutputs], 32 * 10 + 36 * 3);
  EXPECT_DOUBLE_EQ(prediction.energy_pj, 395 + 444 + 428 + 36);
}

}  // namespace
}  // namespace tessera::mapping::timeloop
