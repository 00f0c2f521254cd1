#include "noc/study/link_table.h"

#include "sim/base/csv.h"

namespace tessera::noc {

namespace {

double per_cycle(std::uint64_t count, Cycle cycles) {
  return cycles == 0 ? 0.0 : static_cast<double>(count) / static_cast<double>(cycles);
}

}  // namespace

std::string links_csv(const NetworkStats& stats) {
  CsvWriter csv({"wire", "kind", "from", "to", "flits", "utilisation", "packets",
                 "credit_stall_cycles", "switch_losses", "vc_losses", "vc_wait_cycles",
                 "mean_occupancy_flits"});
  for (std::size_t i = 0; i < stats.wires.size(); ++i) {
    const WireStats& wire = stats.wires[i];
    csv.row() << i << kind_name(wire) << from_of(wire) << to_of(wire) << wire.flits()
              << per_cycle(wire.busy_cycles(), stats.cycle) << wire.packets
              << wire.credit_stall_cycles() << wire.switch_losses() << wire.vc_losses
              << wire.vc_wait_cycles << per_cycle(wire.occupancy_flit_cycles(), stats.cycle);
  }
  return csv.text();
}

std::string channels_csv(const NetworkStats& stats) {
  CsvWriter csv({"wire", "kind", "from", "to", "vc", "flits", "credit_stall_cycles",
                 "switch_losses", "mean_occupancy_flits"});
  for (std::size_t i = 0; i < stats.wires.size(); ++i) {
    const WireStats& wire = stats.wires[i];
    for (std::size_t vc = 0; vc < wire.channels.size(); ++vc) {
      const ChannelStats& channel = wire.channels[vc];
      csv.row() << i << kind_name(wire) << from_of(wire) << to_of(wire) << vc << channel.flits
                << channel.credit_stall_cycles << channel.switch_losses
                << per_cycle(channel.occupancy_flit_cycles, stats.cycle);
    }
  }
  return csv.text();
}

namespace {

std::vector<std::string> with_latencies(std::vector<std::string> columns) {
  for (const char* column :
       {"packets", "mean_latency_cycles", "p50", "p95", "p99", "max", "mean_source_queueing_cycles",
        "mean_zero_load_cycles", "mean_contention_cycles"})
    columns.emplace_back(column);
  return columns;
}

void add_latencies(const LatencyRecord& record, CsvWriter& csv) {
  csv << record.packet.count() << record.packet.mean() << record.packet.percentile(0.5)
      << record.packet.percentile(0.95) << record.packet.percentile(0.99) << record.packet.max()
      << record.mean_of(record.queueing) << record.mean_of(record.zero_load)
      << record.mean_of(record.contention);
}

}  // namespace

std::string histogram_csv(const LatencyByClass& classes, const NetworkConfig& config) {
  CsvWriter csv({"virtual_network", "latency_cycles", "packets"});
  for (const auto& [network, record] : classes) {
    const auto& bins = record.packet.bins();
    for (std::size_t value = 0; value < bins.size(); ++value)
      if (bins[value] != 0)
        csv.row() << config.virtual_networks[network].name << value << bins[value];
  }
  return csv.text();
}

std::string classes_csv(const LatencyByClass& classes, const NetworkConfig& config) {
  CsvWriter csv(with_latencies({"virtual_network"}));
  for (const auto& [network, record] : classes)
    add_latencies(record, csv.row() << config.virtual_networks[network].name);
  return csv.text();
}

std::string flows_csv(const std::map<std::pair<NodeId, NodeId>, LatencyRecord>& flows) {
  CsvWriter csv(with_latencies({"source", "destination"}));
  for (const auto& [flow, record] : flows)
    add_latencies(record, csv.row() << flow.first << flow.second);
  return csv.text();
}

}  // namespace tessera::noc
