// What the checker says of a program as a whole and of the places of slots in the tile buffers.
#include <gtest/gtest.h>

#include "tests/mapping/changed_program.h"

namespace tessera::mapping {

using namespace test;

TEST(Checker, AcceptsTheSampleProgram) { EXPECT_EQ(verdict(test::three_stage_program()), "sound"); }

TEST(Checker, ComparesTheProgramWithTheMachine) {
  const Program program = test::three_stage_program();
  EXPECT_EQ(verdict(program, {3, kBufferBytes, kLineBytes}),
            "program: number of tiles is 4; the machine has 3");
  // The highest slot, S of stage 1, ends at 704 + 48 = 752.
  EXPECT_EQ(verdict(program, {4, 752, kLineBytes}), "sound");
  EXPECT_EQ(verdict(program, {4, 751, kLineBytes}),
            "program: stage second: slot S: 1 granules of 48 bytes from address 704 leave the "
            "buffer, which "
            "has 751 bytes");
  EXPECT_EQ(verdict(program, {4, kBufferBytes, 32}),
            "program: stage first: slot W: a granule has 48 bytes; allowed: multiples of the "
            "buffer line, 32 "
            "bytes");
}

TEST(Checker, ChecksIdsFirst) {
  EXPECT_EQ(after([](Program& p) { p.stages[1].layer = 7; }),
            "program: stage second: layer is 7; allowed: 0 to 2");
}

TEST(CheckerMemory, SlotsOfAStageDoNotOverlap) {
  EXPECT_EQ(after([](Program& p) { p.stages[0].slots[1].base_address = 80; }),
            "program: stage first: tile 0: slot W [80,176) overlaps slot I0 of stage first [0,96)");
}

TEST(CheckerMemory, ServedSlotLivesUntilItsLastReader) {
  // O of stage first is [192,288) and read by stage second, not by stage third.
  expect_fault([](Program& p) { p.stages[1].slots[0].base_address = 208; },
               "stage second: tile 0: slot I0 [208,288) overlaps slot O of stage first [192,288)");
  EXPECT_EQ(after([](Program& p) { p.stages[2].slots[0].base_address = 208; }), "sound");
}

TEST(CheckerMemory, SlotsOfDifferentTilesMayShareAddresses) {
  // O of the owners and P of their partners lie at the same place in the sample; on one tile they
  // may not.
  expect_fault([](Program& p) { p.stages[1].slots[3].base_address = 608; },
               "stage second: tile 0: slot S [608,656) overlaps slot O of stage second [608,704)");
}

TEST(CheckerMemory, SlotsAreAligned) {
  expect_fault([](Program& p) { p.stages[0].slots[1].base_address = 104; },
               "slot W: base address is 104; allowed: multiples of the buffer line, 16 bytes");
}

TEST(CheckerMemory, HugeSlotsDoNotWrapAround) {
  expect_fault([](Program& p) { p.stages[0].slots[1].base_address = ~Bytes{0} - 15; },
               "leave the buffer");
}

}  // namespace tessera::mapping
