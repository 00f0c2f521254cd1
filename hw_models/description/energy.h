// Energy from event counts: every component is a count times the table's cost, the total is their
// sum.
#pragma once

#include <cstdint>

#include "hw_models/description/accelerator.h"
#include "sim/base/types.h"

namespace tessera::hw {

/// What happened, in the units that an EnergyTable prices. Words are those of the machine.
struct EventCounts {
  std::int64_t macs = 0;
  std::int64_t register_accesses = 0;     ///< by multiply-accumulates: two operands, sum in and out
  std::int64_t register_fills = 0;        ///< words delivered into or drained from registers
  std::int64_t array_transfer_words = 0;  ///< words x PEs reached or passed
  std::int64_t buffer_words = 0;          ///< tile buffers, reads and writes of all users
  std::int64_t shared_buffer_words = 0;
  std::int64_t vector_operations = 0;
  std::int64_t noc_hop_words = 0;  ///< words x router-to-router hops
  std::int64_t dram_words = 0;
  std::int64_t tile_cycles = 0;  ///< tiles x cycles of the run

  EventCounts& operator+=(const EventCounts& other);
  bool operator==(const EventCounts&) const = default;
};

/// Picojoules by component.
struct EnergyBreakdown {
  double mac = 0;
  double registers = 0;
  double register_fills = 0;  ///< apart from `registers`: analytical tools do not count them
  double array_transfers = 0;
  double buffers = 0;
  double shared_buffers = 0;
  double vector_unit = 0;
  double noc = 0;
  double dram = 0;
  double static_energy = 0;

  double total() const;
  EnergyBreakdown& operator+=(const EnergyBreakdown& other);
};

/// Counts x table. `noc` and `dram` are 0 where the table has no cost for them: the network's own
/// table and the device's current formula fill them in then.
EnergyBreakdown energy_of(const EventCounts& counts, const EnergyTable& table);

}  // namespace tessera::hw
