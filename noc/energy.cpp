#include "noc/energy.h"

namespace tessera::noc {

EnergyBreakdown network_energy(const NetworkStats& stats, const Topology& topology,
                               const NetworkConfig& config) {
  const EnergyTable& table = config.energy;
  const double bytes = config.flit_bytes;
  EnergyBreakdown energy;
  for (const WireStats& wire : stats.wires) {
    const auto flits = static_cast<double>(wire.flits());
    if (wire.kind != WireKind::kEjection)
      energy.buffer_write += flits * bytes * table.buffer_write_pj_per_byte;
    energy.buffer_read +=
        static_cast<double>(wire.buffer_reads()) * bytes * table.buffer_read_pj_per_byte;
    if (wire.kind == WireKind::kInjection) continue;
    energy.crossbar += flits * bytes * table.crossbar_pj_per_byte;
    energy.arbitration += (flits + static_cast<double>(wire.packets)) * table.arbitration_pj;
    if (wire.adder) energy.adder += flits * bytes * table.adder_pj_per_byte;
    if (wire.kind != WireKind::kLink) continue;
    energy.link +=
        flits * bytes * topology.links()[wire.link].length_mm * table.link_pj_per_byte_mm;
    energy.hop += flits * bytes * table.hop_pj_per_byte;
  }
  return energy;
}

}  // namespace tessera::noc
