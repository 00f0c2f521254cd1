// Word-hops of a stage's requests, as nn_dataflow counts them. Four tiles in a row; DRAM at both
// ends. Filters have 6 words, inputs 10, outputs 5; all tiles need the same inputs and filters and
// add to the same outputs.
#include "mapping/cost/tangram/tool_hops.h"

#include <gtest/gtest.h>

namespace tessera::mapping::tangram {
namespace {

using Hops = std::vector<std::int64_t>;

HardwareFacts row_of_four(bool forwards) {
  HardwareFacts facts;
  facts.rows = 1;
  facts.columns = 4;
  facts.dram_nodes = {{0, 0}, {0, 3}};
  facts.forwards = forwards;
  return facts;
}

/// Inputs lie at the DRAM node on the left, outputs at the one on the right.
LayerDecisions decisions() {
  LayerDecisions layer;
  const FmapRange inputs{{0, 1}, {0, 2}, {0, 5}, {0, 1}}, outputs{{0, 1}, {0, 1}, {0, 5}, {0, 1}};
  for (int column = 0; column < 4; ++column) {
    tangram::TileShare share;
    share.at = {0, column};
    share.filter = {{0, 2}, {0, 3}};
    share.ifmap = inputs;
    share.ofmap = outputs;
    layer.shares.push_back(share);
  }
  layer.ifmap_layout = {{{0, 0}, inputs}};
  layer.ofmap_layout = {{{0, 3}, outputs}};
  return layer;
}

/// Inputs are fetched by pairs of tiles, filters by all together; sums go to tile 1.
Program program() {
  Program program;
  program.tiles = 4;
  workloads::Layer layer;
  layer.inputs.resize(2);
  layer.inputs[1].role = workloads::OperandRole::kWeight;
  program.network.layers.push_back(layer);
  Stage stage;
  stage.slots.resize(3);
  stage.output_slot = 2;
  stage.groups = {{{0, 1}}, {{2, 3}}, {{0, 1, 2, 3}}, {{1, 0, 2, 3}}};
  for (int tile = 0; tile < 4; ++tile) stage.shares.push_back({tile, 0, {}, {tile / 2, 2}, 3});
  program.stages.push_back(stage);
  return program;
}

ToolLayer counted(const LayerDecisions& piece, const HardwareFacts& hardware,
                  const Program& program) {
  ToolLayer counted;
  counted.inputs.resize(2);
  add_word_hops(decisions(), piece, hardware, program, 0, counted);
  return counted;
}

// Filters: from the left to tile 1 and from the right to tile 2, 2 links. Inputs: tile 0 has them,
// tile 1 is one link on; tile 2 is two links away, tile 3 one more. Outputs: tile 3 completes them
// where they lie; the tree to it has 3 links, of which half counts: 7.5 words, a whole number.
TEST(ToolHops, AlongMinimumTreesWhereTheToolForwards) {
  const auto layer = counted(decisions(), row_of_four(true), program());
  EXPECT_EQ(layer.inputs[1].word_hops, (Hops{6 * 2, 0, 0, 0}));
  EXPECT_EQ(layer.inputs[0].word_hops, (Hops{10 * 1, 0, 10 * 3, 0}));
  EXPECT_EQ(layer.output.word_hops, (Hops{0, 0, 0, 0}));
  EXPECT_EQ(layer.sum_hops, (Hops{8 / 3, 0, 8 * 2 / 3 - 8 / 3, 8 - 8 * 2 / 3}));
}

// Each for itself: filters 0 + 1 + 1 + 0 links, inputs 0 + 1 and 2 + 3. The third of four tiles
// completes the outputs, one link from where they lie; the others are 2, 1 and 1 away from it and
// count half: 5 + 3 + 3.
TEST(ToolHops, OneByOneWhereItDoesNot) {
  const auto layer = counted(decisions(), row_of_four(false), program());
  EXPECT_EQ(layer.inputs[1].word_hops, (Hops{6 * 2, 0, 0, 0}));
  EXPECT_EQ(layer.inputs[0].word_hops, (Hops{10 * 1, 0, 10 * 5, 0}));
  EXPECT_EQ(layer.output.word_hops, (Hops{0, 5, 0, 0}));
  EXPECT_EQ(layer.sum_hops, (Hops{11 / 3, 0, 22 / 3 - 11 / 3, 11 - 22 / 3}));
}

// Outputs that stay in the tiles are moved by nobody but as sums: these count all of it.
TEST(ToolHops, SumsOfOutputsThatStayCountAll) {
  auto piece = decisions();
  piece.writes_dram = false;
  const auto layer = counted(piece, row_of_four(false), program());
  EXPECT_EQ(layer.output.word_hops, (Hops{0, 0, 0, 0}));
  EXPECT_EQ(layer.sum_hops, (Hops{16 / 3, 0, 32 / 3 - 16 / 3, 16 - 32 / 3}));
}

// Pieces that go round are fetched by one tile each, and count as forwarded to all: 3 links.
TEST(ToolHops, WhatGoesRoundCountsAsForwardedToAll) {
  auto shared = program();
  shared.stages[0].slots[0].rotating = true;
  shared.stages[0].groups = {{{0}}, {{1}}, {{2}}, {{3}}, {{0, 1, 2, 3}}, {{1, 0, 2, 3}}};
  for (int tile = 0; tile < 4; ++tile) {
    shared.stages[0].shares[static_cast<std::size_t>(tile)].input_groups = {tile, 4};
    shared.stages[0].shares[static_cast<std::size_t>(tile)].sums_group = 5;
  }
  const auto layer = counted(decisions(), row_of_four(true), shared);
  EXPECT_EQ(layer.inputs[0].word_hops, (Hops{30, 30, 30, 30}));
}

// The second of three images: a third of inputs and outputs, and the same filters.
TEST(ToolHops, APieceOfTheBatchHasItsPart) {
  auto piece = decisions();
  piece.slice = {"a", PieceAxis::kBatch, 1, 3};
  const auto layer = counted(piece, row_of_four(true), program());
  EXPECT_EQ(layer.inputs[1].word_hops, (Hops{12, 0, 0, 0}));
  EXPECT_EQ(layer.inputs[0].word_hops, (Hops{20 / 3 - 10 / 3, 0, 10, 0}));
}

}  // namespace
}  // namespace tessera::mapping::tangram
