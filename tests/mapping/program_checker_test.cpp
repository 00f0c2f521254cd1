#include "mapping/program_checker.h"

#include <gtest/gtest.h>

#include <functional>

#include "mapping/checker/untimed_run.h"
#include "tests/support/plain_network.h"
#include "tests/support/program_builder.h"
#include "tests/support/refusal.h"

namespace tessera::mapping {

namespace {

using test::kBufferBytes;
using test::kLineBytes;

using Change = std::function<void(Program&)>;

std::string verdict(const Program& program, ProgramLimits limits = {4, kBufferBytes, kLineBytes}) {
  return test::refusal_of([&] { check(program, limits); }, "sound");
}

/// What the checker says of the three-stage program after one change.
std::string after(const Change& change) {
  Program program = test::three_stage_program();
  change(program);
  return verdict(program);
}

void expect_fault(const Change& change, const std::string& part) {
  const std::string found = after(change);
  EXPECT_NE(found.find(part), std::string::npos) << found;
}

// Slots of stage 0 "first", in the order of program_builder: I0, W, O; of stage 1 "second": I0, W,
// O, S, P.
CodeBlock& load(Program& p, int stage, int code = 0) { return p.stages[stage].codes[code].load; }
CodeBlock& compute(Program& p, int stage, int code = 0) {
  return p.stages[stage].codes[code].compute;
}
CodeBlock& store(Program& p, int stage, int code = 0) { return p.stages[stage].codes[code].store; }

}  // namespace

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

// --- slots: every push has its pop, capacities hold, all drain ---

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

// --- waiting ---

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

// --- groups ---

TEST(CheckerGroups, MembersReferToTheirGroup) {
  expect_fault([](Program& p) { p.stages[0].shares[2].input_groups[1] = 3; },
               "stage first: tile 2: is no member of its group 3 for W");
  expect_fault([](Program& p) { p.stages[0].groups[0].members.push_back(3); },
               "stage first: group 0: member tile 3 does not use it for I0");
  expect_fault([](Program& p) { p.stages[2].groups[0].members.push_back(3); },
               "stage third: group 0: member tile 3 does not use it");
}

TEST(CheckerGroups, MembersReceiveTheSameRegions) {
  // Tiles 1 and 3 hold filters 2 and 3, tiles 0 and 2 filters 0 and 1.
  EXPECT_EQ(after([](Program& p) {
              auto& stage = p.stages[0];
              stage.groups[2].members = {0, 3};
              stage.groups[3].members = {1, 2};
              stage.shares[2].input_groups[1] = 3;
              stage.shares[3].input_groups[1] = 2;
            }),
            "program: stage first: group 2 for W: tile 3 receives 2 granules and tile 0 2, but not "
            "the same "
            "regions in the same slots");
}

TEST(CheckerGroups, MembersReceiveEquallyOften) {
  EXPECT_EQ(after([](Program& p) {
              auto& stage = p.stages[0];
              stage.codes.push_back(stage.codes[0]);
              stage.codes[1].load[1].count = 1;
              stage.codes[1].load.push_back(test::loop(2, 2, 1, {test::receive(1, 1)}));
              stage.codes[1].load.push_back(test::loop(2, 2, 1, {test::receive(1, 1)}));
              stage.shares[2].code = 1;
            }),
            "program: stage first: group 2 for W: tile 2 receives 3 granules and tile 0 2");
}

TEST(CheckerGroups, DifferentCodeWithTheSameReceivesIsSound) {
  Program program = test::three_stage_program();
  auto& stage = program.stages[0];
  stage.codes.push_back(stage.codes[0]);
  // The same two filters, one trip of a loop around each.
  stage.codes[1].load[1] = test::repeat(1, {stage.codes[1].load[1]});
  stage.shares[2].code = 1;
  EXPECT_EQ(verdict(program), "sound");
}

TEST(CheckerGroups, SumsHaveTheSameOutputs) {
  expect_fault(
      [](Program& p) {
        p.stages[1].shares[1].ranks[3] = {0, 2};
      },
      "stage second: group 6: tiles 0 and 1 add partial sums of different ranges of rank P");
}

TEST(CheckerGroups, SumsHaveAllTerms) {
  EXPECT_EQ(
      after([](Program& p) {
        for (const int tile : {1, 3}) p.stages[1].shares[tile].ranks[2] = {2, 3};
      }),
      "program: stage second: group 6 of tile 0: its members add 3 of the 4 terms of each output");
  // Alone, each tile would write half of the terms.
  expect_fault(
      [](Program& p) {
        for (auto& share : p.stages[1].shares) {
          share.sums_group = test::add_group(p.stages[1], {share.tile});
          share.code = 1;
        }
      },
      "of tile 0: its members add 2 of the 4 terms of each output");
}

TEST(CheckerGroups, PartnersSendWhatTheOwnerReceives) {
  EXPECT_EQ(after([](Program& p) { load(p, 1)[2].count = 2; }),
            "program: stage second: group 6: tile 1 sends 3 granules of partial sums and its "
            "owner, tile 0, "
            "receives 2");
  expect_fault(
      [](Program& p) { store(p, 1, 1)[0].rank = -1; },
      "sends 3 granules of partial sums and its owner, tile 0, receives 3 with other regions");
  expect_fault([](Program& p) { load(p, 1)[2].body[0].count = 0; },
               "sends 3 granules of partial sums and its owner, tile 0, receives 0");
}

TEST(CheckerGroups, SumsArriveInTheSumsSlot) {
  expect_fault(
      [](Program& p) { p.stages[1].sums_slot = 0; },
      "tile 0: load queue: receive_sums S: partners send to the stage's sums slot, which is I0");
}

TEST(CheckerGroups, OwnersDoNotSendAndPartnersDoNotReceiveSums) {
  expect_fault([](Program& p) { store(p, 1)[0].body[1] = test::send_sums(2); },
               "tile 0: store queue: instruction 2 (send_sums O): the tile owns its outputs and "
               "has nobody to "
               "send sums to");
  expect_fault(
      [](Program& p) { load(p, 1, 1).push_back(test::receive_sums(3)); },
      "tile 1: load queue: instruction 3 (receive_sums S): the tile is not the owner of a group");
}

// --- what is computed ---

TEST(CheckerWork, EveryLayerIsExecuted) {
  EXPECT_EQ(after([](Program& p) {
              p.stages.pop_back();
              p.parts.pop_back();
            }),
            "program: layer pool2: no stage executes it");
}

TEST(CheckerWork, SharesMakeUpTheLayer) {
  // 3 filters x 6 rows x 6 columns x 4 channels.
  expect_fault(
      [](Program& p) {
        p.stages[2].shares[2].ranks[2] = {0, 2};
      },
      "layer pool2: its shares have 96 of its 108 points");
  expect_fault(
      [](Program& p) {
        p.stages[2].shares[2].ranks[1] = {1, 2};
      },
      "layer pool2: tile 1 in stage third and tile 2 in stage third compute the same points");
}

TEST(CheckerWork, CodeCoversTheShare) {
  EXPECT_EQ(after([](Program& p) {
              load(p, 0)[1].count = 1;
              compute(p, 0)[1].count = 1;
            }),
            "program: stage first: tile 0: computes 324 of the 648 points of its share");
}

TEST(CheckerWork, NothingIsComputedTwice) {
  expect_fault(
      [](Program& p) {
        compute(p, 0)[1].body.insert(compute(p, 0)[1].body.begin() + 2, test::array(2));
      },
      "array O: a second instruction computes the same outputs");
  expect_fault([](Program& p) { compute(p, 0)[1].body[2] = test::repeat(2, {test::array(2)}); },
               "array O: is repeated 2 times on the same rank tile");
}

TEST(CheckerWork, NothingIsProducedTwice) {
  expect_fault(
      [](Program& p) {
        auto& code = compute(p, 1);
        code[2].body = {test::loop(2, 1, 2, code[2].body)};
      },
      "reserve O: stands in a loop over reduced rank C of 2 trips, so the same outputs are "
      "produced more than "
      "once");
  expect_fault([](Program& p) { compute(p, 1)[2].body = {test::repeat(2, compute(p, 1)[2].body)}; },
               "reserve O: stands in a repetition of 2 trips");
}

TEST(CheckerWork, LayerRunsOnTheUnitForItsKind) {
  expect_fault([](Program& p) { compute(p, 0)[1].body[2] = test::vector(2); },
               "vector O: layer convolution0 runs on the PE array");
  expect_fault([](Program& p) { compute(p, 2)[0].body[2] = test::array(1); },
               "array O: layer pool2 runs on the vector unit");
}

TEST(CheckerWork, CodeThatComputesNothingIsFound) {
  expect_fault([](Program& p) { compute(p, 0)[1].body.erase(compute(p, 0)[1].body.begin() + 2); },
               "tile 0: compute queue: no instruction computes");
}

TEST(CheckerWork, AllPartialSumsAreAdded) {
  expect_fault(
      [](Program& p) {
        auto& adds = compute(p, 1)[2].body[2].body;
        adds.erase(adds.begin() + 1);
      },
      "tile 0: compute queue: instruction 7 (commit O): 0 partial sums are added to the granule; "
      "allowed: 1");
}

TEST(CheckerWork, InputsAreThereWhenTheyAreNeeded) {
  // The pool releases the upper row before it computes.
  expect_fault(
      [](Program& p) {
        auto& body = compute(p, 2)[0].body;
        body[4].instruction.amount = 1;
        body.insert(body.begin() + 2, test::release(0));
      },
      "stage third: tile 0: compute queue: instruction 4 (vector O): needs [0,1) x [0,1) x [0,2) x "
      "[0,6) of "
      "I0; acquired: [0,1) x [0,1) x [1,2) x [0,6)");
  // A window of one row instead of two.
  expect_fault(
      [](Program& p) {
        auto& body = compute(p, 2)[0].body;
        body[0].instruction.amount = 1;
        body[4] = test::acquire(0);
        body.push_back(test::release(0));
        body.push_back(test::acquire(0));
        body.push_back(test::release(0));
      },
      "(vector O): needs [0,1) x [0,1) x [0,2) x [0,6) of I0; acquired: [0,1) x [0,1) x [0,1) x "
      "[0,6)");
}

TEST(CheckerWork, WeightsOfTheRightFilterAreNeeded) {
  // Loads walk filters in one step of two, computing in two of one.
  expect_fault(
      [](Program& p) {
        p.stages[0].slots[1].granule_bytes = 80;
        p.stages[0].slots[1].base_address = 288;
        load(p, 0)[1] = test::repeat(2, {test::loop(2, 1, 1, {test::receive(1, 1)})});
      },
      "needs [0,1) x [0,2) x [0,3) x [0,3) of W; acquired: [0,2) x [0,1) x [0,3) x [0,3)");
}

TEST(CheckerWork, OutputsStayInsideTheReservedGranule) {
  expect_fault(
      [](Program& p) {
        auto& outer = compute(p, 0)[1];
        // One filter is reserved, two are computed.
        outer.body[0] = test::loop(1, 1, 1, {outer.body[0]});
        outer.body[4] = test::loop(1, 1, 1, {outer.body[4]});
        outer.step = 2;
        outer.count = 1;
        load(p, 0)[1].step = 2;
        load(p, 0)[1].count = 1;
        p.stages[0].slots[1] = test::input_slot("W", 288, 80, 1);
      },
      "(array O): rank K leaves the outputs that are reserved");
}

TEST(CheckerWork, RanksThatMustStayWholeAreNotSplit) {
  // The pool's rows come one by one.
  expect_fault(
      [](Program& p) {
        p.network.layers[2].whole_ranks = {3, 2};
      },
      "stage third: tile 0: compute queue: instruction 3 (vector O): needs rank P whole; it has 1 "
      "of 3");
  EXPECT_EQ(after([](Program& p) { p.network.layers[2].whole_ranks = {3}; }), "sound");
}

TEST(CheckerWork, CommitIsForWhatWasReserved) {
  expect_fault(
      [](Program& p) { compute(p, 0)[1].body[4] = test::loop(3, 2, 1, {test::commit(2)}); },
      "(commit O): commits [0,1) x [0,1) x [0,2) x [0,6); reserved is [0,1) x [0,1) x [0,3) x "
      "[0,6)");
}

/// Two groups of four filters on 2 x 2 elements, on one tile or with two of each group's filters
/// per tile.
Program grouped_program(int tiles) {
  constexpr int kK = 2;  // ranks are N, G, K, C, P, Q, R, S
  test::PlainNetwork network("grouped");
  network.convolution(network.input({1, 2, 2, 2}), 8, {}, 2);
  Program program;
  program.tiles = tiles;
  program.network = network.finish();
  Stage stage;
  stage.name = "only";
  stage.slots = {test::input_slot("I0", 0, 16, 1), test::input_slot("W", 16, 16, 1),
                 test::slot_for("O", 32, 64, 1, SlotReader::kStore)};
  stage.output_slot = 2;
  const std::int64_t trips = 2 / tiles;
  stage.codes = {
      {{test::receive(0, 0), test::receive(1, 1)},
       {test::acquire(0), test::acquire(1),
        test::loop(kK, 2, trips, {test::reserve(2), test::array(2), test::commit(2)}),
        test::release(0), test::release(1)},
       {test::loop(kK, 2, trips, {test::acquire(2), test::store(2), test::release(2)})}}};
  for (int tile = 0; tile < tiles; ++tile) {
    workloads::RankTile share = program.network.layers[0].whole();
    if (tiles == 2) share[kK] = {2 * tile, 2 * tile + 2};
    const GroupId alone = test::add_group(stage, {tile});
    stage.shares.push_back({tile, 0, share, {alone, alone}, alone});
  }
  program.stages = {stage};
  program.parts = {{0, -1, {{{0, 1, 1}, {0, 2, 1}, {0, 2, 1}, {0, 2, 1}}}, Home::kDram},
                   {1, -1, {{{0, 8, 1}, {0, 1, 1}, {0, 1, 1}, {0, 1, 1}}}, Home::kDram},
                   {2, 0, {{{0, 1, 1}, {0, 8, 1}, {0, 2, 1}, {0, 2, 1}}}, Home::kDram}};
  test::lay_out_tensors(program);
  return program;
}

/// Takes the groups one by one, outside everything else that the outputs go through.
void loop_over_groups(Program& program) {
  constexpr int kG = 1;
  auto& code = program.stages[0].codes[0];
  code.compute[2] = test::loop(kG, 1, 2, {code.compute[2]});
  if (!code.store.empty()) code.store[0] = test::loop(kG, 1, 2, {code.store[0]});
}

TEST(CheckerWork, OutputWithHolesIsFound) {
  // The first two filters of both groups are channels 0, 1, 4 and 5, whose bounding box has six
  // channels of 2 x 2 elements.
  for (const int tiles : {1, 2}) {
    Program program = grouped_program(tiles);
    EXPECT_EQ(
        verdict(program),
        "program: stage only: tile 0: compute queue: instruction 3 (reserve O): the region "
        "[0,1) x [0,6) x [0,2) x [0,2) bounds 24 elements, of which the rank tile produces 16");
    // Group by group each granule is a box.
    loop_over_groups(program);
    EXPECT_EQ(verdict(program), "sound");
  }
}

TEST(CheckerParts, TilesServeBoxes) {
  // Two filters of each group: the granules are boxes, what the tile would answer for is not.
  Program program = grouped_program(2);
  loop_over_groups(program);
  program.parts[2].home = Home::kTiles;
  program.network.tensors[program.parts[2].tensor].kind = workloads::TensorKind::kIntermediate;
  program.stages[0].slots[2] = test::slot_for("O", 32, 64, 2, SlotReader::kServer);
  program.stages[0].codes[0].store.clear();
  EXPECT_EQ(verdict(program),
            "program: stage only: tile 0: serves the box [0,1) x [0,6) x [0,2) x [0,2) of 24 "
            "elements, of "
            "which it produces 16");
}

// --- where data are ---

TEST(CheckerParts, EveryStageWritesItsPart) {
  expect_fault([](Program& p) { p.parts.pop_back(); },
               "stage third: no part of tensor pool2.O is its output");
  expect_fault([](Program& p) { p.parts.back().producer_stage = 1; },
               "part 5 of tensor pool2.O: is not what stage second produces");
  expect_fault([](Program& p) { p.parts.push_back(p.parts.back()); },
               "part 6 of tensor pool2.O: stage third already produces part 5");
  // The last of three rows is missing.
  expect_fault([](Program& p) { p.parts.back().region.dimensions[2].count = 2; },
               "stage third: tile 0: its outputs [0,1) x [0,1) x [0,3) x [0,3) leave part 5, which "
               "is [0,1) x "
               "[0,3) x [0,2) x [0,3)");
}

TEST(CheckerParts, PartIsWrittenWhole) {
  expect_fault(
      [](Program& p) {
        // The tensor has a row that nobody writes, but the part claims it.
        auto& layer = p.network.layers[2];
        p.network.tensors[layer.output.tensor].extents[2] = 4;
        layer.output.dimensions[2].valid_end = 4;
        p.layouts[layer.output.tensor].block[2] = 4;
        p.layouts[layer.output.tensor].footprint_bytes = 3 * 4 * 3 * 2;
        p.parts.back().region.dimensions[2].count = 4;
      },
      "part 5 of tensor pool2.O: stage third writes 27 of its 36 elements");
}

TEST(CheckerParts, EverythingReceivedExists) {
  // Input rows 0 to 4 only; the last row is missing. Tiles 2 and 3 need rows 2 to 5.
  EXPECT_EQ(after([](Program& p) { p.parts[0].region.dimensions[2].count = 5; }),
            "program: stage first: tile 2: receives [0,1) x [0,2) x [2,6) x [0,6) of tensor "
            "input0, which the "
            "parts of earlier stages do not cover");
  expect_fault([](Program& p) { p.parts.erase(p.parts.begin() + 1); }, "of tensor weight0");
}

TEST(CheckerParts, PartsComeFromEarlierStages) {
  expect_fault(
      [](Program& p) {
        std::swap(p.stages[0], p.stages[1]);
        for (auto& part : p.parts)
          if (part.producer_stage >= 0 && part.producer_stage < 2)
            part.producer_stage = 1 - part.producer_stage;
      },
      "stage second: tile 0: receives [0,1) x [0,2) x [0,3) x [0,6) of tensor convolution0.O, "
      "which the parts "
      "of earlier stages do not cover");
}

TEST(CheckerParts, PartsAreDisjoint) {
  expect_fault([](Program& p) { p.parts.push_back(p.parts[0]); },
               "part 6 of tensor input0: overlaps part 0");
}

TEST(CheckerParts, WhatNobodyProducesIsInDram) {
  expect_fault([](Program& p) { p.parts[0].home = Home::kTiles; },
               "part 0 of tensor input0: has no producer and must be in DRAM");
}

TEST(CheckerParts, NetworkOutputsAreInDram) {
  // A single-tile program whose only layer would keep the network's output, complete and served, in
  // its tile.
  Program program = grouped_program(1);
  loop_over_groups(program);
  EXPECT_EQ(verdict(program), "sound");
  program.parts[2].home = Home::kTiles;
  program.stages[0].slots[2] = test::slot_for("O", 32, 64, 4, SlotReader::kServer);
  program.stages[0].codes[0].store.clear();
  EXPECT_EQ(verdict(program), "program: part 2 of tensor " +
                                  program.network.tensors[program.parts[2].tensor].name +
                                  ": is an output of the network and must be in DRAM");
}

TEST(CheckerParts, OutputsLeaveToWhereTheirPartLives) {
  expect_fault([](Program& p) { p.parts[3].home = Home::kDram; },
               "reserve O): the slot is served to other tiles, but no part lives in it");
  expect_fault([](Program& p) { p.parts[4].home = Home::kTiles; },
               "reserve O): the part lives in the tiles, but the slot has no server");
  expect_fault(
      [](Program& p) {
        auto& body = store(p, 2)[0].body;
        body.erase(body.begin() + 1);
      },
      "store queue: instruction 2 (release O): the granule is released without having been stored");
  expect_fault(
      [](Program& p) {
        store(p, 2)[0].body.insert(store(p, 2)[0].body.begin() + 1, test::store(1));
      },
      "store queue: instruction 3 (store O): the granule has left before");
  expect_fault([](Program& p) { store(p, 2)[0].rank = 3; },
               "(store O): the rank tile is [0,1) x [0,1) x [0,3) x [0,1); the granule holds [0,1) "
               "x [0,1) x "
               "[0,1) x [0,3)");
}

TEST(CheckerParts, PartnersSendAndOwnersStore) {
  // A partner that stores would overwrite the owner's outputs; its owner waits for sums that never
  // come.
  expect_fault([](Program& p) { store(p, 1, 1)[0].body[1] = test::store(4); },
               "sends 0 granules of partial sums");
  expect_fault(
      [](Program& p) {
        store(p, 1, 1)[0].body.insert(store(p, 1, 1)[0].body.begin() + 1, test::store(4));
      },
      "tile 1: store queue: instruction 2 (store P): the outputs belong to another tile");
  expect_fault(
      [](Program& p) { p.stages[1].partial_slot = -1; },
      "the tile adds to another's outputs; allowed: no slot, the stage has no partial slot");
  expect_fault(
      [](Program& p) { p.stages[1].output_slot = 4; },
      "tile 0: compute queue: instruction 3 (reserve O): the tile owns its outputs; allowed: P");
}

TEST(CheckerParts, TensorsInDramDoNotOverlap) {
  // input0 is 2 x 6 x 6 words of 2 bytes: 144 bytes from address 0; weight0 follows.
  EXPECT_EQ(after([](Program& p) { p.layouts[1].base_address = 142; }),
            "program: part 1 of tensor weight0: begins in DRAM at 142, inside tensor input0, which "
            "ends at 144");
  // Over two channels in stripes of 4 bytes, input0 takes 18 stripes, 72 bytes, of each.
  const auto striped = [](std::uint64_t base) {
    return [base](Program& p) {
      p.dram_channels = 2;
      for (auto& layout : p.layouts) layout.stripe_bytes = 4;
      p.layouts[1].base_address = base;
    };
  };
  EXPECT_EQ(after(striped(72)), "sound");
  EXPECT_EQ(after(striped(70)),
            "program: part 1 of tensor weight0: begins in DRAM at 70, inside tensor input0, which "
            "ends at 72");
  // In the other channel it may begin anywhere.
  EXPECT_EQ(after([](Program& p) {
              p.dram_channels = 2;
              p.layouts[0].channels = 1;
              for (std::size_t t = 1; t < p.layouts.size(); ++t) {
                p.layouts[t].channels = 1;
                p.layouts[t].first_channel = 1;
              }
              p.layouts[1].base_address = 0;
            }),
            "sound");
  EXPECT_EQ(after([](Program& p) { p.layouts[1].copies = Copies::kNearest; }), "sound");
  expect_fault([](Program& p) { p.layouts[p.parts.back().tensor].copies = Copies::kNearest; },
               "is written and cannot have a copy in every channel");
  expect_fault([](Program& p) { p.layouts[0].footprint_bytes = 143; },
               "part 0 of tensor input0: has 143 bytes of memory; allowed: 144 or more");
}

// --- the tile buffer ---

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
