// What the checker says of what is computed.
#include <gtest/gtest.h>

#include "tests/mapping/changed_program.h"
#include "tests/support/program_builder.h"

namespace tessera::mapping {

using namespace test;

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

}  // namespace tessera::mapping
