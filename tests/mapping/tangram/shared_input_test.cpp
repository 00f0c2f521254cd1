// DRAM data that one stage of a segment fetches for others.
#include "mapping/importers/tangram/shared_input.h"

#include <gtest/gtest.h>

#include "mapping/importers/tangram/import.h"
#include "tests/support/reference_archive.h"

namespace tessera::mapping::tangram {
namespace {

/// Four gates read the same 32 images of 140 + 140 channels; the first one's four tiles fetch them
/// and keep 35 channels of outputs of all images each.
Document gates() {
  return parse_document(
      test::load_reference("tangram").at("schedules/lstm_phoneme_4x4_8k_b32_tangram.json"),
      "phoneme.json");
}

TEST(SharedInput, IsCopiedOnceIntoTheTilesOfTheFirstStage) {
  const auto document = gates();
  const auto shared = shared_inputs(document);
  ASSERT_EQ(shared.size(), 1u);
  EXPECT_EQ(document.layers[static_cast<std::size_t>(shared[0].first)].name, "cell_cand");
  std::vector<std::string> readers;
  for (const int reader : shared[0].readers)
    readers.push_back(document.layers[static_cast<std::size_t>(reader)].name);
  EXPECT_EQ(readers,
            (std::vector<std::string>{"cell_cand", "cell_igate", "cell_fgate", "cell_ogate"}));
  ASSERT_EQ(shared[0].copies.size(), 2u);
  for (const auto& copy : shared[0].copies) {
    // Eight images on each of the four tiles of the first column.
    EXPECT_EQ(copy.image_ways, 4);
    EXPECT_EQ(copy.channel_ways, 1);
    EXPECT_EQ(copy.words, 8 * 140);
    EXPECT_EQ(copy.tiles, (std::vector<hw::Coordinate>{{0, 0}, {1, 0}, {2, 0}, {3, 0}}));
  }
}

TEST(SharedInput, NeedsRoomBesideWhatTheFirstStageHolds) {
  // Two copies of 1120 words and outputs of 32 x 35.
  auto document = gates();
  document.hardware.gbuf_words = 2 * 1120 + 32 * 35;
  EXPECT_EQ(shared_inputs(document).size(), 1u);
  --document.hardware.gbuf_words;
  EXPECT_TRUE(shared_inputs(document).empty());
}

TEST(SharedInput, IsALayerOfTheNetworkThatAllReadersRead) {
  const auto import = import_document(gates(), "phoneme", "phoneme.json");
  const auto& layers = import.network.layers;
  const auto named = [&](const std::string& name) {
    return std::ranges::find(layers, name, &workloads::Layer::name);
  };
  const auto copy = named("cell_cand.hands_on.We");
  ASSERT_NE(copy, layers.end());
  for (const char* reader : {"cell_cand", "cell_igate", "cell_fgate", "cell_ogate"}) {
    ASSERT_NE(named(reader), layers.end());
    EXPECT_EQ(named(reader)->inputs[0].tensor, copy->output.tensor) << reader;
  }
}

}  // namespace
}  // namespace tessera::mapping::tangram
