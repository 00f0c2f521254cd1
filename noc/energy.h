// Energy from event counts.
#pragma once

#include "noc/config.h"
#include "noc/statistics.h"
#include "noc/topology/topology.h"

namespace tessera::noc {

/// Picojoule by component. `hop` is the single constant per router-to-router hop that analytical
/// tools use instead of the others; a table states either.
struct EnergyBreakdown {
  double buffer_write = 0;
  double buffer_read = 0;
  double crossbar = 0;
  double arbitration = 0;
  double link = 0;
  double hop = 0;
  double adder = 0;
  double total() const {
    return buffer_write + buffer_read + crossbar + arbitration + link + hop + adder;
  }
};

/// Flits of `flit_bytes`: written to and read from each router's buffer once, through the crossbar
/// once per way out, over each link in proportion to its length; one arbitration per switch or
/// channel grant; what adders take in, once.
EnergyBreakdown network_energy(const NetworkStats& stats, const Topology& topology,
                               const NetworkConfig& config);

}  // namespace tessera::noc
