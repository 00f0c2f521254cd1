#include "sim/base/time_bins.h"

#include <gtest/gtest.h>

#include <numeric>

#include "sim/base/random.h"

namespace tessera {
namespace {

using Counts = std::vector<std::uint64_t>;

TEST(TimeBins, SpreadsAnIntervalOverItsBins) {
  TimeBins bins(1, 4, 10);
  // 30 over cycles 5 to 24: 1.5 a cycle, so 5 cycles, 10 cycles and 5 cycles get 7, 15 and 8; the
  // cumulated amounts 7.5 and 22.5 are rounded down.
  bins.add(0, 5, 25, 30);
  EXPECT_EQ(bins.row(0, 4), (Counts{7, 15, 8, 0}));
}

TEST(TimeBins, LastCycleOfABinBelongsToIt) {
  TimeBins bins(1, 4, 10);
  bins.add(0, 9, 10, 1);
  bins.add(0, 10, 11, 2);
  bins.add(0, 20, 20, 4);  // a moment: the cycle before
  EXPECT_EQ(bins.row(0, 4), (Counts{1, 6, 0, 0}));
}

TEST(TimeBins, DoubleTheirWidthWhenTimeRunsPastThem) {
  TimeBins bins(2, 4, 10);
  for (Cycle bin = 0; bin < 4; ++bin) bins.add(1, bin * 10, bin * 10 + 10, bin + 1);
  bins.reach(40);
  EXPECT_EQ(bins.width(), 10u);
  bins.reach(41);  // one cycle more than 4 bins of 10
  EXPECT_EQ(bins.width(), 20u);
  EXPECT_EQ(bins.row(1, 4), (Counts{3, 7, 0, 0}));
  EXPECT_EQ(bins.row(0, 4), (Counts{0, 0, 0, 0}));
  EXPECT_EQ(bins.used(41), 3u);
}

TEST(TimeBins, KeepSumsWhateverComes) {
  Random random(7);
  TimeBins bins(3, 8);
  Counts sums(3, 0);
  for (int i = 0; i < 2000; ++i) {
    const auto row = static_cast<std::size_t>(random.below(3));
    const Cycle begin = random.below(1 + static_cast<std::uint64_t>(i) * 50);
    const auto amount = random.below(1000);
    bins.add(row, begin, begin + random.below(5000) + 1, amount);
    sums[row] += amount;
  }
  for (std::size_t row = 0; row < 3; ++row) {
    const auto counts = bins.row(row, 8);
    EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}), sums[row]);
  }
}

}  // namespace
}  // namespace tessera
