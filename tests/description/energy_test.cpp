#include "hw_models/description/energy.h"

#include <gtest/gtest.h>

#include "hw_models/description/load.h"

namespace tessera::hw {
namespace {

EventCounts different_counts() {
  EventCounts counts;
  counts.macs = 1;
  counts.register_accesses = 10;
  counts.register_fills = 100;
  counts.array_transfer_words = 1'000;
  counts.buffer_words = 10'000;
  counts.shared_buffer_words = 100'000;
  counts.vector_operations = 1'000'000;
  counts.noc_hop_words = 10'000'000;
  counts.dram_words = 100'000'000;
  counts.tile_cycles = 1'000'000'000;
  return counts;
}

TEST(Energy, EveryCountMeetsItsCostOnceAndTheTotalIsTheSum) {
  EnergyTable table;
  table.mac = 2;
  table.register_access_word = 3;
  table.array_transfer_word = 4;
  table.buffer_access_word = 5;
  table.shared_buffer_access_word = 6;
  table.vector_operation = 7;
  table.noc_hop_word = 8;
  table.dram_access_word = 9;
  table.static_per_tile_cycle = 1;
  const EnergyBreakdown energy = energy_of(different_counts(), table);
  EXPECT_DOUBLE_EQ(energy.mac, 2);
  EXPECT_DOUBLE_EQ(energy.registers, 30);
  EXPECT_DOUBLE_EQ(energy.register_fills, 300);
  EXPECT_DOUBLE_EQ(energy.array_transfers, 4'000);
  EXPECT_DOUBLE_EQ(energy.buffers, 50'000);
  EXPECT_DOUBLE_EQ(energy.shared_buffers, 600'000);
  EXPECT_DOUBLE_EQ(energy.vector_unit, 7'000'000);
  EXPECT_DOUBLE_EQ(energy.noc, 80'000'000);
  EXPECT_DOUBLE_EQ(energy.dram, 900'000'000);
  EXPECT_DOUBLE_EQ(energy.static_energy, 1'000'000'000);
  EXPECT_DOUBLE_EQ(energy.total(), 1'987'654'332.0);
}

TEST(Energy, CountsAndBreakdownsAddUpFieldByField) {
  EventCounts twice = different_counts();
  twice += different_counts();
  const EnergyTable table = load_accelerator("tangram-4x4").energy;
  EnergyBreakdown sum = energy_of(different_counts(), table);
  sum += energy_of(different_counts(), table);
  const EnergyBreakdown together = energy_of(twice, table);
  EXPECT_DOUBLE_EQ(sum.total(), together.total());
  EXPECT_DOUBLE_EQ(sum.dram, together.dram);
  EXPECT_EQ(twice.vector_operations, 2'000'000);
}

TEST(Energy, TangramTableGivesTheReferenceFormulaInMacs) {
  // Reference: mac*macs + 200*dram + 6*gbuf + 2*itcn + 1*regf + 10*hops + static*cycles, static 32
  // for 16 tiles, in units of one MAC of 0.075 pJ.
  const EnergyTable table = load_accelerator("tangram-4x4").energy;
  EventCounts counts;
  counts.macs = 1000;
  counts.register_accesses = 4000;
  counts.array_transfer_words = 700;
  counts.buffer_words = 500;
  counts.noc_hop_words = 90;
  counts.dram_words = 60;
  counts.tile_cycles = 16 * 20;
  const double macs = 1000 + 200 * 60 + 6 * 500 + 2 * 700 + 4000 + 10 * 90 + 32 * 20;
  EXPECT_NEAR(energy_of(counts, table).total() / 0.075, macs, 1e-6);
}

}  // namespace
}  // namespace tessera::hw
