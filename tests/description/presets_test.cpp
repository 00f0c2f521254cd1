// The presets against the numbers of the machines they describe.
#include <gtest/gtest.h>

#include "hw_models/description/load.h"

namespace tessera::hw {
namespace {

TEST(Presets, AllLoadAndExplainThemselves) {
  const std::vector<std::string> expected = {"eyeriss", "pes-32x32", "simba-4x4", "tangram-16x16",
                                             "tangram-4x4"};
  EXPECT_EQ(accelerator_presets(), expected);
  for (const auto& name : accelerator_presets()) {
    const Accelerator machine = load_accelerator(name);
    EXPECT_EQ(machine.name, name);
    EXPECT_FALSE(machine.summary.empty()) << name;
    EXPECT_FALSE(machine.energy.source.empty()) << name;
  }
}

/// Bytes per chip cycle of all channels, each 16 bits wide.
double channel_bytes_per_cycle(const Accelerator& machine, double device_rate_mt_s) {
  double bytes = 0;
  for (const auto& dram : machine.dram)
    bytes += 2 * (dram.data_rate_mt_s > 0 ? dram.data_rate_mt_s : device_rate_mt_s);
  return bytes / machine.clock_mhz;
}

TEST(Presets, TangramMatchesTheReferenceHardware) {
  for (const int side : {4, 16}) {
    const std::string text = std::to_string(side);
    const Accelerator machine = load_accelerator("tangram-" + text + "x" + text);
    EXPECT_EQ(machine.tiles(), side * side);
    EXPECT_EQ(machine.tile.array.rows * machine.tile.array.columns, 64);
    EXPECT_EQ(machine.tile.array.register_bytes, 64u);
    EXPECT_EQ(machine.tile.buffer.bytes, 16384u * machine.word_bytes());
    // 4 channels x 2 B x 3200 MT/s / 500 MHz = 51.2; at 500 MT/s: 8.
    EXPECT_DOUBLE_EQ(channel_bytes_per_cycle(machine, 3200), side == 16 ? 51.2 : 8.0);
    EXPECT_EQ(machine.dram[0].at, (Coordinate{0, 0}));
    EXPECT_EQ(machine.dram[3].at, (Coordinate{side - 1, side - 1}));
    const auto& energy = machine.energy;
    EXPECT_DOUBLE_EQ(energy.dram_access_word, 200 * energy.mac);
    EXPECT_DOUBLE_EQ(energy.noc_hop_word, 10 * energy.mac);
    EXPECT_DOUBLE_EQ(energy.buffer_access_word, 6 * energy.mac);
    EXPECT_DOUBLE_EQ(energy.array_transfer_word, 2 * energy.mac);
    EXPECT_DOUBLE_EQ(energy.register_access_word, energy.mac);
    EXPECT_DOUBLE_EQ(energy.static_per_tile_cycle, 64 * energy.mac / 32);
  }
}

TEST(Presets, EyerissHasThePublishedWidthsAndClocks) {
  const Accelerator machine = load_accelerator("eyeriss");
  EXPECT_EQ(machine.tiles(), 1);
  EXPECT_EQ(machine.tile.array.rows * machine.tile.array.columns, 168);
  EXPECT_EQ(machine.tile.array.operand_register_bytes[kWeightOperand], 224u * 2);
  EXPECT_EQ(machine.tile.array.operand_register_bytes[kInputOperand], 12u * 2);
  EXPECT_EQ(machine.tile.array.operand_register_bytes[kOutputOperand], 24u * 2);
  EXPECT_EQ(machine.tile.buffer.bytes, 108u * 1024);
  // 64 bit x 60 MHz = 480 MB/s, 2.4 B per core cycle of 200 MHz.
  EXPECT_DOUBLE_EQ(
      machine.dram[0].link_width_bits / 8 * machine.dram[0].link_clock_mhz / machine.clock_mhz,
      2.4);
}

TEST(Presets, SimbaAndPesHaveTheirMultipliersAndMemories) {
  const Accelerator simba = load_accelerator("simba-4x4");
  EXPECT_EQ(simba.tiles() * simba.tile.array.rows * simba.tile.array.columns *
                simba.tile.array.macs_per_pe,
            16 * 64);
  // 3 KiB of accumulators over 64 multipliers.
  EXPECT_EQ(simba.tile.array.operand_register_bytes[kOutputOperand] * 64, 3u * 1024);
  EXPECT_EQ(simba.tile.buffer.bytes, (32u + 8u) * 1024);

  const Accelerator pes = load_accelerator("pes-32x32");
  EXPECT_EQ(pes.tiles(), 1024);
  EXPECT_EQ(pes.tile.array.macs_per_pe, 8);
  Bytes shared = 0;
  for (const auto& buffer : pes.shared_buffers) shared += buffer.bytes;
  EXPECT_EQ(shared, 1024u * 1024);
}

}  // namespace
}  // namespace tessera::hw
