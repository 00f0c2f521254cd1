#include "mapping/importers/machine/from_interstellar.h"

#include <algorithm>
#include <limits>

#include "mapping/importers/machine/array_axes.h"
#include "sim/base/error.h"

namespace tessera::mapping::importers {

namespace {

/// The tool's tensors are input, output, filter; a layer's operands input, weight, output.
constexpr int kToolTensor[3] = {0, 2, 1};

}  // namespace

ToolMachine machine_of(const interstellar::Architecture& architecture, Schedule& schedule,
                       const workloads::Network& network) {
  const auto& levels = architecture.levels;
  if (levels.size() != 3)
    throw UserError(schedule.origin, ": an architecture of ", levels.size(),
                    " memory levels; ours has three: registers, buffer, DRAM");
  if (levels[1].parallel_count > 1 || levels[2].parallel_count > 1)
    throw UserError(schedule.origin, ": several units at a level above the registers");
  ToolMachine machine;
  machine.name = "interstellar";
  machine.origin = "an Interstellar architecture";
  sums_to_rows(schedule, network);
  machine.array_rows = array_ways(schedule, Axis::kArrayY);
  machine.array_columns = array_ways(schedule, Axis::kArrayX);
  if (machine.array_rows * machine.array_columns > levels[0].parallel_count)
    throw UserError(schedule.origin, ": unrolled over ", machine.array_rows * machine.array_columns,
                    " units of ", levels[0].parallel_count);
  bool split_file = false;
  for (int operand = 0; operand < 3; ++operand) {
    const int tensor = kToolTensor[operand];
    machine.register_words[operand] =
        levels[0].holds[tensor] ? levels[0].capacity_elements[tensor] : 0;
    split_file |= machine.register_words[operand] != machine.register_words[0];
    machine.buffer_words += static_cast<double>(levels[1].capacity_elements[tensor]) / 3;
    machine.register_pj += levels[0].access_picojoules[tensor] / 3;
    machine.buffer_pj += levels[1].access_picojoules[tensor] / 3;
    machine.dram_pj += levels[2].access_picojoules[tensor] / 3;
  }
  machine.shared_registers = !split_file;
  return machine;
}

}  // namespace tessera::mapping::importers
