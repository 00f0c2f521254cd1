#include "sim/timeline/timeline.h"

#include <algorithm>
#include <bit>

#include "noc/topology/description.h"
#include "sim/base/error.h"

namespace tessera::sim {

using hw::MessageKind;

namespace {

/// Between counter values of links and DRAM, and the share of the time shown so far that they are
/// apart: a long run has coarser ones, so that they do not fill the file.
constexpr Cycle kSampleCycles = 512;
constexpr Cycle kSamplesPerDoubling = 512;

/// Order of the tracks below a channel, the network, and links below their tile's tracks.
enum Rank { kReadRank = 1, kWriteRank, kBandwidthRank, kMeanRank = 1, kMaxRank, kLinkRank = 10 };

Cycle next_multiple(Cycle cycle, Cycle unit) { return (cycle / unit + 1) * unit; }

std::int64_t percent(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<std::int64_t>((200 * part / whole + 1) / 2);
}

}  // namespace

Timeline::Timeline(const hw::Accelerator& accelerator, const mapping::Program& program,
                   TimelineOptions options)
    : accelerator_(accelerator),
      program_(program),
      window_(options.window),
      file_(std::move(options.file)),
      tracks_(static_cast<std::size_t>(accelerator.tiles())) {
  for (const auto tile : options.tiles) {
    const auto at = accelerator.coordinate(tile);
    const auto name =
        detail::concatenate("tile ", tile, " (row ", at.row, ", column ", at.column, ")");
    tracks_[static_cast<std::size_t>(tile)] =
        std::make_unique<TileTracks>(file_, window_, program, tile + 1, name);
  }
  add_channels();
  add_shared_buffers();
  add_network();
  next_sample_ = window_.from > 0 ? window_.from : kSampleCycles;
}

Timeline::~Timeline() = default;

void Timeline::add_channels() {
  channels_.resize(accelerator_.dram.size());
  for (std::size_t i = 0; i < channels_.size(); ++i) {
    auto& channel = channels_[i];
    channel.process = file_.add_process(accelerator_.tiles() + 2 + static_cast<int>(i),
                                        "DRAM channel " + std::to_string(i));
    channel.reads = Lanes(file_, channel.process, "read", kReadRank);
    channel.writes = Lanes(file_, channel.process, "write", kWriteRank);
    channel.bandwidth =
        file_.add_counter(channel.process, "bandwidth", "% of peak", kBandwidthRank);
  }
}

void Timeline::add_shared_buffers() {
  for (std::size_t i = 0; i < accelerator_.shared_buffers.size(); ++i) {
    const auto pid = accelerator_.tiles() + 2 + static_cast<int>(channels_.size() + i);
    const Track process = file_.add_process(pid, "shared buffer " + std::to_string(i));
    shared_.push_back(
        {Lanes(file_, process, "read", kReadRank), Lanes(file_, process, "write", kWriteRank)});
  }
}

void Timeline::add_network() {
  const Track process = file_.add_process(accelerator_.tiles() + 1, "network (1 ns = 1 cycle)");
  mean_utilisation_ = file_.add_counter(process, "link utilisation, mean", "%", kMeanRank);
  max_utilisation_ = file_.add_counter(process, "link utilisation, busiest", "%", kMaxRank);
  const auto topology = noc::build_topology(accelerator_.network);
  busy_.resize(topology.links().size());
  passed_.resize(topology.links().size());
  for (std::size_t node = 0; node < tracks_.size(); ++node) {
    if (tracks_[node] == nullptr) continue;
    for (const auto link : topology.outgoing(topology.nodes()[node].router)) {
      const auto name = detail::concatenate("link to router ", topology.links()[link].to);
      links_.push_back(
          {link, file_.add_counter(tracks_[node]->process(), name, "%", kLinkRank), -1});
    }
  }
}

const std::string& Timeline::stage_name(int stage) const {
  return program_.stages[static_cast<std::size_t>(stage)].name;
}

std::string Timeline::node_name(hw::NodeId node) const {
  if (is_tile(node)) return "tile " + std::to_string(node);
  const auto memory = node - tracks_.size();
  return is_channel(node) ? "DRAM channel " + std::to_string(memory)
                          : "shared buffer " + std::to_string(memory - channels_.size());
}

void Timeline::instruction_began(const hw::InstructionEvent& event) {
  if (auto* tracks = tile(event.tile)) tracks->began(event);
}

void Timeline::instruction_ended(const hw::InstructionEvent& event) {
  if (auto* tracks = tile(event.tile)) tracks->ended(event);
}

void Timeline::spent(mapping::TileId id, int, hw::Cause cause, Cycle begin, Cycle end) {
  if (auto* tracks = tile(id)) tracks->spent(cause, begin, end);
}

void Timeline::occupancy(mapping::TileId id, Cycle now, Bytes bytes) {
  if (auto* tracks = tile(id)) tracks->occupancy(now, bytes);
}

/// A write's order does not name its source: those of which data have arrived are known by their
/// sender.
bool Timeline::concerns_selection(const hw::OrderEvent& event) const {
  if (event.is_write) return channels_[event.channel].incoming.contains(event.order);
  return any_selected(event.order->destinations);
}

bool Timeline::any_selected(std::span<const hw::NodeId> nodes) const {
  return std::ranges::any_of(
      nodes, [&](hw::NodeId node) { return is_tile(node) && tracks_[node] != nullptr; });
}

void Timeline::order_began(const hw::OrderEvent& event) {
  if (!concerns_selection(event)) return;
  auto& channel = channels_[event.channel];
  auto sending = std::make_shared<Sending>();
  sending->lanes = event.is_write ? &channel.writes : &channel.reads;
  sending->lane = sending->lanes->open(event.cycle);
  const auto& granule = event.order->granule;
  sending->slice = {
      stage_name(granule.stage), kDataCategory, event.cycle, event.cycle, granule.sequence, {}, {}};
  channel.open[event.number] = sending;
  if (!event.is_write) {
    channel.sending[event.order] = sending;
    return;
  }
  const SendingPtr from = channel.incoming.extract(event.order).mapped();
  add_arrow(*from, event.cycle, sending->slice.ends);
  --from->arrows;
  settle(from);
}

void Timeline::order_ended(const hw::OrderEvent& event) {
  const auto entry = channels_[event.channel].open.extract(event.number);
  if (!entry.empty()) end(entry.mapped(), event.cycle);
}

void Timeline::packet_sent(const PacketEvent& event) {
  const auto& message = *event.message;
  if (message.kind != MessageKind::kData && message.kind != MessageKind::kWriteData) return;
  if (is_channel(message.source))
    send_read_data(event);
  else
    send_from_buffer(event);
}

void Timeline::send_read_data(const PacketEvent& event) {
  if (!event.message->last) return;
  const auto entry = channel_at(event.message->source).sending.extract(event.message->order.get());
  if (entry.empty()) return;
  entry.mapped()->arrows = event.destinations.size();
  flying_[event.id] = {entry.mapped(), event.destinations.size()};
}

/// Where data of a tile or of a shared buffer are shown on their way out; nullptr when they are
/// not.
Lanes* Timeline::lanes_of_sender(const PacketEvent& event) {
  const auto source = event.message->source;
  if (is_tile(source)) return tracks_[source] != nullptr ? &tracks_[source]->sends() : nullptr;
  return any_selected(event.destinations) ? &shared_at(source).sends : nullptr;
}

void Timeline::send_from_buffer(const PacketEvent& event) {
  const auto& message = *event.message;
  Lanes* lanes = lanes_of_sender(event);
  if (lanes == nullptr) return;
  const std::pair key{message.source, message.ticket};
  auto& sending = leaving_[key];
  if (sending == nullptr) {
    sending = std::make_shared<Sending>();
    sending->lanes = lanes;
    sending->lane = lanes->open(event.cycle);
    const auto& granule = message.order != nullptr ? message.order->granule : message.granule;
    sending->slice = {stage_name(granule.stage),
                      kDataCategory,
                      event.cycle,
                      event.cycle,
                      granule.sequence,
                      {},
                      {}};
  }
  ++sending->packets;
  packets_[event.id] = {sending, event.copies};
  if (!message.last) return;
  sending->last_sent = true;
  sending->arrows = event.destinations.size();
  flying_[event.id] = {sending, event.destinations.size()};
  leaving_.erase(key);
}

void Timeline::packet_left(std::uint64_t id, hw::NodeId, Cycle cycle) {
  const auto found = packets_.find(id);
  if (found == packets_.end() || --found->second.copies > 0) return;
  const SendingPtr sending = found->second.sending;
  packets_.erase(found);
  if (--sending->packets == 0 && sending->last_sent) end(sending, cycle);
}

/// Whose data this is the last packet of; nullptr when it is not, or of nobody selected.
Timeline::SendingPtr Timeline::take_flying(const PacketEvent& event) {
  const auto found = flying_.find(event.id);
  if (found == flying_.end()) return nullptr;
  const SendingPtr sending = found->second.sending;
  if (--found->second.destinations == 0) flying_.erase(found);
  return sending;
}

void Timeline::packet_arrived(const PacketEvent& event) {
  const SendingPtr from = take_flying(event);
  const auto& message = *event.message;
  const auto destination = event.destinations.front();
  if (message.kind == MessageKind::kWriteData) {
    if (from == nullptr) return;
    if (!is_channel(destination)) return write_to_shared(event, from);
    channel_at(destination).incoming[message.order.get()] = from;
    return;
  }
  if (message.kind == MessageKind::kData && message.last) arrive_at_tile(event, from.get());
  if (from == nullptr) return;
  --from->arrows;
  settle(from);
}

/// A shared buffer takes data in as they come: the last packet of a write is shown.
void Timeline::write_to_shared(const PacketEvent& event, const SendingPtr& from) {
  const auto& granule = event.message->order->granule;
  Slice slice{stage_name(granule.stage),
              kDataCategory,
              event.cycle,
              event.cycle + 1,
              granule.sequence,
              {},
              {}};
  add_arrow(*from, event.cycle, slice.ends);
  auto& writes = shared_at(event.destinations.front()).writes;
  const auto lane = writes.open(slice.begin);
  writes.close(lane, slice.end);
  if (cut(window_, slice)) file_.slice(writes.track(lane), slice);
  --from->arrows;
  settle(from);
}

void Timeline::arrive_at_tile(const PacketEvent& event, Sending* from) {
  auto* tracks = tile(static_cast<mapping::TileId>(event.destinations.front()));
  if (tracks == nullptr) return;
  Slice arrival{"from " + node_name(event.message->source),
                kDataCategory,
                event.cycle,
                event.cycle + 1,
                -1,
                {},
                {}};
  if (from != nullptr) add_arrow(*from, event.cycle, arrival.ends);
  const auto& granule = event.message->granule;
  tracks->arrived(granule.stage, granule.slot, granule.sequence, std::move(arrival));
}

/// Only where both slices will be written. Data that have not left when a copy of them arrives
/// leave later.
void Timeline::add_arrow(Sending& from, Cycle arrival, std::vector<FlowId>& ends) {
  if (arrival < window_.from || arrival >= window_.to) return;
  if (!window_.overlaps(from.slice.begin, from.ended ? from.slice.end : arrival)) return;
  from.slice.starts.push_back(++last_flow_);
  ends.push_back(last_flow_);
}

void Timeline::end(const SendingPtr& sending, Cycle cycle) {
  sending->slice.end = cycle;
  sending->ended = true;
  sending->lanes->close(sending->lane, cycle);
  settle(sending);
}

/// Writes a slice when it has ended and all arrows from it are known.
void Timeline::settle(const SendingPtr& sending) {
  if (!sending->ended || sending->arrows > 0) return;
  Slice& slice = sending->slice;
  if (slice.end > slice.begin && cut(window_, slice))
    file_.slice(sending->lanes->track(sending->lane), slice);
}

Cycle Timeline::interval() const {
  const Cycle shown = last_sample_ - std::min(last_sample_, window_.from);
  return std::max(kSampleCycles, std::bit_floor(shown / kSamplesPerDoubling));
}

/// A counter's value holds from its time on, so what an interval saw is written at its begin.
void Timeline::sampled(const Sample& sample) {
  if (sample.cycle > last_sample_) {
    const bool shown = last_sample_ >= window_.from && last_sample_ < window_.to;
    tell_links(sample, shown);
    for (std::size_t i = 0; i < channels_.size(); ++i)
      tell_bandwidth(channels_[i], *sample.dram[i], sample.cycle, shown);
  }
  last_sample_ = sample.cycle;
  next_sample_ = sample.cycle >= window_.to ? kNever : next_multiple(sample.cycle, interval());
}

/// Flits count when they set out; what a narrow link carries past the interval is cut.
void Timeline::tell_links(const Sample& sample, bool shown) {
  const Cycle interval = sample.cycle - last_sample_;
  std::uint64_t sum = 0, most = 0;
  for (std::size_t link = 0; link < busy_.size(); ++link) {
    const auto busy = sample.network.wires[link].busy_cycles();
    passed_[link] = std::min<std::uint64_t>(interval, busy - busy_[link]);
    busy_[link] = busy;
    sum += passed_[link];
    most = std::max(most, passed_[link]);
  }
  if (!shown) return;
  file_.counter(mean_utilisation_, last_sample_,
                percent(sum, interval * std::max<std::size_t>(1, busy_.size())));
  file_.counter(max_utilisation_, last_sample_, percent(most, interval));
  for (auto& counter : links_) {
    const auto value = percent(passed_[counter.link], interval);
    if (value != counter.told) file_.counter(counter.track, last_sample_, value);
    counter.told = value;
  }
}

/// Bursts count when their command goes out, a little before their data; more than all of an
/// interval is cut.
void Timeline::tell_bandwidth(Channel& channel, const hw::DramInterface& interface, Cycle now,
                              bool shown) {
  const auto data = interface.channel().stats().bus.data;
  const auto clock = interface.clocks().dram_cycle(now);
  if (shown)
    file_.counter(channel.bandwidth, last_sample_,
                  std::min<std::int64_t>(100, percent(data - channel.data, clock - channel.clock)));
  channel.data = data;
  channel.clock = clock;
}

void Timeline::finished(Cycle) {
  for (const auto& tracks : tracks_)
    if (tracks != nullptr) tracks->finish();
}

}  // namespace tessera::sim
