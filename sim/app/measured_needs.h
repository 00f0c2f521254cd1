// What a mapping needs of a machine so as not to stall, found by simulation.
#pragma once

#include <array>
#include <cstdint>

#include "hw_models/description/accelerator.h"
#include "mapping/importers/machine/tool_case.h"
#include "mapping/program.h"
#include "sim/machine/machine.h"

namespace tessera::app {

/// A case made ready for a machine with some parts ideal.
struct ReadyRun {
  hw::Accelerator accelerator;
  mapping::Program program;
  sim::MachineOptions options;
};

/// Lowered and checked. UserError naming what the machine lacks.
ReadyRun ready(const mapping::importers::ToolCase& loaded, hw::IdealSet ideal);

struct MeasuredNeeds {
  std::int64_t register_words = 0;       ///< of one PE, all copies
  std::int64_t buffer_words = 0;         ///< most in use at a time, of the fullest tile
  std::array<std::int64_t, 3> bus = {};  ///< words per cycle, input, weight, output
  std::int64_t dram = 0;                 ///< words per cycle of one channel
  Cycle unlimited_cycles = 0;            ///< with every part ideal and DRAM as wide as it gets
};

/// Capacities as the mapping fills them on its own machine; each path in turn as narrow as it can
/// be (within 1 % of the cycles) while all other parts are ideal. Traffic is what the machine
/// moves, and a layer's own first load and last write-back are free.
MeasuredNeeds measure_needs(const mapping::importers::ToolCase& loaded);

}  // namespace tessera::app
