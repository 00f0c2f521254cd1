// Statistics over time: what every wire did in each bin of cycles.
#pragma once

#include <string>
#include <vector>

#include "noc/statistics.h"

namespace tessera::noc {

/// What one wire did in one bin.
struct BinSample {
  std::uint64_t flits = 0;
  std::uint64_t credit_stall_cycles = 0;
  std::uint64_t switch_losses = 0;
  std::uint64_t vc_losses = 0;
  std::uint64_t vc_wait_cycles = 0;
  std::uint64_t occupancy_flit_cycles = 0;
};

/// Differences of a network's counters between the ends of bins. The network samples itself when
/// `bin_cycles` of its configuration is not 0; routers do nothing for it.
class TimeSeries {
 public:
  /// Bins of `bin_cycles`, at least 1: bin i holds cycles i x bin_cycles and following.
  explicit TimeSeries(Cycle bin_cycles);

  Cycle bin_cycles() const { return bin_cycles_; }
  /// The last cycle of the bin under way.
  Cycle bin_end() const { return (bins_.size() + 1) * bin_cycles_ - 1; }
  /// Ends the bin under way with the counters as they are after `bin_end()`, or after an earlier
  /// cycle when nothing follows any more.
  void sample(const NetworkStats& stats);

  /// By bin, then by wire as in NetworkStats.
  const std::vector<std::vector<BinSample>>& bins() const { return bins_; }
  /// bin_start_cycle, wire, kind, from, to, flits, utilisation, ... one line per bin and wire that
  /// saw traffic; `stats` names the wires.
  std::string to_csv(const NetworkStats& stats) const;

 private:
  Cycle bin_cycles_;
  std::vector<BinSample> last_;
  std::vector<std::vector<BinSample>> bins_;
};

}  // namespace tessera::noc
