// The static allocation of the tile buffer: nothing that lives at the same time overlaps.
#include "mapping/tile_memory.h"

#include <gtest/gtest.h>

#include "mapping/slot_placer.h"
#include "sim/base/random.h"

namespace tessera::mapping {
namespace {

struct Placed {
  Bytes begin, end;
  int first, last;

  bool clashes(const Placed& other) const {
    return first <= other.last && other.first <= last && begin < other.end && other.begin < end;
  }
};

TEST(TileMemory, LowestPlaceBesideWhatIsAlive) {
  TileMemory memory(100);
  EXPECT_EQ(memory.place_low(40, 0, 1), 0u);
  EXPECT_EQ(memory.place_low(30, 1, 2), 40u);
  // The first block is gone in stage 2: its place is free again, up to the second.
  EXPECT_EQ(memory.place_low(40, 2, 2), 0u);
  EXPECT_EQ(memory.place_low(30, 2, 2), 70u);
  EXPECT_EQ(memory.place_low(1, 2, 2), std::nullopt);
  EXPECT_EQ(memory.place_low(100, 3, 3), 0u);
}

TEST(TileMemory, HighestPlaceBesideWhatIsAlive) {
  TileMemory memory(100);
  EXPECT_EQ(memory.place_high(40, 0, 2), 60u);
  EXPECT_EQ(memory.place_high(30, 1, 1), 30u);
  EXPECT_EQ(memory.place_high(30, 2, 2), 30u);
  EXPECT_EQ(memory.place_high(31, 1, 2), std::nullopt);
  EXPECT_EQ(memory.place_high(30, 1, 2), 0u);
}

TEST(TileMemory, AGapThatFitsExactlyIsUsed) {
  TileMemory memory(100);
  ASSERT_EQ(memory.place_low(20, 0, 0), 0u);
  ASSERT_EQ(memory.place_low(30, 0, 0, 50), 50u);
  EXPECT_EQ(memory.place_low(31, 0, 0), std::nullopt);
  EXPECT_EQ(memory.place_low(30, 0, 0), 20u);
  EXPECT_EQ(memory.place_high(20, 0, 0), 80u);
}

TEST(TileMemory, NothingAliveAtTheSameTimeOverlaps) {
  Random random(3);
  for (int round = 0; round < 300; ++round) {
    const Bytes capacity = 64 + random.below(200);
    TileMemory memory(capacity);
    std::vector<Placed> placed;
    for (int block = 0; block < 30; ++block) {
      const Bytes bytes = 1 + random.below(40);
      const int first = static_cast<int>(random.below(8));
      const int last = first + static_cast<int>(random.below(4));
      const auto address = random.bernoulli(0.5)
                               ? memory.place_low(bytes, first, last, random.below(capacity))
                               : memory.place_high(bytes, first, last);
      if (!address) continue;
      const Placed next{*address, *address + bytes, first, last};
      ASSERT_LE(next.end, capacity);
      for (const auto& other : placed) ASSERT_FALSE(next.clashes(other)) << "round " << round;
      placed.push_back(next);
    }
  }
}

/// Whether a block fits must not depend on luck: compared with trying every address.
TEST(TileMemory, RefusesOnlyWhatFitsNowhere) {
  Random random(4);
  for (int round = 0; round < 300; ++round) {
    constexpr Bytes kCapacity = 60;
    TileMemory memory(kCapacity);
    std::vector<Placed> placed;
    for (int block = 0; block < 15; ++block) {
      const Bytes bytes = 1 + random.below(25);
      const int first = static_cast<int>(random.below(4));
      const int last = first + static_cast<int>(random.below(2));
      const bool low = random.bernoulli(0.5);
      std::optional<Bytes> expected;
      for (Bytes begin = 0; begin + bytes <= kCapacity; ++begin) {
        const Placed wanted{begin, begin + bytes, first, last};
        bool free = true;
        for (const auto& other : placed) free &= !wanted.clashes(other);
        if (free && (!low || !expected)) expected = begin;
      }
      const auto address =
          low ? memory.place_low(bytes, first, last) : memory.place_high(bytes, first, last);
      ASSERT_EQ(address, expected) << "round " << round << " block " << block;
      if (address) placed.push_back({*address, *address + bytes, first, last});
    }
  }
}

Stage random_stage(Random& random) {
  Stage stage;
  const auto slot = [&](const std::string& name) {
    stage.slots.push_back(
        {name, 0, 16 * (1 + random.below(12)), 1 + static_cast<int>(random.below(3)), 1});
    return static_cast<SlotId>(stage.slots.size()) - 1;
  };
  slot("I0");
  if (random.bernoulli(0.7)) slot("W");
  stage.output_slot = slot("O");
  if (random.bernoulli(0.3)) {
    stage.sums_slot = slot("S");
    stage.partial_slot = slot("P");
    auto& partial = stage.slots[stage.partial_slot];
    const auto& output = stage.slots[stage.output_slot];
    partial.granule_bytes = output.granule_bytes;
    partial.granules = std::min(partial.granules, output.granules);
  }
  return stage;
}

TEST(SlotPlacer, OnlyOutputsAndPartialSumsShareAPlace) {
  Random random(5);
  int stages_placed = 0;
  for (int round = 0; round < 200; ++round) {
    constexpr Bytes kCapacity = 2048;
    SlotPlacer placer(kCapacity);
    std::vector<Placed> staying;
    for (int index = 0; index < 8; ++index) {
      Stage stage = random_stage(random);
      const bool stays = random.bernoulli(0.5);
      const int last_reader = stays ? index + 1 + static_cast<int>(random.below(3)) : index;
      if (!placer.place(stage, index, stays, last_reader)) break;
      ++stages_placed;
      std::vector<Placed> here = staying;
      for (SlotId id = 0; id < std::ssize(stage.slots); ++id) {
        const auto& slot = stage.slots[id];
        const Placed place{
            slot.base_address,
            slot.base_address + slot.granule_bytes * static_cast<Bytes>(slot.granules), index,
            id == stage.output_slot ? last_reader : index};
        ASSERT_LE(place.end, kCapacity);
        if (id == stage.partial_slot) {
          EXPECT_EQ(slot.base_address, stage.slots[stage.output_slot].base_address);
          continue;
        }
        for (const auto& other : here) ASSERT_FALSE(place.clashes(other)) << "round " << round;
        here.push_back(place);
        if (stays && id == stage.output_slot) staying.push_back(place);
      }
    }
  }
  EXPECT_GT(stages_placed, 800);
}

TEST(SlotPlacer, TheNextStageStandsBesideTheOneBeforeWhereThereIsRoom) {
  // Two slots of 64 bytes a stage in 320 bytes: stage 1 begins where stage 0 ended, so its data can
  // arrive early; stage 2 does not fit behind it and starts again from the bottom.
  SlotPlacer placer(320);
  const auto stage = [] {
    Stage stage;
    stage.slots = {{"I0", 0, 64, 1, 1}, {"O", 0, 64, 1, 2}};
    stage.output_slot = 1;
    return stage;
  };
  Stage stages[3] = {stage(), stage(), stage()};
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(placer.place(stages[i], i, false, i));
  EXPECT_EQ(stages[0].slots[1].base_address, 0u);
  EXPECT_EQ(stages[0].slots[0].base_address, 64u);
  EXPECT_EQ(stages[1].slots[1].base_address, 128u);
  EXPECT_EQ(stages[1].slots[0].base_address, 192u);
  EXPECT_EQ(stages[2].slots[1].base_address, 256u);
  EXPECT_EQ(stages[2].slots[0].base_address, 0u);
}

TEST(SlotPlacer, AStageThatFitsAloneIsNotKeptOutByWhereTheOneBeforeEnded) {
  // Stage 0 ends at 96 of 256. Stage 1 needs 32 + 192: beginning at 96, its output leaves 128 above
  // and 96 below itself, too little for the other slot; from the bottom both fit.
  SlotPlacer placer(256);
  Stage first, second;
  first.slots = {{"I0", 0, 64, 1, 1}, {"O", 0, 32, 1, 2}};
  second.slots = {{"I0", 0, 192, 1, 1}, {"O", 0, 32, 1, 2}};
  first.output_slot = second.output_slot = 1;
  ASSERT_TRUE(placer.place(first, 0, false, 0));
  ASSERT_TRUE(placer.place(second, 1, false, 1));
  EXPECT_EQ(second.slots[1].base_address, 0u);
  EXPECT_EQ(second.slots[0].base_address, 32u);
}

}  // namespace
}  // namespace tessera::mapping
