// What the checker says of slots, whose every push has its pop, whose capacities hold and which all
// drain, and of queues that wait for each other.
#include <gtest/gtest.h>

#include "mapping/checker/untimed_run.h"
#include "tests/mapping/changed_program.h"
#include "tests/support/program_builder.h"

namespace tessera::mapping {

using namespace test;

TEST(CheckerSlots, GranuleThatIsNeverReleasedIsFound) {
  EXPECT_EQ(after([](Program& p) { compute(p, 0).pop_back(); }),
            "program: stage first: tile 0: slot I0 does not drain: 1 granules are appended and the "
            "compute "
            "queue releases 0");
}

TEST(CheckerSlots, GranuleThatIsNeverReadIsFound) {
  // Two weight granules per trip: 4 appended, 2 released, and a ring of two holds the rest.
  EXPECT_EQ(after([](Program& p) { load(p, 0)[1].body.push_back(test::receive(1, 1)); }),
            "program: stage first: tile 0: slot W does not drain: 4 granules are appended and the "
            "compute "
            "queue releases 2");
}

TEST(CheckerSlots, RingThatFillsUpStopsTheLoadQueue) {
  // Three per trip: 2 released leave room for 4; the fifth weight granule, instruction 6, finds
  // none.
  std::string expected = "program: stage first: queues wait for each other: ";
  for (const std::string tile : {"0", "1", "2", "3"})
    expected +=
        (tile == "0" ? "tile " : "; tile ") + tile +
        " load queue: instruction 6 (receive W) waits for room in W, where all 2 granules are held";
  EXPECT_EQ(after([](Program& p) { load(p, 0)[1].body.resize(3, test::receive(1, 1)); }), expected);
}

TEST(CheckerSlots, ReleaseOfWhatIsNotAcquiredIsFound) {
  EXPECT_EQ(after([](Program& p) { compute(p, 0).push_back(test::release(0)); }),
            "program: stage first: tile 0: compute queue: instruction 13 (release I0): only 0 "
            "granules are "
            "acquired");
  // The window of the pool is two granules.
  EXPECT_EQ(after([](Program& p) { compute(p, 2)[0].body[4].instruction.amount = 3; }),
            "program: stage third: tile 0: compute queue: instruction 5 (release I0 3): only 2 "
            "granules are "
            "acquired");
}

TEST(CheckerSlots, WindowWiderThanTheRingIsFound) {
  EXPECT_EQ(after([](Program& p) { compute(p, 2)[0].body[0].instruction.amount = 4; }),
            "program: stage third: tile 0: compute queue: acquire I0 4: amount is 4; the ring has "
            "3 granules");
}

TEST(CheckerSlots, ReaderThatTheSlotDoesNotKnowIsFound) {
  expect_fault(
      [](Program& p) { p.stages[0].slots[1].readers = 2; },
      "tile 0: compute queue: acquire W: the compute queue is not among the slot's readers");
}

TEST(CheckerSlots, ReaderThatNeverReadsIsFound) {
  expect_fault(
      [](Program& p) { p.stages[0].slots[0].readers = 3; },
      "tile 0: slot I0 does not drain: 1 granules are appended and the store queue releases 0");
}

TEST(CheckerSlots, TwoKindsOfWriterAreFound) {
  expect_fault([](Program& p) { load(p, 1).push_back(test::receive(3, 0)); },
               "load queue: receive S: the slot is also appended by receive_sums");
}

TEST(CheckerSlots, GranuleMustFitItsSpace) {
  // 2 channels x 4 rows x 6 columns x 2 bytes.
  EXPECT_EQ(after([](Program& p) { p.stages[0].slots[0].granule_bytes = 80; }),
            "program: stage first: tile 0: load queue: instruction 1 (receive I0): the region "
            "[0,1) x [0,2) x "
            "[0,4) x [0,6) is 96 bytes; a granule of the slot has 80");
  expect_fault([](Program& p) { p.stages[1].slots[2].granule_bytes = 32; },
               "stage second: tile 0: compute queue: instruction 3 (reserve O): the region");
  expect_fault([](Program& p) { p.stages[1].slots[3].granule_bytes = 32; },
               "stage second: tile 0: load queue: instruction 3 (receive_sums S): the region");
}

TEST(CheckerSlots, CommitNeedsAReservation) {
  expect_fault([](Program& p) { std::swap(compute(p, 0)[1].body[0], compute(p, 0)[1].body[4]); },
               "tile 0: compute queue: instruction 2 (commit O): no granule is reserved");
}

TEST(CheckerSlots, ReservationIsCommittedBeforeTheNext) {
  expect_fault(
      [](Program& p) {
        const CodeNode commit = compute(p, 0)[1].body[4];
        compute(p, 0)[1].body.pop_back();
        compute(p, 0).push_back(commit);
      },
      "instruction 6 (reserve O): the granule reserved before is not committed");
}

TEST(CheckerSlots, ComputeNeedsOneReservedGranule) {
  expect_fault([](Program& p) { std::swap(compute(p, 0)[1].body[0], compute(p, 0)[1].body[2]); },
               "instruction 2 (array O): 0 granules are reserved for the output; allowed: 1");
  expect_fault([](Program& p) { compute(p, 0)[1].body[2].instruction.slot = 1; },
               "(array W): the reserved granule is in O");
}

TEST(CheckerSlots, ServedSlotKeepsEveryGranule) {
  // Each tile makes two granules, and none is free before the stages that read them are over.
  expect_fault([](Program& p) { p.stages[0].slots[2].granules = 1; },
               "(reserve O) waits for room in O, where all 1 granules are held");
}

TEST(CheckerWaiting, AcquireBeforeAnythingCanArriveIsFound) {
  // The weights of the second trip are asked for in a ring of one before the first are released.
  expect_fault(
      [](Program& p) {
        p.stages[0].slots[1].granules = 1;
        auto& body = compute(p, 0)[1].body;
        std::swap(body[3], body[4]);
        load(p, 0)[1].body.push_back(test::receive(1, 1));
      },
      "waits for room in W");
}

TEST(CheckerWaiting, ComputeAndLoadInOppositeOrderIsFound) {
  // All sums come after all inputs, but the first output needs them before its weights are let go:
  // the load queue fills a ring of one with the second weight granule.
  Program program = test::three_stage_program();
  auto& stage = program.stages[1];
  // One weight granule per filter: 2 words of 4 bytes.
  for (auto& code : stage.codes) {
    CodeBlock rest(code.load.begin() + 2, code.load.end());
    code.load = {test::receive(0, 0), test::loop(1, 1, 3, {test::receive(1, 1)})};
    code.load.insert(code.load.end(), rest.begin(), rest.end());
    code.compute.erase(code.compute.begin() + 1);
    code.compute.pop_back();
    auto& body = code.compute[1].body;
    body.insert(body.begin() + 1, test::acquire(1));
    body.insert(body.end() - 1, test::release(1));
  }
  const std::string found = verdict(program);
  EXPECT_NE(
      found.find("tile 0 load queue: instruction 3 (receive W) waits for room in W, where all 1 "
                 "granules are held; tile 0 compute queue: instruction 5 (acquire S) waits for a "
                 "complete granule of S, which has 0 of 1"),
      std::string::npos)
      << found;
  // With the weights of all filters resident there is room, and the same order is sound.
  stage.slots[1].granules = 3;
  stage.slots[1].base_address = 768;
  EXPECT_EQ(verdict(program), "sound");
}

TEST(CheckerWaiting, MembersThatReceiveOperandsInOppositeOrderAreFound) {
  // Tiles 0 and 1 share inputs, tiles 0 and 2 weights. Tile 0 runs a second code that receives its
  // weights first. With room for both weight granules tile 1 merely gets its inputs later.
  Program program = test::three_stage_program();
  auto& stage = program.stages[0];
  stage.codes.push_back(stage.codes[0]);
  auto& second = stage.codes[1].load;
  second = {second[1], second[0]};
  stage.shares[0].code = 1;
  EXPECT_EQ(verdict(program), "sound");
  // With room for one, tile 0 holds it until it has computed, for which it needs the inputs that it
  // asks for only after its second weights.
  stage.slots[1].granules = 1;
  const std::string found = verdict(program);
  EXPECT_NE(
      found.find(
          "tile 0 load queue: instruction 2 (receive W) waits for room in W, where all 1 granules "
          "are held; tile 0 compute queue: instruction 1 (acquire I0) waits for a complete granule "
          "of I0, which has 0 of 1; tile 1 load queue: instruction 1 (receive I0) waits for tiles "
          "0 "
          "of its group to receive the same granule"),
      std::string::npos)
      << found;
}

TEST(CheckerWaiting, FalseAlarmOfTheLockstepFormIsSettledInFull) {
  // Tile 1 receives weights first, the others inputs. Tiles 0 and 1 share inputs, tiles 1 and 3
  // weights, all else is received alone. In lockstep, one code would wait at the inputs for the
  // other, which waits at the weights for the first. On the tiles, 3 gets its inputs alone and
  // meets 1 at the weights.
  Program program = test::three_stage_program();
  auto& stage = program.stages[0];
  stage.codes.push_back(stage.codes[0]);
  std::swap(stage.codes[1].load[0], stage.codes[1].load[1]);
  stage.shares[1].code = 1;
  for (const TileId tile : {2, 3})
    stage.shares[tile].input_groups[0] = test::add_group(stage, {tile});
  for (const TileId tile : {0, 2})
    stage.shares[tile].input_groups[1] = test::add_group(stage, {tile});
  const checker::StageView view(program, 0);
  EXPECT_TRUE(checker::UntimedRun::folded(view)->run().has_value());
  EXPECT_EQ(checker::UntimedRun::full(view).run(), std::nullopt);
  EXPECT_EQ(verdict(program), "sound");
}

}  // namespace tessera::mapping
