#include "sim/machine/machine_rates.h"

#include <algorithm>

#include "hw_models/memory_interface/channel_config.h"
#include "noc/config.h"

namespace tessera::sim {

mapping::MachineRates machine_rates(const hw::Accelerator& accelerator) {
  mapping::MachineRates rates;
  double bytes_per_second = 0;
  for (const auto& interface : accelerator.dram) {
    const auto device = hw::device_of(interface);
    double peak =
        device.geometry.burst_bytes / (device.timing.burst * device.timing.clock_ps * 1e-12);
    if (interface.link_width_bits > 0)
      peak = std::min(peak, interface.link_width_bits / 8 * interface.link_clock_mhz * 1e6);
    bytes_per_second += peak;
    rates.dram_burst_bytes = device.geometry.burst_bytes;
  }
  rates.dram_bytes_per_cycle = bytes_per_second / (accelerator.clock_mhz * 1e6);
  for (const auto& buffer : accelerator.shared_buffers)
    rates.shared_bytes_per_cycle += static_cast<double>(buffer.bytes_per_cycle);
  // Through the network's own reading: a description leaves out what has a default.
  const auto network = noc::network_config(accelerator.network);
  rates.link_bytes_per_cycle = network.flit_bytes;
  rates.multicast = network.multicast;
  return rates;
}

}  // namespace tessera::sim
