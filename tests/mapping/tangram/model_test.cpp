#include "mapping/cost/tangram/model.h"

#include <gtest/gtest.h>

#include "mapping/cost/tangram/hops.h"

namespace tessera::mapping::tangram {

namespace {

/// A convolution of one tile whose pass takes 10 cycles; units of one word.
LayerDecisions layer(const std::string& name) {
  LayerDecisions layer;
  layer.name = name;
  layer.region = {{0, 0}};
  layer.pass.cycles = 10;
  layer.pass.operations = 1;
  layer.pass.gbuf_unit = {1, 1, 1};
  layer.pass.dram_access = {1, 1, 1};
  layer.pass.gbuf_access = {1, 1, 1};
  layer.pass.itcn_access = {1, 1, 1};
  layer.in_gbuf = {true, true, true};
  layer.partition.order = {kOutp, kOfmp, kBatp, kInpp};
  for (auto& ways : layer.partition.ways) ways = {1, 1};
  return layer;
}

HardwareFacts hardware() {
  HardwareFacts facts;
  facts.dram_words_per_cycle = 4;
  facts.dram_nodes = {{0, 0}, {0, 3}, {3, 0}, {3, 3}};
  return facts;
}

// DRAM level: bat 2 outside ofm 3. Buffer level: ifm 5.
//   fil (ifm, ofm): ofm is inside bat: 2 fetches to the buffer; ifm is innermost: bat again, 2 to
//   the array. ifm (ifm, bat): innermost DRAM loop over it is bat: 1; to the array: outside ifm the
//   ofm loop repeats: 3. ofm (ofm, bat): 1 write; no buffer loop over it, so 1 to the array as
//   well.
TEST(FetchCounts, MultiplyLoopsOutsideTheInnermostIndexingOne) {
  auto l = layer("a");
  l.dram_loops = {{kBatLoop, 2}, {kOfmLoop, 3}};
  l.gbuf_loops = {{kIfmLoop, 5}};
  const auto counts = fetch_counts(l);
  EXPECT_EQ(counts.gbuf, (PerDatum<std::int64_t>{2, 1, 1}));
  EXPECT_EQ(counts.regf, (PerDatum<std::int64_t>{2, 3, 1}));
}

// ifm 5 outside ofm 3 at DRAM: outputs are written 5 times and read back 4.
TEST(FetchCounts, PartialSumsAreReadBack) {
  auto l = layer("a");
  l.dram_loops = {{kIfmLoop, 5}, {kOfmLoop, 3}};
  EXPECT_EQ(fetch_counts(l).gbuf[kOfmap], 9);
}

TEST(FetchCounts, PinnedWeightsAreNeverFetched) {
  auto l = layer("a");
  l.weights_pinned = true;
  EXPECT_EQ(fetch_counts(l).gbuf[kFilter], 0);
}

// 12 passes of 10 cycles against DRAM words: filters 6, inputs 2 x 2, outputs 2 x 3: (6 x 1 ...)
// below.
//   loops: bat 2, ofm 3 at DRAM, ifm 2 at the buffer; fil fetched twice (bat outside): 12 words;
//   ifm 4; ofm 6. 22 words at 4 a cycle: 6 cycles.
TEST(LayerTime, IsTheLargerOfComputeAndDram) {
  Document document;
  document.hardware = hardware();
  auto l = layer("a");
  l.dram_loops = {{kBatLoop, 2}, {kOfmLoop, 3}};
  l.gbuf_loops = {{kIfmLoop, 2}};
  document.layers = {l};
  auto result = predict(document).layers[0];
  EXPECT_EQ(result.words.dram, (PerDatum<std::int64_t>{12, 4, 6}));
  EXPECT_EQ(result.compute_time, 120);
  EXPECT_EQ(result.dram_time, 6);
  EXPECT_EQ(result.time, 120);
  document.hardware.dram_words_per_cycle = 0.1;
  EXPECT_EQ(predict(document).layers[0].time, 220);
}

// 4 tiles in a row differ in the batch: they need the same filter. Words: read 4 times, or once
// when forwarded. Hops of 6 filter words from the corners (0,0) and (0,3): tiles at columns 0..3:
// each from its nearest corner 0 + 1 + 1 + 0 = 2; the tree from the corners is 2 as well.
TEST(Forwarding, DividesDramReadsByTheGroup) {
  auto l = layer("a");
  l.region = {{0, 0}, {0, 1}, {0, 2}, {0, 3}};
  l.partition.ways[kBatp] = {1, 4};
  l.gbuf_loops = {{kOfmLoop, 3}, {kIfmLoop, 2}};
  for (int column = 0; column < 4; ++column) {
    TileShare share;
    share.at = {0, column};
    share.filter = {{0, 2}, {0, 3}};
    l.shares.push_back(share);
  }
  auto facts = hardware();
  EXPECT_EQ(words_of(l, fetch_counts(l), facts).dram[kFilter], 24);
  EXPECT_EQ(hops_once(l, facts)[kFilter], 12);
  facts.forwards = true;
  EXPECT_EQ(words_of(l, fetch_counts(l), facts).dram[kFilter], 6);
  EXPECT_EQ(hops_once(l, facts)[kFilter], 12);
}

// A tile two hops below the corner pulls its neighbour's copy: 5 words, corner (0,0), tiles (2,0)
// and (2,1): separately 2 + 3 = 5 hops a word (corner (3,0) is one hop off (2,0) and two off (2,1):
// 1 + 2 = 3); as a tree 1 + 1 = 2.
TEST(Forwarding, FollowsTheMinimumTree) {
  auto l = layer("a");
  l.region = {{2, 0}, {2, 1}};
  for (int column = 0; column < 2; ++column) {
    TileShare share;
    share.at = {2, column};
    share.filter = {{0, 5}, {0, 1}};
    l.shares.push_back(share);
  }
  auto facts = hardware();
  EXPECT_EQ(hops_once(l, facts)[kFilter], 5 * 3);
  facts.forwards = true;
  EXPECT_EQ(hops_once(l, facts)[kFilter], 5 * 2);
}

// 2 x 4 tiles share filters of 12 words; 4 hold a copy between them, along the row: each step moves
// every part one tile on (3 hops forward, 3 back). A round is 3 steps of 4 of all parts: 6 x 3 / 4
// hops a word, two subgroups, 7 rounds: 12 x 9 x 7.
TEST(Rotation, MovesPartsAlongTheSnake) {
  auto l = layer("a");
  l.region.resize(8);
  l.partition.order = {kInpp, kBatp, kOfmp, kOutp};
  l.partition.ways[kBatp] = {1, 4};
  l.partition.ways[kOfmp] = {2, 1};
  l.gbuf_loops = {{kOfmLoop, 4}, {kIfmLoop, 3}};
  l.sharing.subgroup[kFilter] = 4;
  l.sharing.rotation_rounds[kFilter] = 7;
  l.sharing.rotation_units[kFilter] = 12;
  EXPECT_DOUBLE_EQ(rotation_hops(l)[kFilter], 12 * 9 * 7);
}

/// Two stages, a and b, of one segment.
Document pipeline(std::vector<LoopFactor> produced, std::vector<LoopFactor> consumed,
                  std::int64_t groups) {
  Document document;
  document.hardware = hardware();
  document.hardware.dram_words_per_cycle = 1e9;
  auto a = layer("a"), b = layer("b");
  a.dram_loops = std::move(produced);
  b.dram_loops = std::move(consumed);
  a.writes_dram = false;
  b.reads_dram = false;
  b.stage = 1;
  b.producers = {"a"};
  document.layers = {a, b};
  document.segments = {{{{0}, {1}}, groups}};
  return document;
}

// a: 8 passes, 80 cycles; it passes on 4 pieces. b: 4 pieces of 10 cycles. b may start after 80 / 4
// = 20 and is done at 60, before a: the stages are 80 and 40 long. Full buffering: b waits for 80.
TEST(Pipeline, PiecesStartTheConsumerEarly) {
  const auto pieces = predict(pipeline({{kOfmLoop, 4}, {kIfmLoop, 2}}, {{kIfmLoop, 4}}, 1));
  EXPECT_EQ(pieces.layers[1].start, 20);
  EXPECT_EQ(pieces.layers[1].done, 60);
  EXPECT_EQ(pieces.segments[0].critical_time, 80);
  EXPECT_EQ(pieces.segments[0].node_time, 80);
  const auto whole = predict(pipeline({{kIfmLoop, 2}, {kOfmLoop, 4}}, {{kIfmLoop, 4}}, 1));
  EXPECT_EQ(whole.layers[1].start, 80);
  EXPECT_EQ(whole.segments[0].node_time, 120);
}

// Two batch groups: a 2 x 40 cycles, b 2 x 40, whole groups handed on. b is done at 160 for the
// full batch; critical 80; (160 + 80 x 1) / 2 = 120: fill of one group, then one more period.
TEST(Pipeline, BatchGroupsOverlap) {
  const auto result = predict(
      pipeline({{kBatLoop, 2}, {kIfmLoop, 2}, {kOfmLoop, 2}}, {{kBatLoop, 2}, {kOfmLoop, 4}}, 2));
  EXPECT_EQ(result.layers[1].done, 160);
  EXPECT_EQ(result.segments[0].node_time, 120);
  EXPECT_EQ(result.time, 80) << "one segment with the whole network counts its steady state only";
  const auto document =
      pipeline({{kBatLoop, 2}, {kIfmLoop, 2}, {kOfmLoop, 2}}, {{kBatLoop, 2}, {kOfmLoop, 4}}, 2);
  EXPECT_EQ(predict(document, Faults::kFixed).time, 120);
}

}  // namespace

}  // namespace tessera::mapping::tangram
