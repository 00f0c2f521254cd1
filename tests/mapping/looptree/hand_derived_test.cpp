// Small trees whose numbers are derived by hand.
#include <gtest/gtest.h>

#include "example.h"
#include "tests/support/refusal.h"

namespace tessera::mapping::looptree {
namespace {

/// Two 3-tap filters along one axis: 12 input, 10 intermediate, 8 output positions.
std::string two_filters(int stride = 1) {
  const std::string first = std::to_string(7 * stride + 3);
  return R"(problem:
- shape:
    name: A
    dimensions: [P1, R1]
    data_spaces:
    - {name: X, projection: '[ P1 + R1 ]'}
    - {name: V, projection: '[ R1 ]'}
    - {name: Y, projection: '[ P1 ]', read_write: True}
  instance: 0 <= P1 < )" +
         first + R"( and 0 <= R1 < 3
- shape:
    name: B
    dimensions: [P2, R2]
    data_spaces:
    - {name: Y, projection: '[ )" +
         std::to_string(stride) + R"(*P2 + R2 ]'}
    - {name: W, projection: '[ R2 ]'}
    - {name: Z, projection: '[ P2 ]', read_write: True}
  instance: 0 <= P2 < 8 and 0 <= R2 < 3
)";
}

/// Output tiles of `tile`; `above` and `below` stand around that loop.
std::string tiled(int tile, const std::string& above, const std::string& below,
                  const std::string& branch = "sequential") {
  return R"(mapping:
  type: fused
  nodes:
  - {type: storage, target: 0, dspace: [X, V, W, Z]}
)" + above +
         "  - {type: temporal, rank: P2, tile_shape: " + std::to_string(tile) + "}\n" +
         "  - {type: storage, target: 1, dspace: [X, V, W, Z]}\n" + below + "  - type: " + branch +
         R"(
    branches:
    - - {type: temporal, rank: P1, tile_shape: 1}
      - {type: temporal, rank: R1, tile_shape: 1}
      - {type: compute, einsum: A, target: 4}
    - - {type: temporal, rank: P2, tile_shape: 1}
      - {type: temporal, rank: R2, tile_shape: 1}
      - {type: compute, einsum: B, target: 4}
)";
}

const std::string kStoreY = "  - {type: storage, target: 1, dspace: [Y]}\n";
const std::string kForgetY = "  - {type: storage, target: 1, dspace: [Y], exploits_reuse: False}\n";

std::int64_t executed(const std::string& mapping, int stride = 1) {
  return Example(two_filters(stride), mapping).predict().einsums[0].macs_executed;
}

// Tiles of 2 outputs need 4 of Y, 2 of them new after the first: 4 + 3 x 2 = 10 positions x 3 taps,
// whether Y's store is above the loop (all kept) or right below (the iteration before kept).
// Forgotten, each of the 4 tiles computes its 4: 16 x 3.
TEST(Recomputation, FollowsFromWhatIsKept) {
  EXPECT_EQ(executed(tiled(2, kStoreY, "")), 30);
  EXPECT_EQ(executed(tiled(2, "", kStoreY)), 30);
  EXPECT_EQ(executed(tiled(2, "", kForgetY)), 48);
}

// Stride 2: a tile of 2 outputs needs rows 4t .. 4t + 4 of Y, 5 of them, one shared with the next:
// 5 + 3 x 4 = 17 kept, 4 x 5 = 20 forgotten.
TEST(Recomputation, FollowsStridesOfTheConsumer) {
  EXPECT_EQ(executed(tiled(2, "", kStoreY), 2), 17 * 3);
  EXPECT_EQ(executed(tiled(2, "", kForgetY), 2), 20 * 3);
}

// Tiles of 3: outputs 0-2, 3-5, 6-7. Y: 5 new, then 3, then 2.
TEST(Recomputation, LastTileMayBeSmaller) {
  const Example example(two_filters(), tiled(3, "", kStoreY));
  const auto prediction = example.predict();
  EXPECT_EQ(prediction.einsums[0].macs_executed, (5 + 3 + 2) * 3);
  const auto y = example.access(prediction, 1, "Y", "A").movement;
  EXPECT_EQ(y.tile_words_max, 5);
  EXPECT_EQ(y.tile_words_sample, 2);  // the tool looks at the last
}

// X follows: a tile of n new rows of Y reads n + 2 of X, 2 of which the tile before held.
TEST(Refetch, OnlyNewWordsComeFromTheParent) {
  const Example example(two_filters(), tiled(2, "", kStoreY));
  const auto prediction = example.predict();
  EXPECT_EQ(example.access(prediction, 0, "X", "A").reads, 6 + 3 * 2);
  EXPECT_EQ(example.access(prediction, 0, "V", "A").reads, 3);  // the same in every tile
  EXPECT_EQ(example.access(prediction, 0, "Z", "B").writes, 8);
  EXPECT_EQ(example.access(prediction, 0, "Y", "A").movement.fills, 0);  // never leaves the chip
}

// Stages take 12, 6, 6, 6 (rows of Y x 3 taps) and 6 each. Of every tile but the last the shorter
// of what follows is hidden: min(6, 6) three times: 30 + 24 - 18.
TEST(Pipeline, HidesTheShortestFollowingStage) {
  EXPECT_EQ(Example(two_filters(), tiled(2, "", kStoreY)).predict().compute_latency_cycles, 54);
  EXPECT_EQ(
      Example(two_filters(), tiled(2, "", kStoreY, "pipeline")).predict().compute_latency_cycles,
      36);
}

/// Three products in a pipeline; every tile of rows takes the stages 512, 512 and 128 steps.
std::string three_stages() {
  std::string problem = "problem:\n";
  const int columns[] = {8, 8, 8, 2};
  for (int i = 0; i < 3; ++i) {
    const std::string n = std::to_string(i + 1);
    problem += "- shape:\n    name: L" + n + "\n    dimensions: [P" + n + ", M" + n + ", C" + n +
               "]\n    data_spaces:\n    - {name: T" + std::to_string(i) + ", projection: '[ C" +
               n + ", P" + n + " ]'}\n    - {name: W" + n + ", projection: '[ C" + n + ", M" + n +
               " ]'}\n    - {name: T" + n + ", projection: '[ M" + n + ", P" + n +
               " ]', read_write: True}\n  instance: 0 <= P" + n + " < 128 and 0 <= M" + n + " < " +
               std::to_string(columns[i + 1]) + " and 0 <= C" + n + " < " +
               std::to_string(columns[i]) + "\n";
  }
  return problem;
}

std::string stages_below(const std::string& loops) {
  std::string mapping = R"(mapping:
  type: fused
  nodes:
  - {type: storage, target: 0, dspace: [T0, W1, W2, W3, T3]}
)" + loops + R"(  - {type: storage, target: 1, dspace: [T0, T1, T2, T3, W1, W2, W3]}
  - type: pipeline
    branches:
)";
  for (const char* n : {"1", "2", "3"})
    mapping += std::string("    - - {type: temporal, rank: P") + n +
               ", tile_shape: 1}\n      - {type: temporal, rank: M" + n +
               ", tile_shape: 1}\n      - {type: temporal, rank: C" + n +
               ", tile_shape: 1}\n      - {type: compute, einsum: L" + n + ", target: 4}\n";
  return mapping;
}

// 16 tiles of 8 rows: 8 x 8 x 8 = 512, 512, 8 x 8 x 2 = 128 steps. First pass 1152, then the
// slowest stage 15 times.
TEST(Pipeline, ConstantStagesCostTheSlowest) {
  const Example example(three_stages(),
                        stages_below("  - {type: temporal, rank: P3, tile_shape: 8}\n"));
  EXPECT_EQ(example.predict().compute_latency_cycles, 1152 + 15 * 512);
}

// Two products of 32 columns, 128 rows as 8 x 4 tiles of 4 rows: a stage takes 4096 steps, all 64
// of them 262144. As shipped each of the 31 tiles but the last hides a stage of all 8 outer
// iterations, 32768: -753664. As one sequence of 32 tiles it is 32 x 4096 + 4096.
TEST(Pipeline, TwoLoopsAboveHideTooMuchAsShipped) {
  const Example example(matrix_products(128, 32, 32, 32), R"(mapping:
  type: fused
  nodes:
  - {type: storage, target: 0, dspace: [X, V, W, Z]}
  - {type: temporal, rank: P2, tile_shape: 16}
  - {type: temporal, rank: P2, tile_shape: 4}
  - {type: storage, target: 1, dspace: [X, V, W, Y, Z]}
  - type: pipeline
    branches:
    - - {type: temporal, rank: P1, tile_shape: 1}
      - {type: temporal, rank: M1, tile_shape: 1}
      - {type: temporal, rank: C1, tile_shape: 1}
      - {type: compute, einsum: A, target: 4}
    - - {type: temporal, rank: P2, tile_shape: 1}
      - {type: temporal, rank: M2, tile_shape: 1}
      - {type: temporal, rank: C2, tile_shape: 1}
      - {type: compute, einsum: B, target: 4}
)");
  EXPECT_EQ(example.predict().compute_latency_cycles, -753664);
  EXPECT_EQ(example.predict(Faults::kFixed).compute_latency_cycles, 33 * 4096);
}

// Rows 5 at a time of 128: the last of 26 tiles has 3. The tool looks at it: 3 x 64 words of X
// instead of 5 x 64.
TEST(Capacity, SampledTileIsNotTheLargest) {
  const Example example(matrix_products(128, 64, 64, 64), R"(mapping:
  type: fused
  nodes:
  - {type: storage, target: 0, dspace: [X, V, W, Z]}
  - {type: temporal, rank: P2, tile_shape: 5}
  - {type: storage, target: 1, dspace: [X]}
  - {type: storage, target: 2, dspace: [Y]}
  - type: sequential
    branches:
    - - {type: temporal, rank: P1, tile_shape: 1}
      - {type: compute, einsum: A, target: 4}
    - - {type: temporal, rank: P2, tile_shape: 1}
      - {type: compute, einsum: B, target: 4}
)");
  const auto prediction = example.predict();
  EXPECT_EQ(prediction.storages[1].capacity_words_sample, 192);
  EXPECT_EQ(prediction.storages[1].capacity_words_max, 320);
}

// GLB holds Y in both; the weights of each layer inside its branch: the larger one, or both.
TEST(Capacity, SequentialBranchesShareAndPipelinedOnesAdd) {
  const auto words = [](const std::string& kind) {
    const Example example(matrix_products(4, 2, 3, 5), R"(mapping:
  type: fused
  nodes:
  - {type: storage, target: 0, dspace: [X, V, W, Z]}
  - {type: temporal, rank: P2, tile_shape: 1}
  - {type: storage, target: 1, dspace: [Y]}
  - type: )" + kind + R"(
    branches:
    - - {type: storage, target: 1, dspace: [V]}
      - {type: temporal, rank: M1, tile_shape: 1}
      - {type: compute, einsum: A, target: 4}
    - - {type: storage, target: 1, dspace: [W]}
      - {type: temporal, rank: M2, tile_shape: 1}
      - {type: compute, einsum: B, target: 4}
)");
    return example.predict().storages[1].capacity_words_max;
  };
  EXPECT_EQ(words("sequential"), 3 + 15);
  EXPECT_EQ(words("pipeline"), 3 + 6 + 15);
}

// One layer's reads R, writes W at the GLB through ports of 8 words.
TEST(Ports, SharedOnesGoWhereTheyHelpMost) {
  const auto latency = [](const std::string& ports) {
    std::string hardware = kFourStorages;
    const std::string glb = "width: 512, datawidth: 8";
    hardware.replace(hardware.find(glb), glb.size(), "width: 64, datawidth: 8, " + ports);
    const Example example(two_filters(), tiled(2, "", kStoreY), hardware);
    return example.predict(Faults::kFixed).storages[1].latency_cycles;
  };
  // Reads: X and V by 30 products of A, 30 sums of Y; Y, W and Z by 24 products of B: 162.
  // Writes: fills X 12, V 3, W 3, Z 8; sums of Y 30, of Z 24: 80.
  EXPECT_DOUBLE_EQ(latency("n_rdwr_ports: 1"), 242 / 8.0);
  EXPECT_DOUBLE_EQ(latency("n_rd_ports: 1, n_wr_ports: 1"), 162 / 8.0);
  EXPECT_DOUBLE_EQ(latency("n_rd_ports: 3, n_wr_ports: 1"), 80 / 8.0);
  EXPECT_DOUBLE_EQ(latency("n_rd_ports: 1, n_wr_ports: 1, n_rdwr_ports: 1"), 162 / 16.0);
  EXPECT_DOUBLE_EQ(latency("n_wr_ports: 1, n_rdwr_ports: 2"), 162 / 16.0);
}

// Both read X. Tiles of 2 of the last layer's rows give the other layer the same 2.
TEST(SharedInput, GivesTheOtherLayerItsTile) {
  const Example example(R"(problem:
- shape:
    name: A
    dimensions: [P1, M1]
    data_spaces:
    - {name: X, projection: '[ P1 ]'}
    - {name: Y, projection: '[ M1, P1 ]', read_write: True}
  instance: 0 <= P1 < 6 and 0 <= M1 < 4
- shape:
    name: B
    dimensions: [P2, M2]
    data_spaces:
    - {name: X, projection: '[ P2 ]'}
    - {name: Y, projection: '[ M2, P2 ]'}
    - {name: Z, projection: '[ P2 ]', read_write: True}
  instance: 0 <= P2 < 6 and 0 <= M2 < 4
)",
                        R"(mapping:
  type: fused
  nodes:
  - {type: storage, target: 0, dspace: [X, Z]}
  - {type: temporal, rank: P2, tile_shape: 2}
  - {type: storage, target: 1, dspace: [X, Y, Z]}
  - type: sequential
    branches:
    - - {type: temporal, rank: M1, tile_shape: 1}
      - {type: compute, einsum: A, target: 4}
    - - {type: temporal, rank: M2, tile_shape: 1}
      - {type: compute, einsum: B, target: 4}
)");
  const auto prediction = example.predict();
  EXPECT_EQ(prediction.einsums[0].macs_executed, 24);
  EXPECT_EQ(prediction.einsums[0].temporal_steps, 3 * 4);
  EXPECT_EQ(example.access(prediction, 1, "Y", "A").movement.tile_words_max, 8);
}

TEST(Refused, WhatTheModelCannotInfer) {
  const auto error_of = [](const std::string& mapping) -> std::string {
    return test::refusal_of([&] { Example(two_filters(), mapping).predict(); });
  };
  std::string producer = tiled(2, "", kStoreY);
  producer.replace(producer.find("rank: P2"), 8, "rank: P1");
  EXPECT_EQ(error_of(producer),
            "mapping.yaml: a loop above a branch runs over 'P1'; it has to be a rank of the last "
            "layer, 'B'");
  std::string foreign = tiled(2, "", kStoreY);
  foreign.replace(foreign.find("rank: R1"), 8, "rank: R2");
  EXPECT_EQ(error_of(foreign),
            "mapping.yaml: a loop below the last branch runs over 'R2', which is no rank of 'A'");
}

}  // namespace
}  // namespace tessera::mapping::looptree
