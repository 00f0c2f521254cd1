#include "tests/sim/timeline_viewer.h"

#include <algorithm>

namespace tessera::test {

namespace pf = perfetto::proto;

TimelineViewer::TimelineViewer(const pf::Trace& trace) {
  for (const auto& packet : trace.packet()) take(packet);
  std::ranges::stable_sort(events_, {}, [](const auto* packet) { return packet->timestamp(); });
  for (const auto* packet : events_) play(*packet);
  for (const auto& [track, open] : open_) require(open.empty(), "a slice has no end");
  for (const auto& [flow, times] : flows_) {
    require(times.starts == 1 && times.ends == 1, "an arrow has not one start and one end");
    require(times.start <= times.end, "an arrow leads back in time");
  }
}

void TimelineViewer::require(bool holds, const char* fault) {
  if (!holds && faults_.size() < 1000) faults_ += std::string(fault) + "\n";
}

int TimelineViewer::pid_of(std::uint64_t track) const {
  return tracks_.at(tracks_.at(track).parent_uuid()).process().pid();
}

std::map<int, Cycles> TimelineViewer::stacks() const {
  std::map<int, Cycles> stacks;
  for (const auto& slice : slices_)
    if (slice.category == "cause")
      stacks[pid_of(slice.track)][slice.name] += slice.end - slice.begin;
  return stacks;
}

void TimelineViewer::take(const pf::TracePacket& packet) {
  require(packet.unknown_fields().empty(), "a packet has unknown fields");
  require(packet.trusted_packet_sequence_id() == 1, "a packet has no sequence");
  if (packet.has_track_descriptor()) {
    const auto& track = packet.track_descriptor();
    require(!track.has_parent_uuid() || tracks_.contains(track.parent_uuid()),
            "a parent comes after its child");
    require(tracks_.emplace(track.uuid(), track).second, "a track is described twice");
    return;
  }
  require(packet.has_track_event() && packet.has_timestamp(), "a packet holds nothing");
  const auto& event = packet.track_event();
  require(tracks_.contains(event.track_uuid()), "an event is on no track");
  for (const auto& name : packet.interned_data().event_names()) names_[name.iid()] = name.name();
  for (const auto& name : packet.interned_data().event_categories())
    categories_[name.iid()] = name.name();
  if (event.has_name_iid()) {
    require((packet.sequence_flags() & 2) != 0, "a name is used without saying so");
    require(event.name_iid() != 0 && names_.contains(event.name_iid()),
            "a name is used before it is known");
  }
  events_.push_back(&packet);
}

void TimelineViewer::play(const pf::TracePacket& packet) {
  const auto& event = packet.track_event();
  const bool is_counter = tracks_.at(event.track_uuid()).has_counter();
  require(is_counter == (event.type() == pf::TrackEvent::COUNTER),
          "a counter and its events do not match");
  if (event.type() == pf::TrackEvent::SLICE_BEGIN)
    begin(event, packet.timestamp());
  else if (event.type() == pf::TrackEvent::SLICE_END)
    end(event, packet.timestamp());
  else
    counters_[tracks_.at(event.track_uuid()).name()].emplace_back(packet.timestamp(),
                                                                  event.counter_value());
}

void TimelineViewer::begin(const pf::TrackEvent& event, Cycle at) {
  const std::string category =
      event.category_iids_size() > 0 ? categories_[event.category_iids(0)] : "";
  open_[event.track_uuid()].push_back(
      {names_[event.name_iid()], category, event.track_uuid(), at, 0});
  for (const auto flow : event.flow_ids()) {
    ++flows_[flow].starts;
    flows_[flow].start = at;
  }
  for (const auto flow : event.terminating_flow_ids()) {
    ++flows_[flow].ends;
    flows_[flow].end = at;
  }
}

void TimelineViewer::end(const pf::TrackEvent& event, Cycle at) {
  auto& open = open_[event.track_uuid()];
  require(!open.empty(), "an end without a begin");
  if (open.empty()) return;
  open.back().end = at;
  require(open.back().end > open.back().begin, "an empty slice");
  slices_.push_back(open.back());
  open.pop_back();
}

}  // namespace tessera::test
