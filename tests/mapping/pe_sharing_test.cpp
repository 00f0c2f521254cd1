#include "mapping/pe_sharing.h"

#include <gtest/gtest.h>

#include "tests/support/plain_network.h"

namespace tessera::mapping {
namespace {

/// N 1, filters 4, channels 2, 6 x 6 outputs, 3 x 3 windows: inputs 8 x 8.
workloads::Network network() {
  test::PlainNetwork plain("n");
  test::Window window;
  window.kernel[0] = window.kernel[1] = 3;
  plain.convolution(plain.input({1, 2, 8, 8}), 4, window);
  return plain.finish();
}

double sharing(int operand, const ArrayMapping& mapping) {
  const auto built = network();
  const auto& layer = built.layers.front();
  const auto extents = layer.extents();
  return pe_sharing(layer, operand == 2 ? layer.output : layer.inputs[operand], mapping, extents);
}

SpatialSplit split(const char* rank, std::int64_t ways) {
  const auto built = network();
  return {built.layers.front().rank_index(rank), ways};
}

// Filters over four PEs: all use every input, each its own weights and outputs.
TEST(PeSharing, RanksThatDoNotIndexAnOperandShareIt) {
  ArrayMapping mapping;
  mapping.rows = {split("K", 4)};
  EXPECT_DOUBLE_EQ(sharing(0, mapping), 4);
  EXPECT_DOUBLE_EQ(sharing(1, mapping), 1);
  EXPECT_DOUBLE_EQ(sharing(2, mapping), 1);
}

// Six output rows over two PEs, dealt in turn: PE 0 has rows 0 2 4 and reads input rows 0 to 6, PE
// 1 rows 1 3 5 and input rows 1 to 7: 14 of 8.
TEST(PeSharing, NeighboursWithOverlappingWindowsShareTheirHalo) {
  ArrayMapping mapping;
  mapping.rows = {split("P", 2)};
  EXPECT_DOUBLE_EQ(sharing(0, mapping), 14.0 / 8);
  EXPECT_DOUBLE_EQ(sharing(1, mapping), 2);
  EXPECT_DOUBLE_EQ(sharing(2, mapping), 1);
}

// Three filter rows over three PEs: PE i reads input rows i to i + 5, 18 of 8; all add to all
// outputs.
TEST(PeSharing, FilterRowsShiftTheWindow) {
  ArrayMapping mapping;
  mapping.rows = {split("R", 3)};
  EXPECT_DOUBLE_EQ(sharing(0, mapping), 18.0 / 8);
  EXPECT_DOUBLE_EQ(sharing(1, mapping), 1);
  EXPECT_DOUBLE_EQ(sharing(2, mapping), 3);
}

// Two multipliers of a PE work off neighbouring rows: PE 0 has rows 0 1 4 5 and input rows 0 to 7,
// PE 1 rows 2 3 and input rows 2 to 5.
TEST(PeSharing, LanesAreOnePlace) {
  ArrayMapping mapping;
  mapping.rows = {split("P", 2)};
  mapping.lanes = {split("P", 2)};
  EXPECT_DOUBLE_EQ(sharing(0, mapping), 12.0 / 8);
}

}  // namespace
}  // namespace tessera::mapping
