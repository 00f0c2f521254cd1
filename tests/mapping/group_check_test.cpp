// What the checker says of groups: tiles that receive the same data and tiles that add to the same
// outputs.
#include <gtest/gtest.h>

#include "tests/mapping/changed_program.h"
#include "tests/support/program_builder.h"

namespace tessera::mapping {

using namespace test;

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

}  // namespace tessera::mapping
