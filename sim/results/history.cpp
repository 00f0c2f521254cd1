#include "sim/results/history.h"

#include <algorithm>
#include <bit>

#include "noc/topology/description.h"

namespace tessera::sim {

namespace {

constexpr std::size_t kFewestBins = 32;
constexpr std::size_t kMostBins = 128;
/// Cells of one table in the file.
constexpr std::size_t kCells = 131072;

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
    : History(static_cast<std::size_t>(accelerator.tiles()),
              noc::build_topology(accelerator.network).links().size(), accelerator.dram.size()) {}

History::History(std::size_t tiles, std::size_t links, std::size_t channels)
    : History(tiles, links, channels, bins_for(std::max(tiles, links))) {}

History::History(std::size_t tiles, std::size_t links, std::size_t channels, std::size_t bins)
    : causes_(hw::kCauses, bins),
      busy_(tiles, bins),
      held_(tiles, bins),
      flits_(links, bins),
      queued_(links, bins),
      bus_(channels * kBusCauses, bins),
      stages_(tiles, bins),
      now_held_(tiles),
      links_(links),
      buses_(channels),
      bus_known_(channels, 0),
      next_sample_(flits_.width()) {}

void History::spent(mapping::TileId tile, int stage, hw::Cause cause, Cycle begin, Cycle end) {
  causes_.add(static_cast<std::size_t>(cause), begin, end, end - begin);
  if (busy(cause)) busy_.add(static_cast<std::size_t>(tile), begin, end, end - begin);
  if (stage >= 0 && cause != hw::Cause::kIdle)
    stages_.add(static_cast<std::size_t>(tile), stage, begin, end);
}

void History::occupancy(mapping::TileId tile, Cycle now, Bytes bytes) {
  hold(static_cast<std::size_t>(tile), now);
  now_held_[static_cast<std::size_t>(tile)].bytes = bytes;
}

void History::hold(std::size_t tile, Cycle until) {
  Held& held = now_held_[tile];
  held_.add(tile, held.since, until, held.bytes * (until - held.since));
  held.since = until;
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
  for (std::size_t tile = 0; tile < now_held_.size(); ++tile) hold(tile, end);
  for (auto* bins : {&causes_, &busy_, &held_, &flits_, &queued_, &bus_}) bins->reach(end);
  stages_.reach(end);
}

proto::TileHistory History::tile_message(const Machine& machine, std::size_t tile,
                                         std::size_t bins) const {
  proto::TileHistory message;
  fill(message.mutable_busy_cycles(), busy_.row(tile, bins));
  fill(message.mutable_held_byte_cycles(), held_.row(tile, bins));
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
  for (std::size_t tile = 0; tile < now_held_.size(); ++tile)
    *history.add_tiles() = tile_message(machine, tile, bins);
  for (int cause = 0; cause < hw::kCauses; ++cause) {
    auto& message = *history.add_cycle_stack();
    message.set_cause(std::string(hw::kCauseNames[cause]));
    fill(message.mutable_tile_cycles(), causes_.row(static_cast<std::size_t>(cause), bins));
  }
  return history;
}

}  // namespace tessera::sim
