// Future wake-ups, ordered by cycle and by arrival within a cycle.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <vector>

#include "sim/base/types.h"

namespace tessera::noc {

enum class EventKind : std::uint8_t {
  kHead,           // a head is ready for virtual channel allocation; subject: channel
  kFlit,           // a flit arrives that a transfer waits for; subject: channel
  kCredit,         // a credit arrives that a transfer waits for; subject: channel it sends from
  kHorizon,        // a run has to be looked at again; subject: channel it sends from
  kRelease,        // an output channel becomes free with its tail's credit; subject: channel
  kRoom,           // space for a multicast packet may have appeared; subject: channel
  kArrival,        // a tail is read by its node; subject: packet, detail: node
  kSource,         // a node may send; subject: node
  kSourceHorizon,  // a run of a node has to be looked at again; subject: node
};

/// Eight bytes: every second thing the routers do is to write one and to read it back.
struct Event {
  Event(EventKind what, std::uint32_t about, std::uint32_t more)
      : kind(what), subject(about), detail(more) {}
  EventKind kind : 4;
  std::uint32_t subject : 28;
  std::uint32_t detail;
};
static_assert(sizeof(Event) == 8);

/// Buckets for the next 256 cycles, a heap for what lies beyond.
class EventWheel {
 public:
  void schedule(Cycle now, Cycle at, Event event) {
    if (at - now < kBuckets) return put(at, event);
    far_.push_back({at, sequence_++, event});
    std::push_heap(far_.begin(), far_.end(), later);
  }

  /// First cycle after `now` that has an event, kNever when there is none.
  Cycle next(Cycle now) const {
    const Cycle far = far_.empty() ? kNever : far_.front().at;
    const std::uint32_t start = (now + 1) % kBuckets;
    for (std::uint32_t step = 0; step <= kWords; ++step) {
      const std::uint32_t word = (start / 64 + step) % kWords;
      std::uint64_t bits = occupied_[word];
      if (step == 0) bits &= ~std::uint64_t{0} << (start % 64);
      if (step == kWords) bits &= (std::uint64_t{1} << (start % 64)) - 1;
      if (bits == 0) continue;
      const std::uint32_t bucket = word * 64 + static_cast<std::uint32_t>(std::countr_zero(bits));
      const Cycle near = now + 1 + (bucket + kBuckets - start) % kBuckets;
      return std::min(near, far);
    }
    return far;
  }

  /// Moves the events of `cycle` into `due`, replacing its content.
  void take(Cycle cycle, std::vector<Event>& due) {
    due.clear();
    auto& bucket = buckets_[cycle % kBuckets];
    if (!bucket.empty()) {
      due.swap(bucket);
      occupied_[cycle % kBuckets / 64] &= ~(std::uint64_t{1} << (cycle % 64));
    }
    while (!far_.empty() && far_.front().at == cycle) {
      due.push_back(far_.front().event);
      std::pop_heap(far_.begin(), far_.end(), later);
      far_.pop_back();
    }
  }

 private:
  static constexpr std::uint32_t kBuckets = 256;
  static constexpr std::uint32_t kWords = kBuckets / 64;

  struct Far {
    Cycle at;
    std::uint64_t sequence;
    Event event;
  };
  static bool later(const Far& a, const Far& b) {
    return a.at != b.at ? a.at > b.at : a.sequence > b.sequence;
  }

  void put(Cycle at, Event event) {
    buckets_[at % kBuckets].push_back(event);
    occupied_[at % kBuckets / 64] |= std::uint64_t{1} << (at % 64);
  }

  std::array<std::vector<Event>, kBuckets> buckets_;
  std::array<std::uint64_t, kWords> occupied_{};
  std::vector<Far> far_;
  std::uint64_t sequence_ = 0;
};

}  // namespace tessera::noc
