#include "mapping/cost/interstellar/model.h"

#include <gtest/gtest.h>

#include "mapping/importers/interstellar/import.h"
#include "tests/mapping/interstellar/small_case.h"

namespace tessera::mapping::interstellar {

namespace {

InterstellarResult run(const std::string& layer_text, const std::string& mapping,
                       const std::string& arch, Faults faults = Faults::kAsShipped) {
  const auto network = read_layer(JsonValue::parse(layer_text, "layer.json"), "l");
  const auto& layer = network.layers.front();
  const auto architecture = read_architecture(JsonValue::parse(arch, "arch.json"));
  const auto schedule = read_mapping(JsonValue::parse(mapping, "map.json"), layer, architecture);
  return predict(layer, blocking_levels(schedule, layer), architecture, faults);
}

void expect_totals(const PerTensor<std::int64_t>& totals, std::int64_t input, std::int64_t output,
                   std::int64_t filter) {
  EXPECT_EQ(totals[0], input);
  EXPECT_EQ(totals[1], output);
  EXPECT_EQ(totals[2], filter);
}

// Registers: every product reads its input (4 per element: OC) and filter (4: OX OY), and updates
// an output twice written (IC) and once read back. DRAM: the input again for both OC trips, outputs
// twice, and the filter once, since OY runs inside IC.
TEST(Accesses, FollowLoopsThatDoNotIndexTheTensor) {
  const auto result = run(test::kLayer, test::kMapping, test::architecture(2, 1));
  expect_totals(result.memories[0].total, 8 * 4, 16 * 3, 8 * 4);
  expect_totals(result.memories[1].total, 8 * 2, 16 * 3, 8 * 1);
  EXPECT_DOUBLE_EQ(result.memories[0].picojoules, 112 * 1.0);
  EXPECT_DOUBLE_EQ(result.memories[1].picojoules, 72 * 100.0);
  EXPECT_EQ(result.macs, 32);
  EXPECT_EQ(result.ideal_cycles, 16);
}

// The input passes both units (2 x 2 per element), outputs (2 writes each, counted once) and
// filters one.
TEST(Hops, NeighboursPassOnWhatTheyShare) {
  const auto result = run(test::kLayer, test::kMapping, test::architecture(2, 1));
  expect_totals(result.arrays[0].near_total, 8 * 4, 16 * 2, 8 * 1);
  EXPECT_DOUBLE_EQ(result.arrays[0].picojoules, 72 * 0.5);
  EXPECT_DOUBLE_EQ(result.picojoules, 112 + 7200 + 36);
}

// OC neighbours, OX repeated: a filter word reaches the second block over a hop as wide as the
// block.
const char kReplicated[] = R"({"levels": [
  {"temporal_inner_to_outer": [], "spatial": {"OC": 2, "OX": 2}, "spatial_axes": [["OC", "OX"]]},
  {"temporal_inner_to_outer": [["OY", 2], ["IC", 2], ["OC", 2]], "spatial": {}, "spatial_axes": null}]})";

TEST(Hops, RepeatedBlocksAreFar) {
  const auto result = run(test::kLayer, kReplicated, test::architecture(4, 1));
  expect_totals(result.arrays[0].near_total, 8 * 4, 16 * 2, 8 * 1);
  ASSERT_EQ(result.arrays[0].far_total.size(), 1u);
  expect_totals(result.arrays[0].far_total[0], 0, 0, 8 * 2);
  EXPECT_DOUBLE_EQ(result.arrays[0].picojoules, (72 + 16 * 2) * 0.5);
}

// On a broadcast array both loops are near: 8 filters x 2 blocks.
TEST(Hops, BroadcastHasNoFarHops) {
  const auto result = run(test::kLayer, kReplicated, test::architecture(4, 2));
  expect_totals(result.arrays[0].near_total, 8 * 4, 16 * 2, 8 * 2);
  EXPECT_TRUE(result.arrays[0].far_total.empty());
}

// Registers hold 2 outputs (OX) of one unit's channel; both units 4 outputs, the inputs twice.
TEST(Blocks, CountCopiesOfAllUnits) {
  const auto blocks = run(test::kLayer, test::kMapping, test::architecture(2, 1)).blocks;
  expect_totals(blocks[0].unit, 2, 2, 1);
  expect_totals(blocks[0].all_units, 4, 4, 2);
}

const char kStrided[] = R"({"fmap_width": 2, "fmap_height": 2, "input_fmap_channel": 1,
  "output_fmap_channel": 2, "window_width": 1, "window_height": 1, "batch_size": 1,
  "stride_width": 2, "stride_height": 2})";
const char kStridedMapping[] = R"({"levels": [
  {"temporal_inner_to_outer": [["OX", 2]], "spatial": {}, "spatial_axes": null},
  {"temporal_inner_to_outer": [["OY", 2], ["OC", 2]], "spatial": {}, "spatial_axes": null}]})";

// 3 x 3 inputs, OC 2: 2 / 4 is 0 in whole numbers. Mended: blocks of 3 columns and a row, for each
// of the 2 x 2 trips of OY and OC; at the registers one input for each of 8 products.
TEST(Stride, RoundsInputTrafficToNoneUnlessFixed) {
  const auto shipped = run(kStrided, kStridedMapping, test::architecture(1, 0));
  EXPECT_EQ(shipped.memories[1].total[0], 0);
  EXPECT_TRUE(shipped.input_floor_zero);
  const auto fixed = run(kStrided, kStridedMapping, test::architecture(1, 0), Faults::kFixed);
  EXPECT_EQ(fixed.memories[0].total[0], 8);
  EXPECT_EQ(fixed.memories[1].total[0], 3 * 4);
}

// Three levels, nothing runs at the middle one: the filter that the registers hold does not change
// during OY at DRAM. The tool counts it there again.
TEST(Stationarity, ReachesAcrossLevelsOnlyWhenFixed) {
  const std::string arch =
      R"({"mem_levels": 3, "capacity": [64, 512, 4096], "access_cost": [1, 6, 100],
    "precision": 8, "mac_capacity": 0, "parallel_cost": [], "parallel_count": [1, 1, 1],
    "parallel_mode": [0, 0, 0]})";
  const std::string mapping = R"({"levels": [
    {"temporal_inner_to_outer": [["OX", 2]], "spatial": {}, "spatial_axes": null},
    {"temporal_inner_to_outer": [], "spatial": {}, "spatial_axes": null},
    {"temporal_inner_to_outer": [["OY", 2], ["IC", 2], ["OC", 4]], "spatial": {}, "spatial_axes": null}]})";
  EXPECT_EQ(run(test::kLayer, mapping, arch).memories[1].total[2], 8 * 2);
  EXPECT_EQ(run(test::kLayer, mapping, arch, Faults::kFixed).memories[1].total[2], 8);
}

// The tool's default of memory_partitions stops at three levels: the fourth costs nothing.
TEST(FourLevels, DramIsFreeUnlessFixed) {
  const std::string arch =
      R"({"mem_levels": 4, "capacity": [64, 64, 512, 4096], "access_cost": [1, 2, 6, 100],
    "precision": 8, "mac_capacity": 0, "parallel_cost": [], "parallel_count": [1, 1, 1, 1],
    "parallel_mode": [0, 0, 0, 0]})";
  const std::string none =
      R"({"temporal_inner_to_outer": [], "spatial": {}, "spatial_axes": null})";
  const std::string mapping =
      "{\"levels\": [" + none + "," + none + "," + none +
      R"(, {"temporal_inner_to_outer": [["OX", 2], ["OY", 2], ["IC", 2], ["OC", 4]], "spatial": {}}]})";
  EXPECT_DOUBLE_EQ(run(test::kLayer, mapping, arch).memories[3].picojoules, 0);
  EXPECT_GT(run(test::kLayer, mapping, arch, Faults::kFixed).memories[3].picojoules, 0);
}

}  // namespace

}  // namespace tessera::mapping::interstellar
