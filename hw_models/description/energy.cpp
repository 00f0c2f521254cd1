#include "hw_models/description/energy.h"

namespace tessera::hw {

EventCounts& EventCounts::operator+=(const EventCounts& other) {
  macs += other.macs;
  register_accesses += other.register_accesses;
  register_fills += other.register_fills;
  array_transfer_words += other.array_transfer_words;
  buffer_words += other.buffer_words;
  shared_buffer_words += other.shared_buffer_words;
  vector_operations += other.vector_operations;
  noc_hop_words += other.noc_hop_words;
  dram_words += other.dram_words;
  tile_cycles += other.tile_cycles;
  return *this;
}

double EnergyBreakdown::total() const {
  return mac + registers + register_fills + array_transfers + buffers + shared_buffers +
         vector_unit + noc + dram + static_energy;
}

EnergyBreakdown& EnergyBreakdown::operator+=(const EnergyBreakdown& other) {
  mac += other.mac;
  registers += other.registers;
  register_fills += other.register_fills;
  array_transfers += other.array_transfers;
  buffers += other.buffers;
  shared_buffers += other.shared_buffers;
  vector_unit += other.vector_unit;
  noc += other.noc;
  dram += other.dram;
  static_energy += other.static_energy;
  return *this;
}

EnergyBreakdown energy_of(const EventCounts& counts, const EnergyTable& table) {
  const auto cost = [](std::int64_t events, double picojoules) {
    return static_cast<double>(events) * picojoules;
  };
  EnergyBreakdown energy;
  energy.mac = cost(counts.macs, table.mac);
  energy.registers = cost(counts.register_accesses, table.register_access_word);
  energy.register_fills = cost(counts.register_fills, table.register_access_word);
  energy.array_transfers = cost(counts.array_transfer_words, table.array_transfer_word);
  energy.buffers = cost(counts.buffer_words, table.buffer_access_word);
  energy.shared_buffers = cost(counts.shared_buffer_words, table.shared_buffer_access_word);
  energy.vector_unit = cost(counts.vector_operations, table.vector_operation);
  energy.noc = cost(counts.noc_hop_words, table.noc_hop_word);
  energy.dram = cost(counts.dram_words, table.dram_access_word);
  energy.static_energy = cost(counts.tile_cycles, table.static_per_tile_cycle);
  return energy;
}

}  // namespace tessera::hw
