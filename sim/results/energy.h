// Energy of a run: event counts times the accelerator's table.
#pragma once

#include <vector>

#include "sim/machine/machine.h"
#include "sim/result.pb.h"

namespace tessera::sim {

/// Splits the energy of the whole machine over its layers. Tile events belong to the layer that
/// caused them; bursts and packets to the layer whose operand they carry, packets weighted by flits
/// and destinations.
class EnergyBooks {
 public:
  EnergyBooks(const Machine& machine, Cycle cycles);

  proto::Energy layer(int stage, const hw::TileCounts& counts, Cycle cycles);
  /// Sum of all layers asked for so far.
  const proto::Energy& total() const { return total_; }

 private:
  double network_pj() const;
  double dram_pj() const;
  double device_pj(const hw::DramInterface& interface) const;

  const Machine& machine_;
  Cycle cycles_;
  double network_pj_per_flit_ = 0;  ///< delivered
  double dram_pj_per_byte_ = 0;
  proto::Energy total_;
};

}  // namespace tessera::sim
