// Energy of a channel from its command counts.
#pragma once

#include "hw_models/dram/channel_statistics.h"
#include "hw_models/dram/device.h"

namespace tessera::dram {

/// Energy of one command each, in pJ, all devices of the rank together. The current formula of
/// Micron TN-40-07: supply voltage times the current above the standby the command runs on, times
/// its time.
struct CommandEnergy {
  /// One activation with its precharge: VDD * (IDD0 tRC - IDD3N tRAS - IDD2N tRP).
  double activate = 0;
  /// One burst: VDD * (IDD4R - IDD3N) * burst; writes likewise.
  double read = 0, write = 0;
  /// One all-bank refresh: VDD * (IDD5AB - IDD3N) * tRFC. Per bank: from IDD5PB, or its share of
  /// one all-bank refresh.
  double refresh = 0, refresh_bank = 0;
  /// Standby of one rank per cycle, with a row open (VDD * IDD3N) and with all closed (VDD *
  /// IDD2N).
  double open_cycle = 0, closed_cycle = 0;
  /// Pump supply of one rank per cycle: VPP * IPP.
  double pump_cycle = 0;
  /// Interface energy of one burst.
  double io_burst = 0;
};

CommandEnergy command_energy(const Device& device);

/// Energy of a run in pJ by cause.
struct EnergyBreakdown {
  double activate = 0, read = 0, write = 0, refresh = 0, background = 0, pump = 0, io = 0;

  double total() const { return activate + read + write + refresh + background + pump + io; }
};

/// Energy of cycles [0, end). Rows still open at the end have their precharge counted already.
EnergyBreakdown energy_of(const Device& device, const ChannelStats& stats, DramCycle end);

/// Total energy per bit moved, in pJ; 0 when nothing was moved.
double energy_per_bit(const Device& device, const ChannelStats& stats,
                      const EnergyBreakdown& energy);

}  // namespace tessera::dram
