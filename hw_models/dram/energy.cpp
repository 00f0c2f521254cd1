#include "hw_models/dram/energy.h"

namespace tessera::dram {

CommandEnergy command_energy(const Device& device) {
  const Currents& c = device.currents;
  const DeviceTiming& t = device.timing;
  const double bits = 8.0 * device.geometry.burst_bytes;
  CommandEnergy e;
  e.io_burst = c.io_pj_per_bit * bits;
  if (c.access_pj_per_bit > 0) {
    e.read = e.write = c.access_pj_per_bit * bits;
    return e;
  }
  // mA * V * ns = pJ
  const double per_cycle = t.clock_ps * 1e-3 * c.devices_per_rank;
  const double vdd = c.vdd * per_cycle;
  e.activate = vdd * (c.idd0 * t.rc - c.idd3n * t.ras - c.idd2n * t.rp);
  e.read = vdd * (c.idd4r - c.idd3n) * t.burst;
  e.write = vdd * (c.idd4w - c.idd3n) * t.burst;
  e.refresh = vdd * (c.idd5ab - c.idd3n) * t.rfc;
  e.refresh_bank = c.idd5pb > 0 ? vdd * (c.idd5pb - c.idd3n) * t.rfc_pb
                                : e.refresh / device.geometry.banks_per_rank();
  e.open_cycle = vdd * c.idd3n;
  e.closed_cycle = vdd * c.idd2n;
  e.pump_cycle = c.vpp * c.ipp * per_cycle;
  return e;
}

EnergyBreakdown energy_of(const Device& device, const ChannelStats& stats, DramCycle end) {
  const CommandEnergy each = command_energy(device);
  const auto count = [&](CommandKind kind) { return static_cast<double>(stats.count(kind)); };
  EnergyBreakdown e;
  e.activate = each.activate * count(CommandKind::kActivate);
  e.read = each.read * count(CommandKind::kRead);
  e.write = each.write * count(CommandKind::kWrite);
  e.refresh = each.refresh * count(CommandKind::kRefresh) +
              each.refresh_bank * count(CommandKind::kRefreshBank);
  for (std::uint32_t rank = 0; rank < device.geometry.ranks; ++rank) {
    const DramCycle open = stats.row_open_until(rank, end);
    e.background += each.open_cycle * static_cast<double>(open) +
                    each.closed_cycle * static_cast<double>(end - open);
    e.pump += each.pump_cycle * static_cast<double>(end);
  }
  e.io = each.io_burst * static_cast<double>(stats.bursts());
  return e;
}

double energy_per_bit(const Device& device, const ChannelStats& stats,
                      const EnergyBreakdown& energy) {
  const double bits = 8.0 * device.geometry.burst_bytes * static_cast<double>(stats.bursts());
  return bits == 0 ? 0 : energy.total() / bits;
}

}  // namespace tessera::dram
