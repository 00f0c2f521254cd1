#include "hw_models/dram/channel_statistics.h"

#include <algorithm>

#include "hw_models/dram/bits.h"

namespace tessera::dram {

void BandwidthSeries::add(DramCycle end, std::uint32_t count) {
  const DramCycle last = end - 1;
  while (last / window_ >= kMaxWindows) widen();
  const auto index = static_cast<std::size_t>(last / window_);
  if (index >= busy_.size()) busy_.resize(index + 1);
  busy_[index] += count;
}

void BandwidthSeries::widen() {
  window_ *= 2;
  for (std::size_t i = 0; i < busy_.size(); ++i) {
    if (i % 2 == 0)
      busy_[i / 2] = busy_[i];
    else
      busy_[i / 2] += busy_[i];
  }
  busy_.resize((busy_.size() + 1) / 2);
}

double ChannelStats::row_hit_rate() const {
  if (bursts() == 0) return 0;
  return 1.0 - static_cast<double>(count(CommandKind::kActivate)) / static_cast<double>(bursts());
}

DramCycle ChannelStats::row_open_until(std::uint32_t rank, DramCycle end) const {
  const DramCycle since = row_open_since[rank];
  return row_open_cycles[rank] + (since != kNever && since < end ? end - since : 0);
}

StatisticsCollector::StatisticsCollector(const Device& device)
    : timing_(device.timing), refreshes_(device.geometry.banks()) {
  stats_.banks.resize(device.geometry.banks());
  stats_.row_open_cycles.resize(device.geometry.ranks);
  stats_.row_open_since.resize(device.geometry.ranks, kNever);
}

void StatisticsCollector::accepted(DramCycle now, PendingRequest& request, bool was_idle) {
  ++stats_.accepted[request.is_write];
  request.refresh_before = refresh_elapsed(request.at.bank_index, now);
  if (was_idle) busy_since_ = now;
}

void StatisticsCollector::row_command(CommandKind kind, std::uint32_t bank) {
  ++stats_.commands[static_cast<int>(kind)];
  BankStats& counts = stats_.banks[bank];
  if (kind == CommandKind::kActivate) ++counts.activations;
  if (kind == CommandKind::kPrecharge) ++counts.precharges;
}

void StatisticsCollector::rows_open(DramCycle now, std::uint32_t rank, bool any_open) {
  DramCycle& since = stats_.row_open_since[rank];
  if (any_open && since == kNever) since = now;
  if (!any_open && since != kNever) {
    stats_.row_open_cycles[rank] += now - since;
    since = kNever;
  }
}

void StatisticsCollector::refresh_begins(DramCycle now, std::uint64_t banks) {
  for_each_bit(banks, [&](std::uint32_t bank) {
    RefreshLog& log = refreshes_[bank];
    log.before += log.until - log.from;
    log.from = now;
    log.until = kNever;
  });
}

void StatisticsCollector::refresh_ends(DramCycle end, std::uint64_t banks) {
  for_each_bit(banks, [&](std::uint32_t bank) { refreshes_[bank].until = end; });
}

StatisticsCollector::Signed StatisticsCollector::refresh_overlap(std::uint32_t bank, Signed from,
                                                                 Signed to) const {
  const RefreshLog& log = refreshes_[bank];
  const Signed begin = std::max(from, static_cast<Signed>(log.from));
  const Signed end = log.until == kNever ? to : std::min(to, static_cast<Signed>(log.until));
  return std::max<Signed>(0, end - begin);
}

DramCycle StatisticsCollector::refresh_elapsed(std::uint32_t bank, DramCycle now) const {
  const RefreshLog& log = refreshes_[bank];
  return log.before + (now <= log.from ? 0 : std::min(now, log.until) - log.from);
}

void StatisticsCollector::column_command(DramCycle now, const PendingRequest& request,
                                         const BankTimers& timers) {
  const bool is_write = request.is_write;
  const std::uint32_t latency = is_write ? timing_.write_latency() : timing_.read_latency();
  const DramCycle data_end = now + latency;
  ++stats_.commands[static_cast<int>(is_write ? CommandKind::kWrite : CommandKind::kRead)];
  BankStats& bank = stats_.banks[request.at.bank_index];
  ++(is_write ? bank.writes : bank.reads);

  // The command that would have kept the bus busy; negative before the first burst of a run.
  const Signed no_gap =
      static_cast<Signed>(stats_.last_data_end) - static_cast<Signed>(latency - timing_.burst);
  if (static_cast<Signed>(now) > no_gap) explain_gap(now, request, timers, no_gap);
  stats_.bus.data += timing_.burst;
  stats_.series.add(data_end, timing_.burst);
  stats_.last_data_end = data_end;
  split_latency(now, request, timers, data_end);
}

void StatisticsCollector::explain_gap(DramCycle now, const PendingRequest& request,
                                      const BankTimers& timers, Signed from) {
  const std::uint32_t bank = request.at.bank_index;
  const bool w = request.is_write;
  const auto end = static_cast<Signed>(now);
  BusCycles& bus = stats_.bus;
  const Signed busy = std::clamp(static_cast<Signed>(busy_since_), from, end);
  bus.no_requests += static_cast<std::uint64_t>(busy - from);
  bus.refresh += static_cast<std::uint64_t>(refresh_overlap(bank, busy, end));

  Signed cursor = busy;
  const auto charge = [&](std::uint64_t& cause, Signed limit) {
    const Signed stop = std::min(limit, end);
    if (stop <= cursor) return;
    cause += static_cast<std::uint64_t>(stop - cursor - refresh_overlap(bank, cursor, stop));
    cursor = stop;
  };
  charge(bus.row, static_cast<Signed>(timers.column_ready_in_bank(bank, w)));
  charge(bus.turnaround, static_cast<Signed>(timers.column_ready_in_rank(bank, w)));
  charge(bus.group_spacing, static_cast<Signed>(timers.column_ready_in_group(bank, w)));
  charge(bus.arbitration, end);
}

void StatisticsCollector::split_latency(DramCycle now, const PendingRequest& request,
                                        const BankTimers& timers, DramCycle data_end) {
  const bool w = request.is_write;
  stats_.latency[w].add(data_end - request.accepted);
  LatencySplit& split = stats_.latency_split[w];
  const DramCycle waited = now - request.accepted;
  const DramCycle refresh =
      std::min(waited, refresh_elapsed(request.at.bank_index, now) - request.refresh_before);
  DramCycle row = 0;
  if (request.first_command != kNever) {
    const DramCycle open = std::min(now, timers.column_ready_in_bank(request.at.bank_index, w));
    row =
        std::min(waited - refresh, open > request.first_command ? open - request.first_command : 0);
  }
  split.refresh += refresh;
  split.row += row;
  split.queueing += waited - refresh - row;
  split.bus += data_end - now;
}

}  // namespace tessera::dram
