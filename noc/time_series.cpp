#include "noc/time_series.h"

#include <algorithm>

#include "sim/base/csv.h"
#include "sim/base/error.h"

namespace tessera::noc {

namespace {

BinSample total_of(const WireStats& wire) {
  return {wire.flits(),   wire.credit_stall_cycles(), wire.switch_losses(),
          wire.vc_losses, wire.vc_wait_cycles,        wire.occupancy_flit_cycles()};
}

BinSample difference(const BinSample& now, const BinSample& before) {
  return {now.flits - before.flits,
          now.credit_stall_cycles - before.credit_stall_cycles,
          now.switch_losses - before.switch_losses,
          now.vc_losses - before.vc_losses,
          now.vc_wait_cycles - before.vc_wait_cycles,
          now.occupancy_flit_cycles - before.occupancy_flit_cycles};
}

}  // namespace

TimeSeries::TimeSeries(Cycle bin_cycles) : bin_cycles_(bin_cycles) {
  if (bin_cycles == 0) throw UserError("bins of 0 cycles: write at least 1");
}

void TimeSeries::sample(const NetworkStats& stats) {
  last_.resize(stats.wires.size());
  auto& bin = bins_.emplace_back(stats.wires.size());
  for (std::size_t i = 0; i < stats.wires.size(); ++i) {
    const BinSample total = total_of(stats.wires[i]);
    bin[i] = difference(total, last_[i]);
    last_[i] = total;
  }
}

std::string TimeSeries::to_csv(const NetworkStats& stats) const {
  CsvWriter csv({"bin_start_cycle", "wire", "kind", "from", "to", "flits", "utilisation",
                 "credit_stall_cycles", "switch_losses", "vc_losses", "vc_wait_cycles",
                 "mean_occupancy_flits"});
  for (std::size_t bin = 0; bin < bins_.size(); ++bin) {
    const Cycle start = bin * bin_cycles_;
    const auto cycles = static_cast<double>(std::min(bin_cycles_, stats.cycle + 1 - start));
    for (std::size_t i = 0; i < stats.wires.size(); ++i) {
      const WireStats& wire = stats.wires[i];
      const BinSample& sample = bins_[bin][i];
      if (sample.flits == 0 && sample.occupancy_flit_cycles == 0 && sample.vc_wait_cycles == 0)
        continue;
      csv.row() << start << i << kind_name(wire) << from_of(wire) << to_of(wire) << sample.flits
                << static_cast<double>(sample.flits * wire.interval_cycles) / cycles
                << sample.credit_stall_cycles << sample.switch_losses << sample.vc_losses
                << sample.vc_wait_cycles
                << static_cast<double>(sample.occupancy_flit_cycles) / cycles;
    }
  }
  return csv.text();
}

}  // namespace tessera::noc
