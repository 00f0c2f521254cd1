#include "sim/base/random.h"

#include <gtest/gtest.h>

namespace tessera {

TEST(Random, SameSeedSameSequence) {
  Random a(7), b(7), c(8);
  bool differs = false;
  for (int i = 0; i < 100; ++i) {
    const auto value = a.next();
    EXPECT_EQ(value, b.next());
    differs |= value != c.next();
  }
  EXPECT_TRUE(differs);
}

TEST(Random, BelowCoversItsRangeEvenly) {
  Random random(1);
  int counts[5] = {};
  for (int i = 0; i < 50000; ++i) ++counts[random.below(5)];
  // Binomial, n = 50000, p = 1/5: mean 10000, standard deviation 89.4; five of them allowed.
  for (const int count : counts) EXPECT_NEAR(count, 10000, 447);
}

TEST(Random, GeometricHasTheExpectedMean) {
  Random random(2);
  double sum = 0;
  for (int i = 0; i < 50000; ++i) sum += static_cast<double>(random.geometric(0.25));
  // Mean 4, standard deviation of the mean sqrt(12 / 50000) = 0.0155.
  EXPECT_NEAR(sum / 50000, 4.0, 0.08);
}

}  // namespace tessera
