// The values that the tool's own tests expect (Accelergy-Project/timeloop-python at b8aaf2c,
// tests/looptree) for two products of 9 rows, 2 to 4 to 8 columns.
#include <gtest/gtest.h>

#include "example.h"

namespace tessera::mapping::looptree {
namespace {

constexpr const char* kFused = R"(mapping:
  type: fused
  nodes:
  - {type: storage, target: 0, dspace: [V, W, X, Z]}
  - {type: storage, target: 1, dspace: [V, W]}
  - {type: temporal, rank: P2, tile_shape: 1}
  - {type: storage, target: 1, dspace: [X, Z]}
  - {type: storage, target: 2, dspace: [Y]}
  - type: sequential
    branches:
    - - {type: temporal, rank: C1, tile_shape: 1}
      - {type: spatial, rank: M1, tile_shape: 1}
      - {type: storage, target: 3, dspace: [X]}
      - {type: compute, einsum: A, target: 4}
    - - {type: temporal, rank: C2, tile_shape: 1}
      - {type: spatial, rank: M2, tile_shape: 1}
      - {type: storage, target: 3, dspace: [Y]}
      - {type: compute, einsum: B, target: 4}
)";

constexpr const char* kUnfused = R"(mapping:
  type: fused
  nodes:
  - {type: storage, target: 0, dspace: [V, W, X, Y, Z]}
  - type: sequential
    branches:
    - - {type: storage, target: 1, dspace: [V]}
      - {type: temporal, rank: P1, tile_shape: 1}
      - {type: storage, target: 1, dspace: [X]}
      - {type: spatial, rank: M1, tile_shape: 1}
      - {type: storage, target: 2, dspace: [Y]}
      - {type: temporal, rank: C1, tile_shape: 1}
      - {type: compute, einsum: A, target: 3}
    - - {type: storage, target: 1, dspace: [W]}
      - {type: temporal, rank: P2, tile_shape: 1}
      - {type: storage, target: 1, dspace: [Z]}
      - {type: spatial, rank: M2, tile_shape: 1}
      - {type: spatial, rank: C2, tile_shape: 1}
      - {type: storage, target: 2, dspace: [Y]}
      - {type: compute, einsum: B, target: 3}
)";

struct Golden {
  int level;
  const char* tensor;
  const char* layer;
  std::int64_t reads;
  std::int64_t writes;
};

void expect_accesses(const char* mapping, const std::vector<Golden>& golden) {
  const Example example(matrix_products(9, 2, 4, 8), mapping);
  const auto prediction = example.predict();
  for (const auto& row : golden) {
    const auto access = example.access(prediction, row.level, row.tensor, row.layer);
    EXPECT_EQ(access.reads, row.reads) << row.level << " " << row.tensor << " " << row.layer;
    EXPECT_EQ(access.writes, row.writes) << row.level << " " << row.tensor << " " << row.layer;
  }
}

TEST(LoopTreeGolden, AccessesOfTheFusedMapping) {
  expect_accesses(kFused, {{0, "X", "A", 18, 0},
                           {0, "V", "A", 8, 0},
                           {0, "W", "B", 32, 0},
                           {0, "Z", "B", 0, 72},
                           {1, "X", "A", 18, 18},
                           {1, "V", "A", 72, 8},
                           {1, "W", "B", 288, 32},
                           {1, "Z", "B", 216, 288},
                           {2, "Y", "A", 36, 72},
                           {2, "Y", "B", 36, 0},
                           {3, "X", "A", 72, 72},
                           {3, "Y", "B", 288, 288}});
}

TEST(LoopTreeGolden, AccessesOfTheUnfusedMapping) {
  expect_accesses(kUnfused, {{0, "X", "A", 18, 0},
                             {0, "V", "A", 8, 0},
                             {0, "W", "B", 32, 0},
                             {0, "Y", "A", 0, 36},
                             {0, "Y", "B", 36, 0},
                             {0, "Z", "B", 0, 72},
                             {1, "V", "A", 72, 8},
                             {1, "X", "A", 72, 18},
                             {2, "Y", "A", 36, 72},
                             {1, "W", "B", 288, 32},
                             {1, "Z", "B", 216, 288},
                             {2, "Y", "B", 288, 288}});
}

TEST(LoopTreeGolden, LatencyAndCapacityOfTheFusedMapping) {
  const auto prediction = Example(matrix_products(9, 2, 4, 8), kFused).predict();
  EXPECT_EQ(prediction.compute_latency_cycles, 54);  // M spatial: 9 x 2 + 9 x 4
  const std::int64_t capacity[] = {130, 50, 4, 1};
  for (int level = 0; level < 4; ++level)
    EXPECT_EQ(prediction.storages[level].capacity_words_sample, capacity[level]) << level;
}

// Three tiles of 3 rows; a tile takes each stage 4 steps: 3 x 8 - 2 x 4.
TEST(LoopTreeGolden, LatencyOfThePipelinedMapping) {
  const auto prediction = Example(matrix_products(9, 2, 4, 8), R"(mapping:
  type: fused
  nodes:
  - {type: storage, target: 0, dspace: [V, W, X, Z]}
  - {type: storage, target: 1, dspace: [V, W]}
  - {type: temporal, dimension: P2, tile_size: 3}
  - {type: storage, target: 1, dspace: [X, Z]}
  - {type: storage, target: 2, dspace: [Y]}
  - type: pipeline
    branches:
    - - {type: temporal, dimension: M1, tile_size: 1}
      - {type: spatial, dimension: C1, tile_size: 1}
      - {type: compute, einsum: A, target: 4}
    - - {type: temporal, dimension: C2, tile_size: 1}
      - {type: spatial, dimension: M2, tile_size: 1}
      - {type: compute, einsum: B, target: 4}
)")
                              .predict();
  EXPECT_EQ(prediction.compute_latency_cycles, 16);
}

}  // namespace
}  // namespace tessera::mapping::looptree
