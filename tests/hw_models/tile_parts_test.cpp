// The plain parts of a tile: slot rings, region values, what makes a slot closed.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "hw_models/tile/slot_ring.h"
#include "hw_models/tile/stage_run.h"
#include "hw_models/tile/tile_context.h"
#include "sim/base/random.h"
#include "tests/support/program_builder.h"

namespace tessera::hw {
namespace {

using mapping::SlotReader;
using workloads::Region;

constexpr unsigned bits(SlotReader a) { return static_cast<unsigned>(a); }

TEST(SlotRing, HasRoomUntilFullAndAgainAfterARelease) {
  SlotRing ring(64, 2, bits(SlotReader::kCompute));
  EXPECT_TRUE(ring.has_room());
  ring.append({});
  EXPECT_TRUE(ring.has_room());
  ring.append({});
  EXPECT_FALSE(ring.has_room());
  ring.release(SlotReader::kCompute);
  EXPECT_TRUE(ring.has_room());
  EXPECT_EQ(ring.append({}).sequence, 2);
  EXPECT_FALSE(ring.has_room());
}

TEST(SlotRing, AGranuleStaysUntilItsLastReaderLetsGo) {
  SlotRing ring(64, 1, bits(SlotReader::kCompute) | bits(SlotReader::kStore));
  ring.append({});
  ring.release(SlotReader::kCompute);
  EXPECT_FALSE(ring.has_room());
  EXPECT_EQ(ring.front(SlotReader::kCompute), nullptr);
  ASSERT_NE(ring.front(SlotReader::kStore), nullptr);
  EXPECT_EQ(ring.front(SlotReader::kStore)->sequence, 0);
  ring.release(SlotReader::kStore);
  EXPECT_TRUE(ring.has_room());
  EXPECT_TRUE(ring.empty());
}

TEST(SlotRing, ServedGranulesAreNeverLetGo) {
  SlotRing ring(64, 3, bits(SlotReader::kServer));
  for (int i = 0; i < 3; ++i) ring.append({});
  EXPECT_FALSE(ring.has_room());
  EXPECT_EQ(ring.held().size(), 3u);
}

TEST(SlotRing, GivesThePlaceOfAGranuleThatLeavesBetweenOthersThatStay) {
  SlotRing ring(64, 3, bits(SlotReader::kServer));
  for (int i = 0; i < 3; ++i) ring.append({});
  ring.leave(1);
  EXPECT_EQ(ring.occupied(), 2);
  ASSERT_TRUE(ring.has_room());
  EXPECT_EQ(ring.append({}).sequence, 3);
  EXPECT_FALSE(ring.has_room());
  EXPECT_EQ(ring.granule(2).sequence, 2);
  ring.leave(0);
  EXPECT_EQ(ring.occupied(), 2);
  EXPECT_EQ(ring.held().front().sequence, 2);
  EXPECT_EQ(ring.granule(3).sequence, 3);
}

TEST(SlotRing, GranulesKeepTheirNumbersAndPlaces) {
  // A granule is referred to by its number while others come and go: against a plain map.
  Random random(1);
  SlotRing ring(16, 3, bits(SlotReader::kCompute));
  std::map<std::int64_t, Bytes> expected;
  std::int64_t appended = 0, released = 0;
  for (int step = 0; step < 2000; ++step) {
    ASSERT_EQ(ring.has_room(), expected.size() < 3);
    if (ring.has_room() && random.bernoulli(0.5)) {
      Granule& granule = ring.append({});
      granule.expected_bytes = expected[appended++] = random.below(1000);
    } else if (!expected.empty()) {
      ring.release(SlotReader::kCompute);
      expected.erase(released++);
    }
    ASSERT_EQ(ring.appended(), appended);
    for (const auto& [sequence, bytes] : expected)
      ASSERT_EQ(ring.granule(sequence).expected_bytes, bytes);
    const Granule* front = ring.front(SlotReader::kCompute);
    ASSERT_EQ(front == nullptr, expected.empty());
    if (front != nullptr) {
      ASSERT_EQ(front->sequence, released);
    }
  }
}

Region random_region(Random& random, int dimensions) {
  Region region;
  for (int d = 0; d < dimensions; ++d)
    region.dimensions.push_back({random.between(0, 5), random.between(1, 4), 1});
  return region;
}

using Index = std::vector<std::int64_t>;

Index copy(std::span<const std::int64_t> index) { return {index.begin(), index.end()}; }

TEST(RegionValues, MergeTakesWhatIsPresentAndCommon) {
  Random random(2);
  for (int round = 0; round < 300; ++round) {
    const int dimensions = static_cast<int>(random.between(1, 3));
    const Region to_region = random_region(random, dimensions);
    const Region from_region = random_region(random, dimensions);
    RegionValues to(to_region), from(from_region);
    std::map<Index, workloads::Element> expected, given;
    for_each_index(to_region, [&](auto index) {
      if (random.bernoulli(0.5))
        to.set(index, expected[copy(index)] = static_cast<int>(random.below(100)));
    });
    for_each_index(from_region, [&](auto index) {
      if (random.bernoulli(0.5))
        from.set(index, given[copy(index)] = static_cast<int>(random.below(100)));
    });
    to.merge(from);
    for_each_index(to_region, [&](auto index) {
      const Index key = copy(index);
      if (given.contains(key)) expected[key] = given[key];
      ASSERT_EQ(to.present(index), expected.contains(key));
      if (expected.contains(key)) {
        ASSERT_EQ(to.at(index), expected[key]);
      }
    });
  }
}

TEST(RegionValues, StepsLeaveGaps) {
  const RegionValues values(Region{{{1, 3, 2}}});  // 1, 3, 5
  for (const std::int64_t inside : {1, 3, 5}) EXPECT_TRUE(values.contains(Index{inside}));
  for (const std::int64_t outside : {0, 2, 4, 6, 7}) EXPECT_FALSE(values.contains(Index{outside}));
}

TEST(RegionValues, EveryIndexOfARegionIsVisitedOnce) {
  std::set<Index> seen;
  for_each_index(Region{{{0, 2, 3}, {4, 3, 1}}},
                 [&](auto index) { EXPECT_TRUE(seen.insert(copy(index)).second); });
  EXPECT_EQ(seen, (std::set<Index>{{0, 4}, {0, 5}, {0, 6}, {3, 4}, {3, 5}, {3, 6}}));
  for_each_index(Region{{{0, 2, 1}, {4, 0, 1}}}, [&](auto) { ADD_FAILURE(); });
}

/// The first stage of the three-stage program: slots I0 and W are read by compute, O is served.
class ClosedSlot : public testing::Test {
 protected:
  ClosedSlot()
      : program_(test::three_stage_program()),
        index_(program_),
        first_(program_, index_, 0, program_.stages[0].shares[0]),
        second_(program_, index_, 1, program_.stages[1].shares[0]),
        partner_(program_, index_, 1, program_.stages[1].shares[1]) {}

  mapping::Program program_;
  mapping::ProgramIndex index_;
  StageRun first_, second_, partner_;
};

TEST_F(ClosedSlot, InputsCloseWhenNothingMoreComesAndAllIsReleased) {
  EXPECT_FALSE(first_.closed(0));
  first_.ring(0).append({});
  first_.load_done = true;
  EXPECT_FALSE(first_.closed(0));
  first_.ring(0).release(SlotReader::kCompute);
  EXPECT_TRUE(first_.closed(0));
}

TEST_F(ClosedSlot, EmptyIsNotClosedWhileMoreMayCome) {
  first_.ring(0).append({});
  first_.ring(0).release(SlotReader::kCompute);
  EXPECT_FALSE(first_.closed(0));
}

TEST_F(ClosedSlot, OutputsCloseWithTheComputeQueue) {
  second_.load_done = true;
  EXPECT_FALSE(second_.closed(2));
  second_.compute_done = true;
  EXPECT_TRUE(second_.closed(2));
  second_.ring(2).append({});
  EXPECT_FALSE(second_.closed(2));
}

TEST_F(ClosedSlot, ServedOutputsCloseWithTheirLastReaderAndPacket) {
  // Stage 1 reads stage 0's output in groups of its own: tile 0 owns rows 0..2 of filters 0 and 1,
  // which are the channels 0 and 1 of tiles 0 and 2. A 1x1 filter needs no halo, and stage 1 deals
  // rows as stage 0 did: only tile 0's group reads from tile 0.
  EXPECT_EQ(first_.expected_closings, 1);
  first_.compute_done = true;
  EXPECT_FALSE(first_.closed(2));
  first_.closings = 1;
  EXPECT_TRUE(first_.closed(2));
  first_.reads_in_flight = 1;
  EXPECT_FALSE(first_.closed(2));
}

TEST_F(ClosedSlot, SlotsThatTheTilesCodeDoesNotNameAreClosed) {
  EXPECT_TRUE(partner_.closed(2));   // "O" belongs to the owner
  EXPECT_FALSE(partner_.closed(4));  // "P"
  EXPECT_TRUE(second_.closed(4));
  EXPECT_FALSE(second_.closed(3));  // "S"
  EXPECT_TRUE(second_.owner());
  EXPECT_EQ(second_.partners(), 1);
}

TEST(GroupTree, EightChildrenPerMember) {
  // 20 members: the root has members 1 to 8, member 1 has 9 to 16, member 2 has 17 to 19.
  mapping::Program program = test::three_stage_program();
  auto& stage = program.stages[2];
  stage.groups.push_back({});
  const auto group = static_cast<mapping::GroupId>(stage.groups.size()) - 1;
  for (int tile = 0; tile < 20; ++tile) stage.groups[group].members.push_back(100 + tile);
  const mapping::Program three_stages = test::three_stage_program();
  const mapping::ProgramIndex index(three_stages);
  const auto children_of = [&](int tile) {
    auto share = stage.shares[0];
    share.tile = tile;
    share.input_groups = {group};
    return StageRun(program, index, 2, share).receive(0).children;
  };
  EXPECT_EQ(children_of(100), 8);
  EXPECT_EQ(children_of(101), 8);
  EXPECT_EQ(children_of(102), 3);
  EXPECT_EQ(children_of(103), 0);
  EXPECT_EQ(children_of(119), 0);
  auto share = stage.shares[0];
  share.tile = 117;
  share.input_groups = {group};
  EXPECT_EQ(StageRun(program, index, 2, share).receive(0).parent(), 102);
}

}  // namespace
}  // namespace tessera::hw
