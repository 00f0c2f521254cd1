#include "mapping/importers/machine/from_maestro.h"

#include <algorithm>

#include "mapping/importers/machine/array_axes.h"
#include "sim/base/error.h"

namespace tessera::mapping::importers {

namespace {

constexpr std::int64_t kUnlimited = 2147483647;

double whole_layer_words(const workloads::Network& network) {
  double words = 0;
  for (const auto& tensor : network.tensors) words += static_cast<double>(tensor.elements());
  return words;
}

double bandwidth(std::int64_t words) {
  return words == kUnlimited ? std::numeric_limits<double>::infinity() : static_cast<double>(words);
}

}  // namespace

ToolMachine machine_of(const maestro::HardwareText& hardware, Schedule& schedule,
                       const workloads::Network& network) {
  ToolMachine machine;
  machine.name = "maestro";
  machine.origin = "a MAESTRO hardware file";
  machine.word_bits = 8;
  settle_diagonals(schedule, network);
  sums_to_rows(schedule, network);
  machine.array_rows = array_ways(schedule, Axis::kArrayY);
  machine.array_columns = array_ways(schedule, Axis::kArrayX);
  if (machine.array_rows * machine.array_columns > hardware.num_pes)
    throw UserError(schedule.origin, ": uses ", machine.array_rows * machine.array_columns,
                    " PEs of ", hardware.num_pes);
  // Tensors in whole lines, two copies where the tree says so.
  constexpr double slack = 4096;
  machine.buffer_words =
      std::max(hardware.l2_bytes == kUnlimited ? 0.0 : static_cast<double>(hardware.l2_bytes),
               2 * whole_layer_words(network) + slack);
  machine.buffer_read_words_per_cycle = bandwidth(hardware.noc_bandwidth);
  machine.buffer_write_words_per_cycle = bandwidth(hardware.noc_bandwidth);
  machine.dram_words_per_cycle = bandwidth(hardware.offchip_bandwidth);
  machine.shared_registers = true;
  machine.register_words[0] = std::min<std::int64_t>(hardware.l1_bytes, 1 << 20);
  return machine;
}

}  // namespace tessera::mapping::importers
