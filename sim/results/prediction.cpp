#include "sim/results/prediction.h"

namespace tessera::sim {

proto::Prediction prediction_of(const mapping::Estimate& estimate, const hw::EnergyTable& table) {
  proto::Prediction prediction;
  prediction.set_cycles(estimate.cycles);
  if (table.dram_access_word == 0 || table.noc_hop_word == 0) return prediction;
  const auto parts = hw::energy_of(estimate.events, table);
  auto& energy = *prediction.mutable_energy_pj();
  energy.set_total(parts.total());
  energy.set_mac(parts.mac);
  energy.set_register_file(parts.registers + parts.register_fills);
  energy.set_array(parts.array_transfers);
  energy.set_buffer(parts.buffers);
  energy.set_vector_unit(parts.vector_unit);
  energy.set_network(parts.noc);
  energy.set_dram(parts.dram);
  energy.set_static_(parts.static_energy);
  energy.set_shared_buffer(parts.shared_buffers);
  return prediction;
}

}  // namespace tessera::sim
