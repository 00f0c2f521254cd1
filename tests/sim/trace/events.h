// Events made up for tests of trace files and comparisons.
#pragma once

#include <map>
#include <vector>

#include "sim/base/random.h"
#include "sim/trace/event.h"

namespace tessera::test {

/// An endless sequence of events as a machine of `tiles` tiles and four channels might give: in
/// order, with details that follow on each other, now and then with any value at all.
class MadeUpEvents {
 public:
  explicit MadeUpEvents(std::uint64_t seed, std::uint32_t tiles = 256)
      : random_(seed), tiles_(tiles) {}

  sim::TraceEvent next() {
    sim::TraceEvent event;
    place_ += 1 + static_cast<std::uint32_t>(random_.below(tiles_ / 2));
    if (place_ >= tiles_ + kChannels) {
      place_ %= tiles_ + kChannels;
      cycle_ += random_.below(3);
    }
    event.place = place_;
    event.cycle = cycle_;
    event.kind = static_cast<sim::EventKind>(place_ < tiles_ ? random_.below(4) : 4);
    event.code = static_cast<std::uint8_t>(random_.below(7));
    for (int i = 0; i < sim::details_of(event.kind); ++i)
      event.detail[static_cast<std::size_t>(i)] =
          static_cast<std::int64_t>(cycle_ / 16 + random_.below(8));
    if (random_.below(64) == 0) event.detail[0] = static_cast<std::int64_t>(random_.next());
    if (event.kind == sim::EventKind::kBegin || event.kind == sim::EventKind::kEnd) pair_up(event);
    return event;
  }

  std::vector<sim::TraceEvent> take(std::size_t count) {
    std::vector<sim::TraceEvent> events;
    while (events.size() < count) events.push_back(next());
    return events;
  }

  static constexpr std::uint32_t kChannels = 4;

 private:
  /// One instruction at a time on every tile, begun before it ends.
  void pair_up(sim::TraceEvent& event) {
    auto& running = running_[event.place];
    const bool ends = running.kind == sim::EventKind::kBegin;
    if (ends) {
      event.code = running.code;
      event.detail = running.detail;
    }
    event.kind = ends ? sim::EventKind::kEnd : sim::EventKind::kBegin;
    running = event;
  }

  Random random_;
  std::uint32_t tiles_;
  std::map<std::uint32_t, sim::TraceEvent> running_;
  std::uint32_t place_ = 0;
  Cycle cycle_ = 0;
};

/// Keeps what it is given.
class Collected final : public sim::EventSink {
 public:
  void add(const sim::TraceEvent& event) override { events.push_back(event); }
  std::vector<sim::TraceEvent> events;
};

/// Gives a list.
class Listed final : public sim::EventSource {
 public:
  explicit Listed(std::vector<sim::TraceEvent> events) : events_(std::move(events)) {}
  bool next(sim::TraceEvent& event) override {
    if (position_ == events_.size()) return false;
    event = events_[position_++];
    return true;
  }

 private:
  std::vector<sim::TraceEvent> events_;
  std::size_t position_ = 0;
};

}  // namespace tessera::test
