#include "hw_models/dram/channel_report.h"

#include <algorithm>
#include <cmath>

#include "hw_models/dram/energy.h"
#include "sim/base/error.h"

namespace tessera::dram {

namespace {

void fill_counts(const ChannelStats& stats, proto::Counts& out) {
  out.set_act(stats.count(CommandKind::kActivate));
  out.set_pre(stats.count(CommandKind::kPrecharge));
  out.set_prea(stats.count(CommandKind::kPrechargeAll));
  out.set_rd(stats.count(CommandKind::kRead));
  out.set_wr(stats.count(CommandKind::kWrite));
  out.set_ref(stats.count(CommandKind::kRefresh));
  out.set_refpb(stats.count(CommandKind::kRefreshBank));
}

void fill_latency(const Histogram& latency, proto::Latency& out) {
  out.set_mean(latency.mean());
  out.set_p50(latency_quantile(latency, 0.50));
  out.set_p95(latency_quantile(latency, 0.95));
  out.set_p99(latency_quantile(latency, 0.99));
  out.set_max(latency.max());
}

void fill_split(const LatencySplit& split, std::uint64_t requests, proto::LatencySplit& out) {
  if (requests == 0) return;
  const auto mean = [&](std::uint64_t sum) {
    return static_cast<double>(sum) / static_cast<double>(requests);
  };
  out.set_queueing(mean(split.queueing));
  out.set_refresh(mean(split.refresh));
  out.set_row(mean(split.row));
  out.set_bus(mean(split.bus));
}

void fill_bus(const BusCycles& bus, proto::BusCycles& out) {
  out.set_data(bus.data);
  out.set_no_requests(bus.no_requests);
  out.set_refresh(bus.refresh);
  out.set_row(bus.row);
  out.set_turnaround(bus.turnaround);
  out.set_group_spacing(bus.group_spacing);
  out.set_arbitration(bus.arbitration);
}

void fill_energy(const EnergyBreakdown& energy, proto::Energy& out) {
  out.set_activate(energy.activate);
  out.set_read(energy.read);
  out.set_write(energy.write);
  out.set_refresh(energy.refresh);
  out.set_background(energy.background);
  out.set_pump(energy.pump);
  out.set_io(energy.io);
  out.set_total(energy.total());
}

void fill_banks(const Geometry& geometry, const ChannelStats& stats, proto::DramResult& out) {
  for (std::uint32_t index = 0; index < stats.banks.size(); ++index) {
    const BankStats& counts = stats.banks[index];
    const std::uint32_t in_rank = index % geometry.banks_per_rank();
    proto::Bank& bank = *out.add_banks();
    bank.set_rank(index / geometry.banks_per_rank());
    bank.set_bank_group(in_rank / geometry.banks_per_group);
    bank.set_bank(in_rank % geometry.banks_per_group);
    bank.set_act(counts.activations);
    bank.set_pre(counts.precharges);
    bank.set_rd(counts.reads);
    bank.set_wr(counts.writes);
  }
}

void fill_bandwidth(const Device& device, const ChannelStats& stats, DramCycle end,
                    proto::DramResult& out) {
  if (end == 0) return;
  const auto cycles = static_cast<double>(end);
  out.set_bandwidth_fraction(static_cast<double>(stats.bus.data) / cycles);
  const double bytes = static_cast<double>(stats.bursts()) * device.geometry.burst_bytes;
  out.set_bandwidth_gb_per_s(bytes / (cycles * device.timing.clock_ps * 1e-3));
}

}  // namespace

std::uint64_t latency_quantile(const Histogram& latency, double fraction) {
  if (latency.count() == 0) return 0;
  const auto index = static_cast<std::uint64_t>(
      std::floor(fraction * static_cast<double>(latency.count() - 1) + 0.5));
  std::uint64_t seen = 0;
  for (std::size_t value = 0; value < std::min<std::size_t>(latency.bins().size(), kLatencyLimit);
       ++value) {
    seen += latency.bins()[value];
    if (seen > index) return value;
  }
  return latency.max();
}

proto::DramResult report_of(const Channel& channel) {
  return report_of(channel, channel.stats().last_data_end);
}

proto::DramResult report_of(const Channel& channel, DramCycle end) {
  const Device& device = channel.device();
  const ChannelStats& stats = channel.stats();
  if (end < stats.last_data_end)
    throw InvariantViolation("dram channel", end, "data until cycle ", stats.last_data_end,
                             " lie beyond the end of the report");
  proto::DramResult out;
  out.set_device(device.name);
  out.set_device_source(device.source);
  out.set_mapping(channel.mapping().text());
  out.set_policy(policy_name(channel.policy()));
  out.set_clock_ps(device.timing.clock_ps);
  out.set_requests(stats.accepted[0] + stats.accepted[1]);
  out.set_cycles(end);
  fill_bandwidth(device, stats, end, out);
  out.set_row_hit_rate(stats.row_hit_rate());
  fill_counts(stats, *out.mutable_counts());
  fill_latency(stats.latency[0], *out.mutable_read_latency_cycles());
  fill_latency(stats.latency[1], *out.mutable_write_latency_cycles());
  fill_split(stats.latency_split[0], stats.latency[0].count(),
             *out.mutable_read_latency_split_mean_cycles());
  fill_split(stats.latency_split[1], stats.latency[1].count(),
             *out.mutable_write_latency_split_mean_cycles());
  BusCycles bus = stats.bus;
  bus.no_requests += end - stats.last_data_end;
  fill_bus(bus, *out.mutable_bus_cycles());
  const EnergyBreakdown energy = energy_of(device, stats, end);
  fill_energy(energy, *out.mutable_energy_pj());
  out.set_energy_pj_per_bit(energy_per_bit(device, stats, energy));
  out.set_energy_source(device.currents.source);
  fill_banks(device.geometry, stats, out);
  out.mutable_bandwidth_series()->set_window_cycles(stats.series.window_cycles());
  for (const std::uint64_t busy : stats.series.busy_cycles())
    out.mutable_bandwidth_series()->add_busy_cycles(busy);
  return out;
}

}  // namespace tessera::dram
