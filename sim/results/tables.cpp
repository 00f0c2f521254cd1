#include "sim/results/tables.h"

#include "sim/base/csv.h"

namespace tessera::sim {

namespace {

std::string layers_table(const proto::Result& result) {
  CsvWriter table({"layer", "kind", "tiles", "macs", "vector_operations", "cycles", "start_cycle",
                   "end_cycle", "utilisation", "energy_pj", "mac_pj", "register_file_pj",
                   "array_pj", "buffer_pj", "vector_unit_pj", "network_pj", "dram_pj",
                   "shared_buffer_pj", "static_pj"});
  for (const auto& layer : result.layers()) {
    const auto& energy = layer.energy_pj();
    table.row() << layer.name() << layer.kind() << layer.tiles() << layer.macs()
                << layer.vector_operations() << layer.cycles() << layer.start_cycle()
                << layer.end_cycle() << layer.utilisation() << energy.total() << energy.mac()
                << energy.register_file() << energy.array() << energy.buffer()
                << energy.vector_unit() << energy.network() << energy.dram()
                << energy.shared_buffer() << energy.static_();
  }
  return table.text();
}

std::string tiles_table(const Machine& machine) {
  std::vector<std::string> columns = {"tile", "row", "column"};
  for (const auto name : hw::kCauseNames) columns.push_back(std::string(name) + "_cycles");
  columns.insert(columns.end(), {"macs", "peak_buffer_bytes"});
  CsvWriter table(columns);
  for (const auto& tile : machine.tiles()) {
    const auto at = machine.accelerator().coordinate(tile->id());
    table.row() << tile->id() << at.row << at.column;
    for (int cause = 0; cause < hw::kCauses; ++cause)
      table << tile->stack().of(static_cast<hw::Cause>(cause));
    std::int64_t macs = 0;
    for (const auto& counts : tile->counts()) macs += counts.macs;
    table << macs << tile->peak_buffer_bytes();
  }
  return table.text();
}

std::string links_table(const Machine& machine, Cycle cycles) {
  std::vector<std::string> columns = {"wire",
                                      "from",
                                      "to",
                                      "latency_cycles",
                                      "cycles_per_flit",
                                      "flits",
                                      "utilisation",
                                      "credit_stall_cycles",
                                      "switch_losses",
                                      "occupancy_flit_cycles"};
  const auto& wires = machine.network().stats().wires;
  const bool told_apart = machine.network().config().traffic_classes > 1;
  if (told_apart)
    for (const auto name : hw::kTrafficClassNames) columns.push_back(std::string(name) + "_flits");
  CsvWriter table(columns);
  const auto& links = machine.topology().links();
  for (std::size_t i = 0; i < links.size(); ++i) {
    table.row() << i << links[i].from << links[i].to << links[i].latency_cycles
                << wires[i].interval_cycles << wires[i].flits()
                << (cycles > 0
                        ? static_cast<double>(wires[i].busy_cycles()) / static_cast<double>(cycles)
                        : 0.0)
                << wires[i].credit_stall_cycles() << wires[i].switch_losses()
                << wires[i].occupancy_flit_cycles();
    for (const auto flits : wires[i].class_flits) table << flits;
  }
  return table.text();
}

std::string channels_table(const proto::Result& result) {
  CsvWriter table({"channel",
                   "read_bytes",
                   "written_bytes",
                   "row_hit_rate",
                   "bandwidth_fraction",
                   "ACT",
                   "PRE",
                   "PREA",
                   "RD",
                   "WR",
                   "REF",
                   "REFPB",
                   "cycles",
                   "data_cycles",
                   "no_requests_cycles",
                   "refresh_cycles",
                   "row_cycles",
                   "turnaround_cycles",
                   "group_spacing_cycles",
                   "arbitration_cycles",
                   "read_latency_mean_cycles",
                   "read_latency_p99_cycles",
                   "energy_pj"});
  int number = 0;
  for (const auto& channel : result.dram_channels()) {
    table.row() << number++ << channel.read_bytes() << channel.written_bytes()
                << channel.row_hit_rate() << channel.bandwidth_fraction();
    for (const char* name : {"ACT", "PRE", "PREA", "RD", "WR", "REF", "REFPB"}) {
      const auto found = channel.counts().find(name);
      table << (found == channel.counts().end() ? 0 : found->second);
    }
    const auto& bus = channel.bus_cycles();
    table << channel.cycles() << bus.data() << bus.no_requests() << bus.refresh() << bus.row()
          << bus.turnaround() << bus.group_spacing() << bus.arbitration()
          << channel.read_latency_cycles().mean() << channel.read_latency_cycles().p99()
          << channel.energy_pj().total();
  }
  return table.text();
}

/// Busy cycles of every channel's data bus, window by window; both in the channel's own clock.
std::string bandwidth_table(const proto::Result& result) {
  CsvWriter table({"channel", "begin_ns", "window_cycles", "busy_cycles", "bandwidth_fraction"});
  int number = 0;
  for (const auto& channel : result.dram_channels()) {
    const auto& series = channel.bandwidth_series();
    for (int i = 0; i < series.busy_cycles_size(); ++i) {
      const auto begin = static_cast<std::uint64_t>(i) * series.window_cycles();
      table.row() << number << static_cast<double>(begin * channel.clock_ps()) * 1e-3
                  << series.window_cycles() << series.busy_cycles(i)
                  << static_cast<double>(series.busy_cycles(i)) /
                         static_cast<double>(series.window_cycles());
    }
    ++number;
  }
  return table.text();
}

std::string shared_buffers_table(const proto::Result& result) {
  CsvWriter table(
      {"buffer", "read_bytes", "written_bytes", "utilisation", "bytes", "peak_held_bytes"});
  for (const auto& buffer : result.shared_buffers())
    table.row() << buffer.name() << buffer.read_bytes() << buffer.written_bytes()
                << buffer.utilisation() << buffer.bytes() << buffer.peak_held_bytes();
  return table.text();
}

}  // namespace

void add_tables(OutputDirectory& out, const Machine& machine, const proto::Result& result) {
  out.add("layers.csv", layers_table(result));
  out.add("tiles.csv", tiles_table(machine));
  out.add("links.csv", links_table(machine, result.cycles()));
  out.add("channels.csv", channels_table(result));
  out.add("bandwidth.csv", bandwidth_table(result));
  if (result.shared_buffers_size() > 0) out.add("shared_buffers.csv", shared_buffers_table(result));
  const auto& network = machine.network();
  if (network.config().bin_cycles != 0)
    out.add("link_series.csv", network.time_series().to_csv(network.stats()));
}

}  // namespace tessera::sim
