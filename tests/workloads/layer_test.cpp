#include "workloads/layer.h"

#include <gtest/gtest.h>

namespace tessera::workloads {

namespace {

// One dimension of an input: index = 2 p + r - 1 of 8 stored elements (stride 2, padding 1), ranks
// p, r.
Operand strided_window() {
  Operand operand;
  operand.dimensions = {{{{0, 2}, {1, 1}}, -1, 0, 8}};
  return operand;
}

}  // namespace

TEST(RegionOf, WindowGivesTheBoundingRangeClippedAtThePadding) {
  // p in [0, 2), r in [0, 3): indices -1 .. 2 + 2 - 1 = 3; -1 is padding, so 0..3 remain.
  const auto region = region_of(strided_window(), {{0, 2}, {0, 3}});
  EXPECT_EQ(region.dimensions[0], (IndexRange{0, 4, 1}));
}

TEST(RegionOf, StrideWithoutWindowKeepsItsStep) {
  // r fixed at 1: indices 2 p = 0, 2, 4.
  const auto region = region_of(strided_window(), {{0, 3}, {1, 2}});
  EXPECT_EQ(region.dimensions[0], (IndexRange{0, 3, 2}));
}

TEST(RegionOf, EmptyRankGivesAnEmptyRegion) {
  EXPECT_TRUE(region_of(strided_window(), {{2, 2}, {0, 3}}).empty());
}

TEST(Intersect, SteppedWithDenseKeepsThePhase) {
  const Region stepped{{{0, 4, 2}}};  // 0 2 4 6
  const Region dense{{{3, 3, 1}}};    // 3 4 5
  EXPECT_EQ(intersect(stepped, dense).dimensions[0], (IndexRange{4, 1, 2}));
  EXPECT_EQ(intersect(dense, stepped).dimensions[0], (IndexRange{4, 1, 2}));
}

TEST(Intersect, DisjointIsEmpty) {
  EXPECT_TRUE(intersect(Region{{{0, 2, 1}}}, Region{{{2, 2, 1}}}).empty());
}

}  // namespace tessera::workloads
