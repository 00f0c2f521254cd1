// Cycles of what goes through DRAM, each derived by hand from the rules in tile_timing.h.
#include "tests/sim/tile_timing.h"

namespace tessera::test {
namespace {

TEST(Dram, ReadsOfAPartWaitForItsLastWrite) {
  // Tile 1 asks early for the one value that tile 0 makes of 16 and stores in DRAM. The write is
  // over when its data is: 14 + 8 after WR. Then the read is admitted, its row is open, and only
  // the turn-around of the bus is left: 16 after the data.
  const auto machine = machine_with(1, 2);
  PlainNetwork builder("through_dram");
  builder.fully_connected(builder.fully_connected(builder.input({1, 16}), 1), 1);
  const auto network = builder.finish();
  const auto lines = observe(
      machine,
      lower_plans(network, machine, {dense_plan(network, 0, {0}), dense_plan(network, 1, {1})}));
  const Cycle write = cycle_in(about(lines, "WR bank4").at(0), 2);
  EXPECT_EQ(about(lines, "RD bank4"), one("RD bank4 ", write + 14 + 8 + 16));
}

TEST(Dram, AnOffChipLinkCarriesOneBurstAfterAnother) {
  // 64 bits at 200 MHz: 32 bytes in 4 of its cycles, 20 ns, 32 cycles of the chip. As in
  // OneTile.LoadComputeStore the data of the two reads ends in 73 and 89: over the link in 105 and,
  // the second waiting for the first, in 137; then 3 flits read in 146, written in 148, usable in
  // 149.
  const auto machine =
      machine_with(1, 1, "dram { device: 'lpddr4_3200' link_width_bits: 64 link_clock_mhz: 200 }");
  const auto network = dense(1);
  const auto lines = observe(machine, lower_plans(network, machine, {dense_plan(network, 0, {0})}));
  EXPECT_EQ(about(lines, "RD"), (Lines{"RD bank2 37", "RD bank0 53"}));
  EXPECT_EQ(cycle_in(about(lines, "tile0").at(0), 1), 149u + 1);
}

/// Two tiles with a filter each: the cycles in which their outputs are written to DRAM.
std::pair<Cycle, Cycle> two_writes(int write_buffer_bytes) {
  const auto machine = machine_with(
      1, 2,
      detail::concatenate("dram { device: 'lpddr4_3200' write_buffer_bytes: ", write_buffer_bytes,
                          " }"));
  const auto network = dense(2);
  const auto lines =
      observe(machine, lower_plans(network, machine, {dense_plan(network, 0, {0, 1}, "K", 2)}));
  const auto writes = about(lines, "WR bank4");
  EXPECT_EQ(writes.size(), 2u);
  return {cycle_in(writes.at(0), 2), cycle_in(writes.at(1), 2)};
}

TEST(Dram, WritesAreGrantedWhileTheWriteBufferHasRoom) {
  // 2 bytes each. With room for 4 the second is granted at once and its data is there before the
  // first's row is open: one column cycle apart.
  const auto [first, second] = two_writes(4);
  EXPECT_EQ(second, first + kColumnCycle);
}

TEST(Dram, AFullWriteBufferGrantsWhenTheDeviceHasTheData) {
  // With room for 2 bytes tile 1 is granted when the first write is over, 14 + 8 after WR: the
  // grant is seen 13 later, the output leaves the buffer in an odd cycle and the tile one later, 2
  // flits over one link are seen 14 later, the row is open.
  const auto [first, second] = two_writes(2);
  EXPECT_EQ(second, next_odd(first + 22 + 13) + 1 + 14);
}

}  // namespace
}  // namespace tessera::test
