#include "sim/results/energy.h"

#include "hw_models/dram/energy.h"

namespace tessera::sim {

namespace {

void add_up(proto::Energy& energy) {
  energy.set_total(energy.mac() + energy.register_file() + energy.array() + energy.buffer() +
                   energy.vector_unit() + energy.network() + energy.dram() +
                   energy.shared_buffer() + energy.static_());
}

}  // namespace

EnergyBooks::EnergyBooks(const Machine& machine, Cycle cycles)
    : machine_(machine), cycles_(cycles) {
  std::uint64_t flits = 0;
  Bytes bytes = 0;
  for (const auto& traffic : machine.packets().stage_traffic()) flits += traffic.delivered_flits;
  for (const auto& interface : machine.dram())
    for (const Bytes moved : interface->stage_bytes()) bytes += moved;
  if (flits > 0) network_pj_per_flit_ = network_pj() / static_cast<double>(flits);
  if (bytes > 0) dram_pj_per_byte_ = dram_pj() / static_cast<double>(bytes);
}

/// A table with a cost per hop counts words x hops, as the tools it comes from do.
double EnergyBooks::network_pj() const {
  const auto& accelerator = machine_.accelerator();
  const auto& wires = machine_.network().stats().wires;
  std::uint64_t flit_hops = 0;
  for (std::size_t i = 0; i < machine_.topology().links().size(); ++i)
    flit_hops += wires[i].flits();
  const double words_per_flit =
      accelerator.network.flit_bytes() / static_cast<double>(accelerator.word_bytes());
  const double hops =
      static_cast<double>(flit_hops) * words_per_flit * accelerator.energy.noc_hop_word;
  // An adder of a router does what a lane of the vector unit does for a word.
  const auto added = static_cast<double>(machine_.network().stats().added_flits());
  return hops + added * words_per_flit * accelerator.energy.vector_operation;
}

/// By the currents of the device, standby and refresh of the whole run included.
double EnergyBooks::device_pj(const hw::DramInterface& interface) const {
  const auto& channel = interface.channel();
  return dram::energy_of(channel.device(), channel.stats(), interface.clocks().dram_cycle(cycles_))
      .total();
}

double EnergyBooks::dram_pj() const {
  const auto& accelerator = machine_.accelerator();
  double picojoules = 0;
  for (const auto& interface : machine_.dram()) {
    const auto& counts = interface->counts();
    const double words =
        static_cast<double>(counts.read_bytes + counts.written_bytes) / accelerator.word_bytes();
    picojoules += accelerator.energy.dram_access_word > 0
                      ? words * accelerator.energy.dram_access_word
                      : device_pj(*interface);
  }
  return picojoules;
}

proto::Energy EnergyBooks::layer(int stage, const hw::TileCounts& counts, Cycle cycles) {
  const auto& table = machine_.accelerator().energy;
  proto::Energy energy;
  energy.set_mac(static_cast<double>(counts.macs) * table.mac);
  energy.set_register_file(static_cast<double>(counts.register_words) * table.register_access_word);
  energy.set_array(static_cast<double>(counts.array_words) * table.array_transfer_word);
  energy.set_buffer(static_cast<double>(counts.buffer_words) * table.buffer_access_word);
  energy.set_vector_unit(static_cast<double>(counts.vector_operations) * table.vector_operation);
  energy.set_network(
      static_cast<double>(machine_.packets().stage_traffic()[stage].delivered_flits) *
      network_pj_per_flit_);
  Bytes bytes = 0;
  for (const auto& interface : machine_.dram()) bytes += interface->stage_bytes()[stage];
  energy.set_dram(static_cast<double>(bytes) * dram_pj_per_byte_);
  Bytes shared_bytes = 0;
  for (const auto& buffer : machine_.shared_buffers()) shared_bytes += buffer->stage_bytes()[stage];
  energy.set_shared_buffer(static_cast<double>(shared_bytes) / machine_.accelerator().word_bytes() *
                           table.shared_buffer_access_word);
  energy.set_static_(static_cast<double>(cycles) * machine_.accelerator().tiles() *
                     table.static_per_tile_cycle);
  add_up(energy);

  total_.set_mac(total_.mac() + energy.mac());
  total_.set_register_file(total_.register_file() + energy.register_file());
  total_.set_array(total_.array() + energy.array());
  total_.set_buffer(total_.buffer() + energy.buffer());
  total_.set_vector_unit(total_.vector_unit() + energy.vector_unit());
  total_.set_network(total_.network() + energy.network());
  total_.set_dram(total_.dram() + energy.dram());
  total_.set_shared_buffer(total_.shared_buffer() + energy.shared_buffer());
  total_.set_static_(total_.static_() + energy.static_());
  add_up(total_);
  return energy;
}

}  // namespace tessera::sim
