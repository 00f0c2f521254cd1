#include "sim/results/history.h"

#include <algorithm>
#include <bit>

#include "noc/topology/description.h"

namespace tessera::sim {

namespace {

constexpr std::size_t kFewestBins = 64;
constexpr std::size_t kMostBins = 128;
/// Cells of one table in the file.
constexpr std::size_t kCells = 131072;

/// A sample of a large network costs more: it begins with longer bins.
Cycle first_width(std::size_t tiles) { return tiles <= 64 ? 64 : 512; }

bool busy(hw::Cause cause) {
  using hw::Cause;
  return cause == Cause::kCompute || cause == Cause::kFillDrain || cause == Cause::kDelivery ||
         cause == Cause::kVector || cause == Cause::kControl;
}

/// In the order of ChannelHistory; waiting for requests is the second.
constexpr std::size_t kNoRequests = 1;
std::array<std::uint64_t, 7> causes_of(const dram::BusCycles& bus) {
  return {bus.data,       bus.no_requests,   bus.refresh,    bus.row,
          bus.turnaround, bus.group_spacing, bus.arbitration};
}

template <typename Field>
void fill(Field* field, const std::vector<std::uint64_t>& values) {
  field->Add(values.begin(), values.end());
}

}  // namespace

std::size_t History::bins_for(std::size_t rows) {
  const std::size_t fitting =
      std::bit_floor(std::max<std::size_t>(1, kCells / std::max<std::size_t>(1, rows)));
  return std::clamp(fitting, kFewestBins, kMostBins);
}

History::History(const hw::Accelerator& accelerator)
    : History(Counts{static_cast<std::size_t>(accelerator.tiles()),
                     noc::build_topology(accelerator.network).links().size(),
                     accelerator.dram.size(), accelerator.shared_buffers.size()}) {}

History::History(const Counts& counts)
    : History(counts, bins_for(std::max(counts.tiles, counts.links)), first_width(counts.tiles)) {}

History::History(const Counts& counts, std::size_t bins, Cycle width)
    : causes_(hw::kCauses, bins, width),
      busy_(counts.tiles, bins, width),
      flits_(counts.links, bins, width),
      queued_(counts.links, bins, width),
      bus_(counts.channels * kBusCauses, bins, width),
      stages_(counts.tiles, bins, width),
      tiles_held_(counts.tiles, bins, width),
      shared_held_(counts.shared_buffers, bins, width),
      links_(counts.links),
      buses_(counts.channels),
      bus_known_(counts.channels, 0),
      next_sample_(flits_.width()) {}

void History::spent(mapping::TileId tile, int stage, hw::Cause cause, Cycle begin, Cycle end) {
  causes_.add(static_cast<std::size_t>(cause), begin, end, end - begin);
  if (busy(cause)) busy_.add(static_cast<std::size_t>(tile), begin, end, end - begin);
  if (stage >= 0 && cause != hw::Cause::kIdle)
    stages_.add(static_cast<std::size_t>(tile), stage, begin, end);
}

void History::occupancy(mapping::TileId tile, Cycle now, Bytes bytes) {
  tiles_held_.change(static_cast<std::size_t>(tile), now, bytes);
}

void History::shared_occupancy(std::size_t buffer, Cycle now, Bytes bytes) {
  shared_held_.change(buffer, now, bytes);
}

void History::Holdings::change(std::size_t memory, Cycle at, Bytes bytes) {
  auto& held = now[memory];
  byte_cycles.add(memory, held.since, at, held.bytes * (at - held.since));
  held = {at, bytes};
}

void History::Holdings::finish(Cycle end) {
  for (std::size_t memory = 0; memory < now.size(); ++memory) change(memory, end, 0);
  byte_cycles.reach(end);
}

void History::sampled(const Sample& sample) {
  sample_links(sample);
  for (std::size_t channel = 0; channel < sample.dram.size(); ++channel)
    sample_bus(channel, *sample.dram[channel], sample.cycle, sample.last);
  last_sample_ = sample.cycle;
  next_sample_ = (sample.cycle / flits_.width() + 1) * flits_.width();
}

/// Samples come at bin ends, so that a difference belongs to one bin.
void History::sample_links(const Sample& sample) {
  if (sample.cycle == last_sample_) return;
  flits_.reach(sample.cycle);
  for (std::size_t link = 0; link < links_.size(); ++link) {
    const auto& wire = sample.network.wires[link];
    const LinkTotals total{wire.flits(), wire.occupancy_flit_cycles()};
    flits_.add(link, last_sample_, sample.cycle, total.flits - links_[link].flits);
    queued_.add(link, last_sample_, sample.cycle, total.queued - links_[link].queued);
    links_[link] = total;
  }
}

void History::sample_bus(std::size_t channel, const hw::DramInterface& interface, Cycle end,
                         bool last) {
  const auto& bus = interface.channel().stats().bus;
  const auto& clocks = interface.clocks();
  auto causes = causes_of(bus);
  Cycle known = std::min(clocks.chip_cycle(bus.total()), end);
  if (last) {
    causes[kNoRequests] += clocks.dram_cycle(end) - std::min(clocks.dram_cycle(end), bus.total());
    known = end;
  }
  BusCauses change;
  std::uint64_t all = 0;
  for (std::size_t i = 0; i < kBusCauses; ++i) all += change[i] = causes[i] - buses_[channel][i];
  if (all == 0) return;
  buses_[channel] = causes;
  const Cycle begin = std::min(bus_known_[channel], known);
  const Cycle waited = (known - begin) * change[kNoRequests] / all;
  for (std::size_t i = 0; i < kBusCauses; ++i)
    bus_.add(channel * kBusCauses + i, i == kNoRequests ? begin : begin + waited,
             i == kNoRequests ? begin + waited : known, change[i]);
  bus_known_[channel] = known;
}

void History::finished(Cycle end) {
  cycles_ = end;
  tiles_held_.finish(end);
  shared_held_.finish(end);
  for (auto* bins : {&causes_, &busy_, &flits_, &queued_, &bus_}) bins->reach(end);
  stages_.reach(end);
}

proto::TileHistory History::tile_message(const Machine& machine, std::size_t tile,
                                         std::size_t bins) const {
  proto::TileHistory message;
  fill(message.mutable_busy_cycles(), busy_.row(tile, bins));
  fill(message.mutable_held_byte_cycles(), tiles_held_.byte_cycles.row(tile, bins));
  for (std::size_t bin = 0; bin < bins; ++bin) message.add_layer(stages_.stage(tile, bin));
  message.set_router(machine.topology().nodes()[tile].router);
  return message;
}

proto::ChannelHistory History::channel_message(const Machine& machine, std::size_t channel,
                                               std::size_t bins) const {
  proto::ChannelHistory message;
  const std::array fields = {message.mutable_data(),       message.mutable_no_requests(),
                             message.mutable_refresh(),    message.mutable_row(),
                             message.mutable_turnaround(), message.mutable_group_spacing(),
                             message.mutable_arbitration()};
  for (std::size_t i = 0; i < kBusCauses; ++i)
    fill(fields[i], bus_.row(channel * kBusCauses + i, bins));
  message.set_router(machine.topology().nodes()[machine.tiles().size() + channel].router);
  return message;
}

proto::History History::message(const Machine& machine) const {
  proto::History history;
  const std::size_t bins = causes_.used(cycles_);
  history.set_cycles(cycles_);
  history.set_bin_cycles(causes_.width());
  if (const auto& grid = machine.topology().grid()) {
    history.set_router_columns(grid->columns);
    history.set_router_rows(grid->rows);
  }
  for (std::size_t link = 0; link < links_.size(); ++link) {
    auto& message = *history.add_links();
    message.set_from(machine.topology().links()[link].from);
    message.set_to(machine.topology().links()[link].to);
    fill(message.mutable_flits(), flits_.row(link, bins));
    fill(message.mutable_queued_flit_cycles(), queued_.row(link, bins));
  }
  for (std::size_t channel = 0; channel < buses_.size(); ++channel)
    *history.add_channels() = channel_message(machine, channel, bins);
  for (std::size_t tile = 0; tile < tiles_held_.now.size(); ++tile)
    *history.add_tiles() = tile_message(machine, tile, bins);
  for (std::size_t buffer = 0; buffer < shared_held_.now.size(); ++buffer)
    fill(history.add_shared_buffers()->mutable_held_byte_cycles(),
         shared_held_.byte_cycles.row(buffer, bins));
  for (int cause = 0; cause < hw::kCauses; ++cause) {
    auto& message = *history.add_cycle_stack();
    message.set_cause(std::string(hw::kCauseNames[cause]));
    fill(message.mutable_tile_cycles(), causes_.row(static_cast<std::size_t>(cause), bins));
  }
  return history;
}

}  // namespace tessera::sim
