// What analysis counts before anything runs, against counts by hand.
#include "mapping/expected_events.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "mapping/array_choice.h"
#include "mapping/schedule.h"
#include "tests/support/plain_network.h"
#include "tests/support/small_machine.h"

namespace tessera::test {
namespace {

using mapping::Axis;
using mapping::StagePlan;
using workloads::Layer;
using workloads::Network;

Network fully_connected(std::int64_t images) {
  PlainNetwork network("fc", images);
  network.fully_connected(network.input({images, 4}), 2);
  return network.finish();
}

workloads::RankId rank(const Layer& layer, const std::string& name) {
  const auto found = std::ranges::find(layer.ranks, name, &workloads::Rank::name);
  return static_cast<workloads::RankId>(found - layer.ranks.begin());
}

/// Inputs along two rows of PEs, filters along two columns; sums stay in the PEs.
mapping::ArrayMapping two_by_two(const Layer& layer) {
  mapping::ArrayMapping array;
  array.rows = {{rank(layer, "C1"), 2}};
  array.columns = {{rank(layer, "K"), 2}};
  array.loops = {{rank(layer, "C1"), 2}};
  array.store_depth[0] = array.store_depth[1] = 1;
  return array;
}

std::vector<std::int64_t> extents_of(const Layer& layer, std::int64_t images) {
  std::vector<std::int64_t> extents;
  for (const auto& one : layer.ranks) extents.push_back(one.extent);
  extents[rank(layer, "N")] = images;
  return extents;
}

TEST(ArrayTraffic, CountsWordsPesAndRegisters) {
  // One image, 4 inputs, 2 filters in two steps. A step brings 2 inputs, each for the 2 PEs of its
  // row, and 4 weights for one PE each; both are used as they pass. At the end 2 sums leave, each
  // of 2 PEs, read out of one register. Words 2 x 2 + 2 x 4 + 2, PEs 8 + 8 + 4.
  const auto network = fully_connected(1);
  const Layer& layer = network.layers.front();
  const auto traffic = mapping::array_traffic(layer, two_by_two(layer), extents_of(layer, 1));
  EXPECT_EQ(traffic.words, 14);
  EXPECT_EQ(traffic.hops, 20);
  EXPECT_EQ(traffic.fills, 2);
}

TEST(ArrayTraffic, KeptWordsAreWrittenAndSumsComeBack) {
  // Pairs of inputs outside, filters inside, one PE wide: 4 steps. 2 x 2 inputs are kept for two
  // steps each; 4 x 2 weights pass. A filter's sum leaves in every step, of 2 PEs, and comes back
  // for the second pair: 4 words away and, counted alike, 4 back, through registers that keep none.
  const auto network = fully_connected(1);
  const Layer& layer = network.layers.front();
  mapping::ArrayMapping array;
  array.rows = {{rank(layer, "C1"), 2}};
  array.loops = {{rank(layer, "C1"), 2}, {rank(layer, "K"), 1}};
  array.store_depth[0] = 1;
  array.store_depth[1] = array.store_depth[2] = 2;
  const auto traffic = mapping::array_traffic(layer, array, extents_of(layer, 1));
  EXPECT_EQ(traffic.words, 4 + 8 + 4 + 4);
  EXPECT_EQ(traffic.hops, 4 + 8 + 8 + 4);
  EXPECT_EQ(traffic.fills, 4);
}

/// Two tiles that share out the images.
struct TwoTiles {
  const Network network;
  const Layer& layer = network.layers.front();
  StagePlan plan;
  hw::Accelerator machine = machine_of(
      "rows: 1 columns: 2 noc { flit_bytes: 16 } tile { interface { max_payload_bytes: 256 } }");

  explicit TwoTiles(std::int64_t images = 2) : network(fully_connected(images)) {
    plan.partition = {{rank(layer, "N"), 0, 2, Axis::kTiles}};
    plan.inputs.resize(2);
    plan.array = two_by_two(layer);
  }
  mapping::PlannedLayer planned() const {
    return {layer, plan, extents_of(layer, 1), {false, false}};
  }
};

TEST(ExpectedEvents, AddUpOverTiles) {
  const TwoTiles two;
  const auto events = mapping::events_on_tiles(two.planned());
  EXPECT_EQ(events.macs, 2 * 2 * 4);
  EXPECT_EQ(events.register_accesses, 4 * events.macs);
  EXPECT_EQ(events.array_transfer_words, 2 * 20);
  EXPECT_EQ(events.register_fills, 2 * 2);
  // A tile: 14 words to and from the array, 4 inputs and 8 weights come in, 2 outputs go out.
  EXPECT_EQ(events.buffer_words, 2 * (14 + 12 + 2));
}

TEST(ExpectedEvents, WhoStaysIsReadByReaders) {
  // Outputs that stay are not read; 2 x 4 inputs come out of another tile's buffer instead of
  // memory.
  TwoTiles two;
  auto planned = two.planned();
  planned.output_leaves = false;
  planned.from_tiles[0] = true;
  EXPECT_EQ(mapping::events_on_tiles(planned).buffer_words, 2 * (14 + 12 + 4));
}

TEST(ExpectedEvents, AlikeWordsForkOnTheirWay) {
  // 1 x 2 tiles: half of rows + columns is 1.5 links from a memory, and one more for every tile
  // that is reached. Inputs: 2 tiles x 4 words x 2.5; weights: 8 words x 3.5 for both. Every 16
  // flits have a head.
  const TwoTiles two;
  EXPECT_DOUBLE_EQ(mapping::input_hop_words(two.planned(), two.machine, true), 48 * 17. / 16);
  // Without forks: 2 x 4 x 1.5 + 8 x 1.5 x 2.
  EXPECT_DOUBLE_EQ(mapping::input_hop_words(two.planned(), two.machine, false), 36 * 17. / 16);
}

TEST(ExpectedEvents, SharedWeightsComeOnceAndGoRound) {
  // Four images on two tiles that share the weights: image after image, filter after filter. Half
  // of the weights come from memory; of the 2 x 2 pieces that a tile uses three come from its
  // neighbour, of 4 words each: in, and out again for the neighbour.
  TwoTiles two(4);
  two.plan.loops = {{rank(two.layer, "N"), 1}, {rank(two.layer, "K"), 1, true}};
  two.plan.inputs[0].depth = 2;
  two.plan.inputs[1] = {.depth = 1, .shared_by = 2, .turn = 1};
  two.plan.output.depth = 2;
  two.plan.array.columns.clear();
  const mapping::PlannedLayer planned{
      two.layer, two.plan, extents_of(two.layer, 2), {false, false}};
  const auto traffic = mapping::array_traffic(two.layer, two.plan.array, {1, 1, 4});
  // Per tile and image 2 trips of the array; inputs 2 x 4; weights 4 + 2 x 3 x 4; outputs 2 x 2.
  EXPECT_EQ(mapping::events_on_tiles(planned).buffer_words,
            2 * (4 * traffic.words + 8 + 4 + 24 + 4));
  // Inputs 2 x 8 x 2.5; weights 2 x 4 words, for one tile each, x 2.5, and 2 x 12 over one link.
  EXPECT_DOUBLE_EQ(mapping::input_hop_words(planned, two.machine, true), (40 + 20 + 24) * 17. / 16);
}

TEST(Estimates, OfAScheduleAddUpUnlessOneIsMissing) {
  mapping::Schedule schedule;
  EXPECT_FALSE(mapping::expected_of(schedule));
  schedule.root.children.resize(2);
  schedule.root.children[0].expected.cycles = 3;
  EXPECT_FALSE(mapping::expected_of(schedule));
  schedule.root.children[1].expected.cycles = 4;
  schedule.root.children[1].expected.events.macs = 5;
  EXPECT_EQ(mapping::expected_of(schedule)->cycles, 7);
  EXPECT_EQ(mapping::expected_of(schedule)->events.macs, 5);
}

TEST(Estimates, OfTransportArePricedPerWord) {
  // Words of two bytes; tile-cycles are those of all tiles.
  const auto machine = machine_of("rows: 1 columns: 2 word_bits: 16");
  mapping::Estimate estimate;
  estimate.cycles = 10;
  mapping::add_transport(estimate, 8, 6, 4, machine);
  EXPECT_EQ(estimate.events.noc_hop_words, 4);
  EXPECT_EQ(estimate.events.dram_words, 3);
  EXPECT_EQ(estimate.events.shared_buffer_words, 2);
  EXPECT_EQ(estimate.events.tile_cycles, 20);
}

}  // namespace
}  // namespace tessera::test
