#include "sim/base/statistics.h"

#include <gtest/gtest.h>

namespace tessera {

TEST(Histogram, PercentilesAreNearestRank) {
  Histogram histogram(100);
  for (int i = 1; i <= 20; ++i) histogram.add(i);
  EXPECT_EQ(histogram.percentile(0.50), 10u);  // rank ceil(0.50 x 20) = 10
  EXPECT_EQ(histogram.percentile(0.95), 19u);
  EXPECT_EQ(histogram.percentile(0.99), 20u);
  EXPECT_DOUBLE_EQ(histogram.mean(), 10.5);
}

TEST(Histogram, MaximumIsExactBeyondTheLimit) {
  Histogram histogram(10);
  histogram.add(3);
  histogram.add(1000);
  EXPECT_EQ(histogram.max(), 1000u);
  EXPECT_EQ(histogram.percentile(1.0), 1000u);
}

}  // namespace tessera
