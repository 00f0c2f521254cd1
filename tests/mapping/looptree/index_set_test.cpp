#include "mapping/cost/looptree/index_set.h"

#include <gtest/gtest.h>

#include <set>

#include "mapping/cost/looptree/iteration_space.h"
#include "sim/base/random.h"

namespace tessera::mapping::looptree {
namespace {

using Members = std::set<std::int64_t>;

Members members(const IndexSet& set) {
  Members members;
  for (std::int64_t i = -200; i < 200; ++i)
    if (set.has(i)) members.insert(i);
  return members;
}

IndexSet random_set(Random& random) {
  IndexSet set;
  for (int i = 0; i < 4; ++i) {
    const std::int64_t begin = random.between(-10, 20);
    set = set.unite(IndexSet(begin, begin + random.between(0, 5)));
  }
  return set;
}

TEST(IndexSet, EqualsASetOfIntegers) {
  Random random(1);
  for (int round = 0; round < 500; ++round) {
    const IndexSet a = random_set(random);
    const IndexSet b = random_set(random);
    const std::int64_t coefficient = random.between(1, 3);
    const std::int64_t constant = random.between(-5, 5);
    Members both, rest, either = members(a), sums, scaled, unscaled;
    for (const auto x : members(a)) (members(b).contains(x) ? both : rest).insert(x);
    for (const auto y : members(b)) either.insert(y);
    for (const auto x : members(a)) {
      scaled.insert(coefficient * x + constant);
      for (const auto y : members(b)) sums.insert(x + y);
    }
    for (std::int64_t x = -100; x < 100; ++x)
      if (members(a).contains(coefficient * x + constant)) unscaled.insert(x);
    EXPECT_EQ(members(a.unite(b)), either);
    EXPECT_EQ(members(a.intersect(b)), both);
    EXPECT_EQ(members(a.subtract(b)), rest);
    EXPECT_EQ(members(a.plus(b)), sums);
    EXPECT_EQ(members(a.scale(coefficient, constant)), scaled);
    EXPECT_EQ(members(a.unscale(coefficient, constant)), unscaled);
    EXPECT_EQ(a.size(), static_cast<std::int64_t>(members(a).size()));
  }
}

using Points = std::set<std::pair<std::int64_t, std::int64_t>>;

Points points(const Region& region) {
  Points points;
  for (const auto x : members(region.sets[0]))
    for (const auto y : members(region.sets[1])) points.emplace(x, y);
  return points;
}

TEST(Region, DifferencesAndUnionsEqualSetsOfPoints) {
  Random random(2);
  for (int round = 0; round < 100; ++round) {
    std::vector<Region> regions(4);
    Points all;
    for (auto& region : regions) {
      region.sets = {random_set(random), random_set(random)};
      for (const auto& point : points(region)) all.insert(point);
    }
    EXPECT_EQ(union_size(regions), static_cast<std::int64_t>(all.size()));
    Points rest = points(regions[0]);
    for (const auto& point : points(regions[1])) rest.erase(point);
    Points found;
    std::int64_t size = 0;
    for (const auto& piece : subtract(regions[0], regions[1])) {
      size += piece.size();
      for (const auto& point : points(piece)) found.insert(point);
    }
    EXPECT_EQ(found, rest);
    EXPECT_EQ(size, static_cast<std::int64_t>(rest.size()));  // pieces do not overlap
  }
}

}  // namespace
}  // namespace tessera::mapping::looptree
