// What scheduling learns of a described machine.

#include "sim/machine/machine_rates.h"

#include <gtest/gtest.h>

#include "hw_models/description/load.h"

namespace tessera::sim {
namespace {

// The preset says nothing of multicast, which routers have unless told otherwise. Four channels of
// 32 B bursts in 8 clocks of 625 ps against a chip cycle of 2 ns: 4 x 32 x 2 / 5 = 51.2 B per
// cycle.
TEST(MachineRates, ReadWhatADescriptionLeavesToDefaults) {
  const auto rates = machine_rates(hw::load_accelerator("tangram-16x16"));
  EXPECT_TRUE(rates.multicast);
  EXPECT_DOUBLE_EQ(rates.link_bytes_per_cycle, 16);
  EXPECT_DOUBLE_EQ(rates.dram_bytes_per_cycle, 51.2);
  EXPECT_DOUBLE_EQ(rates.dram_burst_bytes, 32);
}

TEST(MachineRates, FollowTheDescription) {
  auto accelerator = hw::load_accelerator("tangram-16x16");
  accelerator.network.set_multicast(false);
  accelerator.network.set_flit_bytes(8);
  accelerator.dram.resize(1);
  const auto rates = machine_rates(accelerator);
  EXPECT_FALSE(rates.multicast);
  EXPECT_DOUBLE_EQ(rates.link_bytes_per_cycle, 8);
  EXPECT_DOUBLE_EQ(rates.dram_bytes_per_cycle, 12.8);
}

}  // namespace
}  // namespace tessera::sim
