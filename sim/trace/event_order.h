// Brings events into the order of a trace, which does not depend on the order of calls in a
// simulation.
#pragma once

#include <queue>
#include <vector>

#include "sim/trace/event.h"

namespace tessera::sim {

/// Holds the events of the present cycle and those known in advance, and passes on everything
/// earlier. What is held is bounded by what a machine can know in advance: an instruction or two
/// per tile.
class EventOrder {
 public:
  explicit EventOrder(EventSink& sink) : sink_(sink) {}

  /// `now` never decreases. An event of an earlier cycle stands where it became known.
  void add(Cycle now, const TraceEvent& event) {
    if (now > now_) advance(now);
    if (event.cycle > now_)
      later_.push(event);
    else
      present_.push_back(event);
  }
  /// Passes on all that is held.
  void finish() { advance(kNever); }

 private:
  struct Later {
    bool operator()(const TraceEvent& a, const TraceEvent& b) const {
      return a.cycle != b.cycle ? a.cycle > b.cycle : a > b;
    }
  };

  void advance(Cycle now);

  EventSink& sink_;
  Cycle now_ = 0;
  std::vector<TraceEvent> present_;
  std::priority_queue<TraceEvent, std::vector<TraceEvent>, Later> later_;
};

}  // namespace tessera::sim
