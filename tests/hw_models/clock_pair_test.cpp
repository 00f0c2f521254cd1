// Cycles of two clocks against each other.
#include <gtest/gtest.h>

#include "hw_models/memory_interface/dram_interface.h"

namespace tessera::hw {
namespace {

TEST(ClockPair, FindsTheFirstEdgeAtOrAfter) {
  // Chip edges at 0, 2000, 4000, ... ps, DRAM edges at 0, 1500, 3000, 4500, 6000 ps.
  const ClockPair clocks{2000, 1500};
  EXPECT_EQ(clocks.dram_cycle(0), 0u);
  EXPECT_EQ(clocks.dram_cycle(1), 2u);  // 2000 -> 3000
  EXPECT_EQ(clocks.dram_cycle(3), 4u);  // 6000 -> 6000
  EXPECT_EQ(clocks.chip_cycle(1), 1u);  // 1500 -> 2000
  EXPECT_EQ(clocks.chip_cycle(4), 3u);  // 6000 -> 6000
  EXPECT_EQ(clocks.chip_cycle(5), 4u);  // 7500 -> 8000
}

TEST(ClockPair, NeverEarlyAndNeverAFullCycleLate) {
  for (const ClockPair clocks :
       {ClockPair{625, 625}, ClockPair{2000, 625}, ClockPair{1429, 833}, ClockPair{500, 4000}})
    for (Cycle cycle = 0; cycle < 500; ++cycle) {
      const auto dram_ps = clocks.dram_cycle(cycle) * clocks.dram_ps;
      EXPECT_GE(dram_ps, cycle * clocks.chip_ps);
      EXPECT_LT(dram_ps, cycle * clocks.chip_ps + clocks.dram_ps);
      const auto chip_ps = clocks.chip_cycle(cycle) * clocks.chip_ps;
      EXPECT_GE(chip_ps, cycle * clocks.dram_ps);
      EXPECT_LT(chip_ps, cycle * clocks.dram_ps + clocks.chip_ps);
    }
}

}  // namespace
}  // namespace tessera::hw
