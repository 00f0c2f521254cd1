// The numbers that an architecture of another tool consists of, and the machine they make.
#pragma once

#include <cstdint>
#include <limits>
#include <string>

#include "hw_models/description/accelerator.pb.h"

namespace tessera::mapping::importers {

/// Operands in the order of the layer: first and second input, output.
struct ToolMachine {
  std::string name;
  std::string origin;  ///< file, for messages and as the source of energies
  std::int64_t word_bits = 16;
  std::int64_t tile_rows = 1, tile_columns = 1;
  std::int64_t array_rows = 1, array_columns = 1;
  double buffer_words = 0;  ///< capacity of one tile's buffer, all copies
  double buffer_read_words_per_cycle = std::numeric_limits<double>::infinity();
  double buffer_write_words_per_cycle = std::numeric_limits<double>::infinity();
  double dram_words_per_cycle = std::numeric_limits<double>::infinity();
  std::int64_t link_words_per_cycle = 0;  ///< 0: as the memories need
  std::int64_t register_words[3] = {};    ///< of one PE; 0: not kept there
  bool shared_registers = false;          ///< one file for all operands, of register_words[0]
  double mac_pj = 0, register_pj = 0, buffer_pj = 0, dram_pj = 0;
};

/// A machine at 1 GHz. Infinite bandwidths become as wide as the array can use: a word per PE and
/// cycle.
hw::proto::AcceleratorDescription describe(const ToolMachine& machine);

/// What the DRAM of a tool's machine carries at most.
inline constexpr double kMostDramBytesPerCycle = 512;

/// Gives a machine from `describe` other DRAM: as few channels as carry the bandwidth, a power of
/// two of them, dealt round the edge of the grid. What exceeds the most channels, as good as
/// unlimited, gets those.
void set_dram(hw::proto::AcceleratorDescription& machine, double bytes_per_cycle);

}  // namespace tessera::mapping::importers
