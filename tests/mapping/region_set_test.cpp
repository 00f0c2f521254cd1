#include "mapping/checker/region_set.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "mapping/received_regions.h"
#include "sim/base/random.h"

namespace tessera::mapping::checker {

namespace {

using workloads::IndexRange;
using workloads::Region;

using Points = std::set<std::vector<std::int64_t>>;

/// The slow form: every element listed.
Points points_of(const Region& region) {
  Points points = {{}};
  for (const auto& range : region.dimensions) {
    Points longer;
    for (const auto& point : points)
      for (std::int64_t i = 0; i < range.count; ++i) {
        auto next = point;
        next.push_back(range.begin + i * range.step);
        longer.insert(next);
      }
    points = longer;
  }
  return points;
}

Region random_region(Random& random, int dimensions) {
  Region region;
  for (int d = 0; d < dimensions; ++d)
    region.dimensions.push_back({random.between(0, 5), random.between(0, 6), random.between(1, 4)});
  return region;
}

bool includes(const Points& outer, const Points& inner) {
  return std::includes(outer.begin(), outer.end(), inner.begin(), inner.end());
}

TEST(ReceivedRegions, AskForEveryElementOnce) {
  // Overlapping boxes in any order, against a list of all that has come.
  Random random(11);
  for (int round = 0; round < 50; ++round) {
    ReceivedRegions received;
    Points came;
    for (int step = 0; step < 30; ++step) {
      Region next;
      for (int d = 0; d < 2; ++d)
        next.dimensions.push_back({random.between(0, 7), random.between(0, 4), 1});
      Points expected;
      for (const auto& point : points_of(next))
        if (came.insert(point).second) expected.insert(point);
      Points asked;
      for (const auto& box : received.advance(next))
        for (const auto& point : points_of(box))
          EXPECT_TRUE(asked.insert(point).second) << "twice in one step";
      ASSERT_EQ(asked, expected);
    }
  }
}

}  // namespace

TEST(Covered, AgreesWithListingEveryElement) {
  int yes = 0;
  for (std::uint64_t seed = 0; seed < 4000; ++seed) {
    Random random(seed);
    const int dimensions = static_cast<int>(random.between(1, 3));
    const Region needed = random_region(random, dimensions);
    std::vector<Region> regions;
    for (std::int64_t i = random.between(0, 8); i > 0; --i)
      regions.push_back(random_region(random, dimensions));
    Points together;
    std::vector<const Region*> pointers;
    for (const auto& region : regions) {
      together.merge(points_of(region));
      pointers.push_back(&region);
      ASSERT_EQ(contains(region, needed), includes(points_of(region), points_of(needed)))
          << "seed " << seed << ": " << to_text(region) << " and " << to_text(needed);
    }
    const bool expected = includes(together, points_of(needed));
    yes += expected && !needed.empty() ? 1 : 0;
    ASSERT_EQ(covered(needed, pointers), expected) << "seed " << seed;
  }
  EXPECT_GT(yes, 100);  // both answers occur
}

TEST(Covered, EvenAndOddRowsTogetherAreAllRows) {
  const Region all{{{0, 6, 1}}};
  const Region even{{{0, 3, 2}}};
  const Region odd{{{1, 3, 2}}};
  EXPECT_TRUE(covered(all, {&even, &odd}));
  EXPECT_FALSE(covered(all, {&even}));
}

TEST(RegionText, ShowsRangesAndSteps) {
  EXPECT_EQ(to_text(Region{{{0, 3, 2}, {4, 1, 7}, {2, 0, 1}}}), "[0,5):2 x [4,5) x [2,2)");
}

}  // namespace tessera::mapping::checker
