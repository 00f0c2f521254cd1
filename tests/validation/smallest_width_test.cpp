#include "validation/smallest_width.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace tessera::validation {
namespace {

/// A run of 1,000 cycles that moves `words`: as long as the slower of both.
Cycle cycles(std::int64_t words, std::int64_t width) {
  return std::max<Cycle>(1000, static_cast<Cycle>((words + width - 1) / width));
}

// 1 % more than 1,000 cycles are 1,010: 7,070 words need 7 a cycle, 7,071 need 8.
TEST(SmallestWidth, IsTheFirstWithinTheSlack) {
  const auto width = [](std::int64_t words) {
    return smallest_width(1000, 0.01, 64, [=](std::int64_t w) { return cycles(words, w); });
  };
  EXPECT_EQ(width(7070), 7);
  EXPECT_EQ(width(7071), 8);
  EXPECT_EQ(width(1), 1);
  EXPECT_EQ(width(64640), 64);
}

TEST(SmallestWidth, StopsAtTheWidest) {
  EXPECT_EQ(smallest_width(1000, 0.01, 5, [](std::int64_t) { return Cycle{9999}; }), 5);
}

// Doubling to 128, then bisection between 64 and 128: no width is simulated twice.
TEST(SmallestWidth, AsksForEveryWidthOnceAtMost) {
  std::multiset<std::int64_t> asked;
  smallest_width(1000, 0, 4096, [&](std::int64_t w) {
    asked.insert(w);
    return cycles(100'000, w);
  });
  for (const auto w : asked) EXPECT_EQ(asked.count(w), 1u) << w;
  EXPECT_LE(asked.size(), 15u);
}

}  // namespace
}  // namespace tessera::validation
