// Finds where two traces part.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "sim/trace/event.h"

namespace tessera::sim {

/// Where two traces part and what stands around it at that place, each event list oldest first.
struct Divergence {
  std::uint64_t position = 0;  ///< events that both have before
  Cycle cycle = 0;
  std::uint32_t place = 0;
  TraceEvent event;                         ///< earliest that only one side has
  bool only_found = false;                  ///< that side
  std::vector<TraceEvent> before;           ///< last events that both sides have
  std::vector<TraceEvent> unfinished;       ///< instructions that have begun there and not ended
  std::vector<TraceEvent> recorded, found;  ///< what follows on either side
};

/// Takes a trace event by event and compares it with a recorded one that it reads as it goes.
/// Memory is bounded by the number of places.
class TraceComparison final : public EventSink {
 public:
  explicit TraceComparison(EventSource& recorded) : recorded_(recorded) {}

  void add(const TraceEvent& found) override {
    TraceEvent recorded;
    if (divergence_) return follow(found);
    if (!recorded_.next(recorded)) return diverge(nullptr, &found);
    if (recorded == found)
      note(found);
    else
      diverge(&recorded, &found);
  }
  /// The found trace has no more events; reads the recorded one to its end.
  void finish();

  /// A difference is known with all that a report needs: further events change nothing.
  bool decided() const { return divergence_ && patience_ == 0; }
  const std::optional<Divergence>& divergence() const { return divergence_; }
  std::uint64_t equal_events() const { return position_; }

 private:
  struct Place {
    std::deque<TraceEvent> last;
    std::vector<TraceEvent> unfinished;
    std::vector<TraceEvent>
        ended;  ///< in this cycle, without having begun: what takes no time stands end first
  };

  Place& place(const TraceEvent& event);
  void note(const TraceEvent& event);
  void diverge(const TraceEvent* recorded, const TraceEvent* found);
  void follow(const TraceEvent& found);
  void read_recorded();

  EventSource& recorded_;
  std::vector<Place> places_;
  std::uint64_t position_ = 0;
  Cycle now_ = 0;  ///< latest cycle so far: an event known late stands where it became known
  std::optional<Divergence> divergence_;
  std::uint64_t patience_ = 0;  ///< found events that are still searched for those of the place
};

/// One of two traces in a report.
struct TraceSide {
  std::string name;
  TraceNames names;
};

/// The report of a difference, several lines without a newline at the end.
std::string report(const Divergence& divergence, const TraceSide& recorded, const TraceSide& found);

}  // namespace tessera::sim
