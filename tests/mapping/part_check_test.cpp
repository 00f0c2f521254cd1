// What the checker says of where data are.
#include <gtest/gtest.h>

#include "tests/mapping/changed_program.h"
#include "tests/support/program_builder.h"

namespace tessera::mapping {

using namespace test;

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

}  // namespace tessera::mapping
