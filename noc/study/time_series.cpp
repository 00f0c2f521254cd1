#include "noc/study/time_series.h"

#include "noc/study/link_table.h"
#include "sim/base/csv.h"
#include "sim/base/error.h"

namespace tessera::noc {

TimeSeries::TimeSeries(Cycle bin_cycles) : bin_cycles_(bin_cycles), next_(bin_cycles) {
  if (bin_cycles == 0) throw UserError("bins of 0 cycles: write at least 1");
}

void TimeSeries::sample(const Network& network) {
  const NetworkStats& stats = network.stats();
  last_.resize(stats.wires.size());
  auto& bin = bins_.emplace_back(stats.wires.size());
  for (std::size_t i = 0; i < stats.wires.size(); ++i) {
    const WireStats& wire = stats.wires[i];
    const BinSample total{wire.flits(), wire.credit_stall_cycles(), wire.switch_losses(),
                          wire.occupancy_flit_cycles()};
    bin[i] = {total.flits - last_[i].flits,
              total.credit_stall_cycles - last_[i].credit_stall_cycles,
              total.switch_losses - last_[i].switch_losses,
              total.occupancy_flit_cycles - last_[i].occupancy_flit_cycles};
    last_[i] = total;
  }
  next_ += bin_cycles_;
}

std::string TimeSeries::to_csv(const Network& network) const {
  CsvWriter csv({"bin_start_cycle", "kind", "from", "to", "flits", "utilisation",
                 "credit_stall_cycles", "switch_losses", "mean_occupancy_flits"});
  const auto& wires = network.stats().wires;
  for (std::size_t bin = 0; bin < bins_.size(); ++bin)
    for (std::size_t i = 0; i < wires.size(); ++i) {
      const BinSample& sample = bins_[bin][i];
      if (sample.flits == 0 && sample.occupancy_flit_cycles == 0) continue;
      const double cycles = static_cast<double>(bin_cycles_);
      csv.row() << bin * bin_cycles_ << kind_name(wires[i].kind) << from_of(wires[i])
                << to_of(wires[i]) << sample.flits
                << static_cast<double>(sample.flits * wires[i].interval_cycles) / cycles
                << sample.credit_stall_cycles << sample.switch_losses
                << static_cast<double>(sample.occupancy_flit_cycles) / cycles;
    }
  return csv.text();
}

}  // namespace tessera::noc
