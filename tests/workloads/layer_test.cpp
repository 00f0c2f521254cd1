#include "workloads/layer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "sim/base/random.h"

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

namespace {

/// Indices inside the valid range that the tile touches, by visiting every point.
std::set<std::int64_t> touched(const DimensionAccess& access, const RankTile& tile) {
  std::set<std::int64_t> indices;
  for (std::int64_t a = tile[0].begin; a < tile[0].end; ++a)
    for (std::int64_t b = tile[1].begin; b < tile[1].end; ++b) {
      const std::int64_t index =
          access.offset + access.terms[0].coefficient * a + access.terms[1].coefficient * b;
      if (index >= access.valid_begin && index < access.valid_end) indices.insert(index);
    }
  return indices;
}

std::set<std::int64_t> elements_of(const IndexRange& range) {
  std::set<std::int64_t> indices;
  for (std::int64_t i = 0; i < range.count; ++i) indices.insert(range.begin + i * range.step);
  return indices;
}

RankRange random_range(Random& random) {
  const std::int64_t begin = random.between(0, 4);
  return {begin, begin + random.between(0, 4)};
}

}  // namespace

TEST(RegionOf, RandomTilesCoverWhatIsTouchedAndNoMoreWhereNothingIsSkipped) {
  Random random(17);
  for (int i = 0; i < 20000; ++i) {
    const DimensionAccess access{{{0, random.between(1, 3)}, {1, random.between(1, 3)}},
                                 random.between(-4, 2),
                                 random.between(0, 2),
                                 random.between(3, 16)};
    const RankTile tile{random_range(random), random_range(random)};
    const Operand operand{0, OperandRole::kInput, {access}};
    const auto exact = touched(access, tile);
    const auto given = elements_of(region_of(operand, tile).dimensions[0]);
    ASSERT_TRUE(std::ranges::includes(given, exact)) << i;
    const bool dense = access.terms[0].coefficient == 1 || access.terms[1].coefficient == 1;
    const bool window = tile[0].size() > 1 && tile[1].size() > 1;
    const std::int64_t stride = std::max(access.terms[0].coefficient, access.terms[1].coefficient);
    const bool overlaps = dense && std::min(tile[0].size(), tile[1].size()) >= stride;
    if (!window || overlaps) {
      ASSERT_EQ(given, exact) << i;
    }
  }
}

}  // namespace tessera::workloads
