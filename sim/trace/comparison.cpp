#include "sim/trace/comparison.h"

#include <algorithm>
#include <tuple>

#include "sim/base/error.h"

namespace tessera::sim {

namespace {

constexpr std::size_t kContext = 4;  ///< events shown before and after, per side
constexpr std::uint64_t kPatience = 1
                                    << 20;  ///< events searched for those that follow at the place

/// Takes the instruction out of the list; false when it is not there.
bool take_out(std::vector<TraceEvent>& list, const TraceEvent& instruction) {
  const auto found = std::ranges::find_if(list, [&](const TraceEvent& event) {
    return event.code == instruction.code && event.detail == instruction.detail;
  });
  if (found == list.end()) return false;
  list.erase(found);
  return true;
}

}  // namespace

TraceComparison::Place& TraceComparison::place(const TraceEvent& event) {
  if (event.place >= places_.size()) places_.resize(event.place + 1);
  return places_[event.place];
}

void TraceComparison::note(const TraceEvent& event) {
  ++position_;
  now_ = std::max(now_, event.cycle);
  Place& at = place(event);
  at.last.push_back(event);
  if (at.last.size() > kContext) at.last.pop_front();
  if (!at.ended.empty() && at.ended.front().cycle != event.cycle) at.ended.clear();
  if (event.kind == EventKind::kBegin && !take_out(at.ended, event)) at.unfinished.push_back(event);
  if (event.kind == EventKind::kEnd && !take_out(at.unfinished, event)) at.ended.push_back(event);
}

void TraceComparison::diverge(const TraceEvent* recorded, const TraceEvent* found) {
  const auto order = [&](const TraceEvent& event) {
    return std::tuple(std::max(now_, event.cycle), event);
  };
  auto& result = divergence_.emplace();
  result.only_found = recorded == nullptr || (found != nullptr && order(*found) < order(*recorded));
  result.event = result.only_found ? *found : *recorded;
  result.position = position_;
  result.cycle = result.event.cycle;
  result.place = result.event.place;
  Place& at = place(result.event);
  result.before.assign(at.last.begin(), at.last.end());
  result.unfinished = at.unfinished;
  patience_ = kPatience;
  if (recorded != nullptr) {
    if (recorded->place == result.place) result.recorded.push_back(*recorded);
    read_recorded();
  }
  if (found != nullptr) follow(*found);
}

/// What follows at the place on the recorded side.
void TraceComparison::read_recorded() {
  TraceEvent event;
  for (auto left = kPatience;
       left > 0 && divergence_->recorded.size() < kContext && recorded_.next(event); --left)
    if (event.place == divergence_->place) divergence_->recorded.push_back(event);
}

void TraceComparison::follow(const TraceEvent& found) {
  if (patience_ == 0) return;
  --patience_;
  if (found.place == divergence_->place) divergence_->found.push_back(found);
  if (divergence_->found.size() == kContext) patience_ = 0;
}

void TraceComparison::finish() {
  TraceEvent recorded;
  if (!divergence_ && recorded_.next(recorded)) diverge(&recorded, nullptr);
  patience_ = 0;
}

std::string report(const Divergence& divergence, const TraceSide& recorded,
                   const TraceSide& found) {
  const TraceSide& only = divergence.only_found ? found : recorded;
  const auto place = only.names.place(divergence.place);
  std::string text = detail::concatenate(
      "first difference at cycle ", divergence.cycle, ", ", place, ", after ", divergence.position,
      " equal events\n only ", only.name, " has:\n  ", to_text(divergence.event, only.names));
  const auto list = [&](const std::string& title, const std::vector<TraceEvent>& events,
                        const TraceNames& names) {
    text += "\n " + title + (events.empty() ? ": nothing" : ":");
    for (const auto& event : events) text += "\n  " + to_text(event, names);
  };
  list("before, on " + place, divergence.before, recorded.names);
  if (divergence.place < recorded.names.tiles)
    list("begun and not ended", divergence.unfinished, recorded.names);
  list("then " + recorded.name, divergence.recorded, recorded.names);
  list("then " + found.name, divergence.found, found.names);
  return text;
}

}  // namespace tessera::sim
