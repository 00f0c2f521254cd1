// nn_dataflow's schedules from the packed reference: which lower, run and give the right values.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "hw_models/description/convert.h"
#include "mapping/importers/machine/tool_case.h"
#include "mapping/importers/tangram/import.h"
#include "mapping/lowering.h"
#include "tests/support/reference_archive.h"
#include "tests/support/refusal.h"
#include "tests/support/simulation.h"

namespace tessera::test {
namespace {

struct Loaded {
  hw::Accelerator accelerator;
  mapping::Program program;
};

class TangramCases : public ::testing::Test {
 protected:
  static Loaded load(const std::string& name, bool unpinned = false) {
    static const auto folder = unpack(load_reference("tangram"), "tangram");
    const auto file = (folder / "schedules" / (name + ".json")).string();
    auto loaded = mapping::importers::load_tool_case("tangram", "", file, "", {unpinned});
    auto accelerator = hw::to_accelerator(loaded.machine, name);
    auto program = mapping::lower(loaded.schedule, loaded.network, accelerator);
    return {std::move(accelerator), std::move(program)};
  }

  static std::string refusal(const std::string& name) {
    return refusal_of([&] { load(name); }, "lowered");
  }

  static void runs(const std::string& name, bool unpinned = false) {
    const auto loaded = load(name, unpinned);
    SCOPED_TRACE(name);
    expect_right_values(loaded.accelerator, loaded.program);
  }
};

TEST_F(TangramCases, BringTheirHardware) {
  const auto machine = load("mlp_m_4x4_b4_baseline").accelerator;
  EXPECT_EQ(machine.tiles(), 16);
  ASSERT_EQ(machine.dram.size(), 4u);
  // 8 bytes per cycle of 500 MHz over four channels of two bytes: 500 million transfers a second.
  EXPECT_EQ(machine.dram[0].data_rate_mt_s, 500);
  EXPECT_EQ(machine.dram[3].at, (hw::Coordinate{3, 3}));
  // 16384 words and a line for each of the eight banks.
  EXPECT_EQ(machine.tile.buffer.bytes, 32768u + 8 * 32);
}

TEST_F(TangramCases, ComputeAnMlpInEveryVariant) {
  for (const char* variant : {"baseline", "forwarding", "sharing", "pipeline_basic", "tangram"})
    runs(std::string("mlp_m_4x4_b4_") + variant);
}

TEST_F(TangramCases, ComputeAResidualBlock) {
  for (const char* variant : {"baseline", "pipeline_opt_ovhd10", "tangram_ovhd10"})
    runs(std::string("resblk_4x4_8k_b1_") + variant);
}

TEST_F(TangramCases, ComputeAChainOfConvolutions) {
  for (const char* variant : {"baseline", "pipeline_basic_ovhd10", "pipeline_opt_ovhd10",
                              "tangram_ovhd10", "sharing_pipeline_opt_ovhd10"})
    runs(std::string("chain4_4x4_8k_b1_") + variant);
}

const mapping::Slot& outputs_of(const mapping::Program& program, const std::string& layer) {
  const auto& stage = *std::ranges::find(program.stages, layer, &mapping::Stage::name);
  return stage.slots[stage.output_slot];
}

TEST_F(TangramCases, HandOverPiecesWhereTheWholeMapHasNoRoom) {
  // 64 channels of 8 x 16 words at each owner, twice the buffer: 32 of them have a place.
  const auto chain = load("chain4_4x4_8k_b1_pipeline_opt_ovhd10").program;
  const auto& pieces = outputs_of(chain, "c3");
  EXPECT_TRUE(pieces.streams);
  EXPECT_EQ(pieces.granules, 32);
  EXPECT_EQ(pieces.granule_bytes, 8u * 16 * 2);
  // Here a piece of 32 channels is all of the buffer for the convolution and for the addition:
  // both go through them two by two, the convolution with two places, the addition with what is
  // left beside them and its operands, 8192 - (2 + 2 x 2) x 512 bytes: ten.
  const auto block = load("resblk_4x4_8k_b1_pipeline_opt_ovhd10").program;
  EXPECT_EQ(outputs_of(block, "br").granules, 2);
  EXPECT_EQ(outputs_of(block, "res").granules, 10);
  EXPECT_EQ(outputs_of(block, "res").granule_bytes, 2u * 8 * 16 * 2);
  // What has room stays whole.
  EXPECT_FALSE(outputs_of(block, "a").streams);
}

TEST_F(TangramCases, FoldsOfRowsPassThroughARingWhileTheNextLayerWaits) {
  // A batch group of the first layer is half an image of each half of the batch, 4 channels of
  // 16 x 32 words: one place. The second layer takes whole images into its staging FIFO.
  const auto program = load("chain4_4x4_8k_b8_tangram_ovhd10").program;
  const auto& fold = outputs_of(program, "c1.0");
  EXPECT_TRUE(fold.streams);
  EXPECT_EQ(fold.granules, 1);
  EXPECT_EQ(fold.granule_bytes, 4u * 16 * 32 * 2);
  runs("chain4_4x4_8k_b8_tangram_ovhd10");
}

TEST_F(TangramCases, MapsLargerThanABufferLeaveForDramAndTheOthersStay) {
  // Of conv1_a a tile makes 24 x 28 x 55 words, of conv2_a 64 x 27 x 27, of zfnet's conv2
  // 64 x 26 x 26; its buffer has 16384. 2 x 12 x 27 x 14 of pool1_a and 4 x 32 x 7 x 13 of pool2
  // have room beside what their readers hold.
  const std::vector<std::pair<std::string, std::string>> leave = {
      {"alex_net_4x4_b4_tangram", "conv1_a"},
      {"alex_net_4x4_b4_tangram", "conv2_a"},
      {"alex_net_4x4_b4_sharing_pipeline_basic", "conv1_b"},
      {"alex_net_4x4_b4_sharing_pipeline_basic", "conv2_b"},
      {"zfnet_4x4_b4_tangram", "conv2"}};
  for (const auto& [name, layer] : leave) {
    const auto program = load(name).program;
    EXPECT_TRUE(outputs_of(program, layer).refetched) << name << " " << layer;
  }
  for (const char* layer : {"pool1_a", "pool1_b", "conv4_a", "pool3_b"})
    EXPECT_FALSE(outputs_of(load("alex_net_4x4_b4_tangram").program, layer).refetched) << layer;
  EXPECT_FALSE(outputs_of(load("zfnet_4x4_b4_tangram").program, "pool2").refetched);
  // Beside pool1_a a fold of conv2_a's inputs, 24 x 11 x 27 words, has no room in the buffer. It
  // stays in the staging FIFO, so that it is fetched once as the tool says.
  const auto alex = load("alex_net_4x4_b4_tangram").program;
  const auto& fold = std::ranges::find(alex.stages, "conv2_a", &mapping::Stage::name)->slots[0];
  EXPECT_TRUE(fold.staging);
  EXPECT_EQ(fold.granule_bytes, round_up<Bytes>(24 * 11 * 27 * 2, 32));
}

TEST_F(TangramCases, LowerNetworksOfEveryKind) {
  for (const char* name :
       {"alex_net_4x4_b4_forwarding", "googlenet_4x4_b4_baseline", "lstm_gnmt_4x4_b4_tangram",
        "lstm_phoneme_4x4_8k_b32_sharing", "zfnet_4x4_b4_baseline", "vgg_net_4x4_b1_sharing",
        "alex_net_4x4_b4_sharing_pipeline_basic", "alex_net_4x4_b4_tangram",
        "zfnet_4x4_b4_tangram"})
    EXPECT_EQ(refusal(name), "lowered") << name;
}

TEST_F(TangramCases, RefusePinnedWeightsThatDoNotFitWithTheSizes) {
  const auto text = refusal("lstm_showtell_4x4_b4_tangram");
  EXPECT_NE(
      text.find("layer cell_cand: its weights are taken to be on chip from the start and need "
                "131072 words of a tile buffer of 16384; they do not fit"),
      std::string::npos)
      << text;
}

TEST_F(TangramCases, ComputeWithPinnedWeightsFetchedOnRequest) {
  runs("lstm_showtell_4x4_b4_tangram", /*unpinned=*/true);
}

/// One segment of a schedule as a schedule of its own: what earlier segments leave in DRAM is an
/// input.
mapping::tangram::Document segment_of(mapping::tangram::Document document, int segment) {
  std::map<std::string, mapping::tangram::FmapRange> maps(document.externals.begin(),
                                                          document.externals.end());
  for (const auto& layer : document.layers)
    maps[layer.name] = {{0, document.batch},
                        {0, layer.shape.output_channels},
                        {0, layer.shape.output_rows},
                        {0, layer.shape.output_columns}};
  std::erase_if(document.layers, [&](const auto& layer) { return layer.segment != segment; });
  document.segments = {document.segments[static_cast<std::size_t>(segment)]};
  document.externals.clear();
  std::string input;
  for (auto& layer : document.layers) {
    layer.segment = 0;
    for (auto& producer : layer.producers) {
      if (document.layer_index(producer) >= 0) continue;
      if (input.empty()) document.externals["__INPUT__"] = maps.at(input = producer);
      if (producer == input)
        producer = "__INPUT__";
      else
        document.externals[producer] = maps.at(producer);
    }
  }
  return document;
}

struct SegmentCase {
  std::string name;
  int segment = 0;
  std::map<std::string, std::int64_t> moved;  ///< layer: words of partial sums between tiles
};

class TangramSegments : public ::testing::TestWithParam<SegmentCase> {};

/// A line for each layer whose sums rotate, pieces of layers together, and its words.
std::string moved_sums(const sim::Machine& machine, Cycle) {
  const auto& program = machine.program();
  std::map<std::string, std::int64_t> moved;
  for (const auto& tile : machine.tiles())
    for (std::size_t turn = 0; turn < tile->counts().size(); ++turn) {
      const auto& stage =
          program.stages[static_cast<std::size_t>(machine.index().turns(tile->id())[turn].stage)];
      if (stage.slots[static_cast<std::size_t>(stage.output_slot)].rotating)
        moved[stage.name.substr(0, stage.name.find('.'))] +=
            tile->counts()[turn].words[hw::kOutputOperand].received;
    }
  std::string text;
  for (const auto& [layer, words] : moved) text += layer + " " + std::to_string(words) + "\n";
  return text;
}

TEST_P(TangramSegments, RunInTheirBuffersWhilePartialSumsGoRound) {
  // Every word is visited once per round by each of the tiles that share it and moves between two
  // visits: outputs x (rounds x tiles - 1).
  const auto& given = GetParam();
  const auto archive = load_reference("tangram");
  const auto folder = unpack(archive, "tangram_segment_" + given.name);
  const auto file = (folder / "schedules" / (given.name + ".json")).string();
  const auto accelerator = hw::to_accelerator(
      mapping::importers::load_tool_case("tangram", "", file, "").machine, given.name);
  const auto document = segment_of(mapping::tangram::load_document(file), given.segment);
  std::filesystem::remove_all(folder);
  const auto import = mapping::tangram::import_document(document, "segment", given.name);
  const auto program = mapping::lower(import.schedule, import.network, accelerator);
  mapping::check(program, limits_of(accelerator));
  std::string expected;
  for (const auto& [layer, words] : given.moved)
    expected += layer + " " + std::to_string(words) + "\n";
  EXPECT_EQ(after_run(accelerator, program, moved_sums), expected);
}

INSTANTIATE_TEST_SUITE_P(
    All, TangramSegments,
    testing::Values(
        // 4 images x 192 x 13 x 13, 2 rounds of 2 tiles
        SegmentCase{"alex_net_4x4_b4_tangram", 3, {{"conv4_a", 4 * 192 * 169 * 3}}},
        // the same; 4 x 128 x 13 x 13, a round of 8; 4 x 4096, a round of 16
        SegmentCase{"alex_net_4x4_b4_sharing_pipeline_basic",
                    5,
                    {{"conv4_b", 4 * 192 * 169 * 3},
                     {"conv5_b", 4 * 128 * 169 * 7},
                     {"fc1", 4 * 4096 * 15}}},
        // 4 x 512 x 13 x 13, 16 rounds of 2
        SegmentCase{"zfnet_4x4_b4_tangram", 4, {{"conv5", 4 * 512 * 169 * 31}}},
        // 4 x 4096 in 16 pieces, a round of 3: parts of 5, 5 and 6
        SegmentCase{"zfnet_4x4_b4_tangram", 5, {{"fc2", 4 * 4096 * 2}}},
        // maps that leave for DRAM; no sums go round
        SegmentCase{"alex_net_4x4_b4_tangram", 0, {}}, SegmentCase{"zfnet_4x4_b4_tangram", 2, {}},
        // conv1: weights go round, no sums; busy links let requests for them overtake each other
        SegmentCase{"googlenet_4x4_b4_sharing", 0, {}}),
    [](const auto& one) {
      return one.param.name + "_segment_" + std::to_string(one.param.segment);
    });

}  // namespace
}  // namespace tessera::test
