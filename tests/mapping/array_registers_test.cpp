// What one PE keeps of an operand, counted by hand.
#include "mapping/array_registers.h"

#include <gtest/gtest.h>

#include "mapping/array_choice.h"
#include "sim/base/random.h"
#include "tests/support/plain_network.h"
#include "tests/support/random_layer.h"

namespace tessera::mapping {
namespace {

using hw::SpatialReduction;

constexpr int kInput = 0, kWeight = 1, kOutput = 2;
enum Rank { kN, kK, kC, kP, kQ, kR, kS };

/// 4 channels to 6, 8 x 8 outputs, 3 x 3 filters, this stride.
workloads::Network convolution(std::int64_t stride) {
  test::PlainNetwork network("one");
  test::Window window;
  for (int axis = 0; axis < 2; ++axis) {
    window.kernel[axis] = 3;
    window.stride[axis] = stride;
  }
  const std::int64_t rows = 7 * stride + 3;
  network.convolution(network.input({1, 4, rows, rows}), 6, window);
  return network.finish();
}

std::int64_t words(const workloads::Network& network, const ArrayMapping& mapping, int operand,
                   SpatialReduction reduction = SpatialReduction::kChain) {
  const auto& layer = network.layers[0];
  const auto extents = layer.extents();
  return register_words(layer, mapping, operand, extents, reduction);
}

}  // namespace

TEST(RegisterWords, NeighboursKeepTheRowsTheyShareTwice) {
  // Eight output rows over four columns: two a PE, which need 2 + 3 - 1 = 4 input rows; an even
  // share of the ten rows would be three. Below the loops there are one channel and one output
  // column, so three input columns.
  ArrayMapping mapping;
  mapping.columns = {{kP, 4}};
  mapping.loops = {{kC, 1}, {kQ, 1}};
  mapping.store_depth[kInput] = 2;
  EXPECT_EQ(words(convolution(1), mapping, kInput), 4 * 3);
  // All eight output columns: 8 + 3 - 1 = 10.
  mapping.store_depth[kInput] = 1;
  EXPECT_EQ(words(convolution(1), mapping, kInput), 4 * 10);
}

TEST(RegisterWords, StrideSpreadsRows) {
  // Stride 2: two output rows a PE need 2 x 1 + 3 = 5 input rows, one output column three input
  // columns.
  ArrayMapping mapping;
  mapping.columns = {{kP, 4}};
  mapping.loops = {{kC, 1}, {kQ, 1}};
  mapping.store_depth[kInput] = 2;
  EXPECT_EQ(words(convolution(2), mapping, kInput), 5 * 3);
  // One filter row and column a PE: stride 2 leaves out every other row, and a PE keeps those it
  // uses.
  mapping.rows = {{kR, 3}, {kS, 3}};
  EXPECT_EQ(words(convolution(2), mapping, kInput), 2 * 1);
}

TEST(RegisterWords, WeightsDoNotDependOnPlaces) {
  // Six filters over three columns, four channels in one row: 2 x 4 x 3 x 3.
  ArrayMapping mapping;
  mapping.columns = {{kK, 3}};
  EXPECT_EQ(words(convolution(1), mapping, kWeight), 72);
  // Splits of what does not index them leave them whole.
  mapping.columns = {{kP, 4}};
  EXPECT_EQ(words(convolution(1), mapping, kWeight), 6 * 36);
}

TEST(RegisterWords, TreeKeepsOneSumAColumn) {
  // 6 x 8 x 8 sums; four rows add up four channels.
  ArrayMapping mapping;
  mapping.rows = {{kC, 4}};
  EXPECT_EQ(words(convolution(1), mapping, kOutput), 384);
  EXPECT_EQ(words(convolution(1), mapping, kOutput, SpatialReduction::kTree), 96);
  // An output rank along the rows is no reduction.
  mapping.rows = {{kP, 4}};
  EXPECT_EQ(words(convolution(1), mapping, kOutput, SpatialReduction::kTree), 96);
}

TEST(RegisterWords, SmallerTilesNeverNeedMore) {
  Random random(17);
  hw::PeArrayDescription array;
  for (int round = 0; round < 300; ++round) {
    const auto network = test::random_layer(random.next());
    const auto& layer = network.layers[0];
    if (layer.kind != workloads::LayerKind::kMatrix) continue;
    array.reduction = random.bernoulli(0.5) ? SpatialReduction::kTree : SpatialReduction::kChain;
    std::vector<std::int64_t> extents, smaller;
    for (const auto& rank : layer.ranks) {
      extents.push_back(rank.extent);
      smaller.push_back(random.between(1, rank.extent));
    }
    const auto mapping = choose_array_mapping(layer, extents, array, 2).mapping;
    for (int operand = 0; operand < 3; ++operand)
      EXPECT_LE(register_words(layer, mapping, operand, smaller, array.reduction),
                register_words(layer, mapping, operand, extents, array.reduction));
  }
}

}  // namespace tessera::mapping
