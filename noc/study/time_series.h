// Statistics over time: differences of the network's counters between the ends of bins.
#pragma once

#include <string>
#include <vector>

#include "noc/network.h"

namespace tessera::noc {

/// What one wire did in one bin.
struct BinSample {
  std::uint64_t flits = 0;
  std::uint64_t credit_stall_cycles = 0;
  std::uint64_t switch_losses = 0;
  std::uint64_t occupancy_flit_cycles = 0;
};

/// Samples a network at the end of every bin; the network itself does nothing for it.
class TimeSeries {
 public:
  /// Bins of `bin_cycles`, at least 1.
  explicit TimeSeries(Cycle bin_cycles);

  Cycle bin_cycles() const { return bin_cycles_; }
  Cycle next_sample() const { return next_; }
  /// Call after advancing to next_sample() - 1.
  void sample(const Network& network);

  /// By bin, then by wire as in NetworkStats.
  const std::vector<std::vector<BinSample>>& bins() const { return bins_; }
  /// bin_start_cycle, kind, from, to, flits, utilisation, ... one line per bin and wire that saw
  /// traffic.
  std::string to_csv(const Network& network) const;

 private:
  Cycle bin_cycles_;
  Cycle next_;
  std::vector<BinSample> last_;
  std::vector<std::vector<BinSample>> bins_;
};

}  // namespace tessera::noc
