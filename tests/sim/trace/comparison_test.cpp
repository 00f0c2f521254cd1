// Where two traces part: the earliest event that only one of them has, and what stands around it.
#include "sim/trace/comparison.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/sim/trace/events.h"

namespace tessera::test {
namespace {

using sim::EventKind;
using sim::TraceEvent;
using Events = std::vector<TraceEvent>;

TraceEvent begin(Cycle cycle, std::uint32_t place, std::int64_t granule) {
  return {.place = place,
          .kind = EventKind::kBegin,
          .cycle = cycle,
          .code = 6,
          .detail = {0, 1, -1, granule}};
}
TraceEvent end(Cycle cycle, std::uint32_t place, std::int64_t granule) {
  return {.place = place,
          .kind = EventKind::kEnd,
          .cycle = cycle,
          .code = 6,
          .detail = {0, 1, -1, granule}};
}

std::optional<sim::Divergence> compare(const Events& recorded, const Events& found) {
  Listed source(recorded);
  sim::TraceComparison comparison(source);
  for (const auto& event : found) comparison.add(event);
  comparison.finish();
  EXPECT_TRUE(!comparison.divergence() || comparison.decided());
  return comparison.divergence();
}

// Two tiles, each with two instructions of ten cycles.
const Events kBase = {begin(0, 0, 0), begin(1, 1, 0),  end(10, 0, 0), begin(10, 0, 1),
                      end(11, 1, 0),  begin(11, 1, 1), end(20, 0, 1), end(21, 1, 1)};

}  // namespace

TEST(TraceComparison, EqualTracesHaveNoDifference) {
  EXPECT_FALSE(compare(kBase, kBase));
  EXPECT_FALSE(compare({}, {}));
  const auto many = MadeUpEvents(1).take(5000);
  EXPECT_FALSE(compare(many, many));
}

TEST(TraceComparison, InstructionThatTakesLongerIsMissedAtItsOldEnd) {
  // The first instruction of tile 1 ends in 13 instead of 11, and its second follows later. Between
  // 10 and 11 nothing differs, so that the recorded end in cycle 11 is the first event that only
  // one side has.
  const Events slower = {begin(0, 0, 0), begin(1, 1, 0),  end(10, 0, 0), begin(10, 0, 1),
                         end(13, 1, 0),  begin(13, 1, 1), end(20, 0, 1), end(23, 1, 1)};
  const auto difference = compare(kBase, slower);
  ASSERT_TRUE(difference);
  EXPECT_EQ(difference->cycle, 11u);
  EXPECT_EQ(difference->place, 1u);
  EXPECT_EQ(difference->position, 4u);
  EXPECT_FALSE(difference->only_found);
  EXPECT_EQ(difference->event, end(11, 1, 0));
  EXPECT_EQ(difference->before, Events{begin(1, 1, 0)});
  EXPECT_EQ(difference->unfinished, Events{begin(1, 1, 0)});
  EXPECT_EQ(difference->recorded, (Events{end(11, 1, 0), begin(11, 1, 1), end(21, 1, 1)}));
  EXPECT_EQ(difference->found, (Events{end(13, 1, 0), begin(13, 1, 1), end(23, 1, 1)}));
  // The other way round the slower trace is the recorded one.
  const auto faster = compare(slower, kBase);
  ASSERT_TRUE(faster);
  EXPECT_EQ(faster->cycle, 11u);
  EXPECT_EQ(faster->place, 1u);
  EXPECT_TRUE(faster->only_found);
  EXPECT_EQ(faster->found, difference->recorded);
  EXPECT_EQ(faster->recorded, difference->found);
}

TEST(TraceComparison, InstructionThatTakesNoTimeIsNotUnfinished) {
  // Within a cycle ends stand before begins.
  Events recorded = {begin(0, 0, 0), end(3, 0, 1), begin(3, 0, 1), end(4, 0, 0), begin(4, 0, 2)};
  auto found = recorded;
  found.push_back(begin(5, 0, 3));
  const auto difference = compare(recorded, found);
  ASSERT_TRUE(difference);
  EXPECT_EQ(difference->unfinished, Events{begin(4, 0, 2)});
}

TEST(TraceComparison, ContentThatDiffersIsAtItsPlace) {
  auto other = kBase;
  other[5].detail[3] = 2;
  const auto difference = compare(kBase, other);
  ASSERT_TRUE(difference);
  EXPECT_EQ(difference->cycle, 11u);
  EXPECT_EQ(difference->place, 1u);
  EXPECT_EQ(difference->position, 5u);
  EXPECT_TRUE(difference->unfinished.empty());
}

TEST(TraceComparison, TraceThatStopsIsMissingItsNextEvent) {
  const auto shorter = compare(kBase, {kBase.begin(), kBase.end() - 2});
  ASSERT_TRUE(shorter);
  EXPECT_EQ(shorter->event, end(20, 0, 1));
  EXPECT_TRUE(shorter->found.empty());
  const auto longer = compare({kBase.begin(), kBase.end() - 1}, kBase);
  ASSERT_TRUE(longer);
  EXPECT_EQ(longer->event, end(21, 1, 1));
  EXPECT_TRUE(longer->only_found);
  EXPECT_TRUE(longer->recorded.empty());
}

TEST(TraceComparison, LateEventIsComparedWhereItStands) {
  // A refresh of cycle 3 that becomes known in cycle 20 comes after everything before; what is
  // missing first is the event of cycle 11 although the refresh has the smaller number.
  const TraceEvent refresh{.place = 2, .kind = EventKind::kCommand, .cycle = 3, .code = 5};
  Events recorded = {begin(0, 0, 0), end(20, 0, 0), refresh};
  Events found = {begin(0, 0, 0), refresh, end(20, 0, 0)};
  const auto difference = compare(recorded, found);
  ASSERT_TRUE(difference);
  // Known at cycle 0 in the one, at cycle 20 in the other: found first.
  EXPECT_TRUE(difference->only_found);
  EXPECT_EQ(difference->event, refresh);
}

TEST(TraceComparison, AnyChangeOfOneEventIsFoundWhereItIs) {
  const auto base = MadeUpEvents(3).take(2000);
  Random random(4);
  for (int round = 0; round < 200; ++round) {
    auto changed = base;
    const auto at = random.below(base.size());
    changed[at].detail[random.below(4)] += 1;
    const auto difference = compare(base, changed);
    ASSERT_TRUE(difference);
    EXPECT_EQ(difference->position, at);
    EXPECT_EQ(difference->cycle, base[at].cycle);
    EXPECT_EQ(difference->place, base[at].place);
  }
}

TEST(TraceComparison, RemovedEventIsFoundWhereItWas) {
  // Events in the order of a trace: each cycle's by place.
  auto base = MadeUpEvents(5).take(2000);
  std::ranges::sort(base, [](const TraceEvent& a, const TraceEvent& b) {
    return std::tie(a.cycle, a) < std::tie(b.cycle, b);
  });
  Random random(6);
  for (int round = 0; round < 200; ++round) {
    auto changed = base;
    const auto at = static_cast<std::ptrdiff_t>(random.below(base.size()));
    const auto removed = base[static_cast<std::size_t>(at)];
    changed.erase(changed.begin() + at);
    const auto difference = compare(base, changed);
    ASSERT_TRUE(difference);
    EXPECT_EQ(difference->event, removed);
    EXPECT_FALSE(difference->only_found);
    const auto inserted = compare(changed, base);
    ASSERT_TRUE(inserted);
    EXPECT_EQ(inserted->event, removed);
    EXPECT_TRUE(inserted->only_found);
  }
}

TEST(TraceComparison, ReportNamesCyclePlaceAndInstruction) {
  const sim::TraceNames names{.tiles = 2, .stages = {"conv1"}};
  auto slower = kBase;
  slower[4].cycle = 13;
  const auto text =
      sim::report(*compare(kBase, slower), {"the recording", names}, {"this run", names});
  EXPECT_TRUE(text.starts_with(
      "first difference at cycle 11, tile 1, after 4 equal events\n only the recording has:\n"
      "          11  tile 1      end      array, layer conv1 slot 1 granule 0\n"))
      << text;
  EXPECT_NE(
      text.find(
          "then this run:\n          13  tile 1      end      array, layer conv1 slot 1 granule 0"),
      std::string::npos)
      << text;
}

}  // namespace tessera::test
