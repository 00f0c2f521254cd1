// Interstellar's architecture files.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mapping/importers/json/json_file.h"

namespace tessera::mapping::interstellar {

inline constexpr int kTensors = 3;  ///< input, output, filter, in the tool's order

enum class ParallelMode {
  kNone,
  kNeighbour,  ///< words move from unit to unit
  kBroadcast,  ///< words reach units on wires as long as their distance
};

/// One memory level with the units that each hold a copy of it.
struct MemoryLevel {
  /// Per tensor: elements of the memory that holds it and pJ per access. Equal entries where
  /// tensors share one memory.
  std::int64_t capacity_elements[kTensors] = {};
  double access_picojoules[kTensors] = {};
  bool holds[kTensors] = {true, true, true};
  /// Default partitions of the tool stop at three levels, so a fourth costs nothing as shipped.
  bool cost_forgotten = false;
  std::int64_t parallel_count = 1;
  ParallelMode parallel_mode = ParallelMode::kNone;
  double hop_picojoules = 0;  ///< per element and hop between units
  int array_dimensions = 2;
};

struct Architecture {
  std::vector<MemoryLevel> levels;  ///< innermost first, the last is DRAM
  bool has_mac_registers = false;   ///< mac_capacity: operands stay at the multiplier
  std::int64_t units() const;
};

/// UserError with file, line and field.
Architecture read_architecture(const JsonValue& file);

}  // namespace tessera::mapping::interstellar
