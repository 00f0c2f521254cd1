// The order of a trace depends on what happened, not on who told first.
#include "sim/trace/event_order.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/sim/trace/events.h"

namespace tessera::test {
namespace {

using sim::EventKind;
using sim::TraceEvent;

TraceEvent at(Cycle cycle, std::uint32_t place, EventKind kind = EventKind::kSend,
              std::int64_t detail = 0) {
  return {.place = place, .kind = kind, .cycle = cycle, .detail = {detail}};
}

struct Told {
  Cycle now;
  TraceEvent event;
};

std::vector<TraceEvent> ordered(const std::vector<Told>& calls) {
  Collected collected;
  sim::EventOrder order(collected);
  for (const auto& [now, event] : calls) order.add(now, event);
  order.finish();
  return collected.events;
}

}  // namespace

TEST(EventOrder, WithinACycleByPlaceThenKindThenContent) {
  const std::vector<TraceEvent> expected = {
      at(5, 0, EventKind::kDeliver), at(5, 0, EventKind::kEnd),     at(5, 0, EventKind::kBegin),
      at(5, 0, EventKind::kSend, 3), at(5, 0, EventKind::kSend, 4), at(5, 2)};
  auto shuffled = expected;
  do {
    std::vector<Told> calls;
    for (const auto& event : shuffled) calls.push_back({5, event});
    ASSERT_EQ(ordered(calls), expected);
  } while (std::next_permutation(shuffled.begin(), shuffled.end()));
}

TEST(EventOrder, KnownInAdvanceWaitsForItsCycle) {
  // Told in cycle 3 for cycle 7; told again in 7 for 7.
  EXPECT_EQ(ordered({{3, at(7, 1)}, {4, at(4, 9)}, {7, at(7, 0)}, {7, at(7, 2)}, {9, at(9, 0)}}),
            (std::vector{at(4, 9), at(7, 0), at(7, 1), at(7, 2), at(9, 0)}));
  // Nobody says anything in cycle 7.
  EXPECT_EQ(ordered({{3, at(7, 1)}, {3, at(6, 1)}, {9, at(9, 0)}}),
            (std::vector{at(6, 1), at(7, 1), at(9, 0)}));
}

TEST(EventOrder, KnownLateStandsWhereItBecameKnown) {
  EXPECT_EQ(ordered({{8, at(8, 1)}, {10, at(2, 5)}, {10, at(10, 4)}, {11, at(11, 0)}}),
            (std::vector{at(8, 1), at(10, 4), at(2, 5), at(11, 0)}));
}

TEST(EventOrder, DoesNotDependOnTheOrderOfCallsWithinACycle) {
  // Events of random places, some told up to 20 cycles ahead; the calls of a cycle in two orders.
  Random random(11);
  std::vector<Told> calls;
  for (Cycle now = 0; now < 300; ++now)
    for (auto left = random.below(9); left > 0; --left)
      calls.push_back({now, at(now + (random.below(3) == 0 ? random.below(20) : 0),
                               static_cast<std::uint32_t>(random.below(6)),
                               static_cast<EventKind>(random.below(4)), random.between(0, 9))});
  auto reversed = calls;
  for (auto begin = reversed.begin(); begin != reversed.end();) {
    const auto end = std::find_if(begin, reversed.end(),
                                  [&](const Told& call) { return call.now != begin->now; });
    std::reverse(begin, end);
    begin = end;
  }
  const auto events = ordered(calls);
  EXPECT_EQ(events, ordered(reversed));
  EXPECT_EQ(events.size(), calls.size());
  EXPECT_TRUE(std::ranges::is_sorted(events, {}, &TraceEvent::cycle));
}

}  // namespace tessera::test
