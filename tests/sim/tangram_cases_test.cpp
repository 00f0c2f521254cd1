// nn_dataflow's schedules from the packed reference: which lower, run and give the right values.
#include <gtest/gtest.h>

#include <algorithm>

#include "hw_models/description/convert.h"
#include "mapping/importers/machine/tool_case.h"
#include "mapping/lowering.h"
#include "sim/base/error.h"
#include "tests/support/reference_archive.h"
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
    try {
      load(name);
    } catch (const UserError& error) {
      return error.what();
    }
    return "lowered";
  }

  static void runs(const std::string& name, bool unpinned = false) {
    const auto loaded = load(name, unpinned);
    mapping::check(loaded.program, limits_of(loaded.accelerator));
    const auto run = simulate(loaded.accelerator, loaded.program);
    EXPECT_TRUE(run.ok()) << name << ": " << run.text;
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
  runs("resblk_4x4_8k_b1_baseline");
  runs("resblk_4x4_8k_b1_tangram_ovhd10");
}

TEST_F(TangramCases, ComputeAChainOfConvolutions) { runs("chain4_4x4_8k_b1_baseline"); }

TEST_F(TangramCases, LowerNetworksOfEveryKind) {
  for (const char* name :
       {"alex_net_4x4_b4_forwarding", "googlenet_4x4_b4_baseline", "lstm_gnmt_4x4_b4_tangram",
        "lstm_phoneme_4x4_8k_b32_sharing", "zfnet_4x4_b4_baseline", "vgg_net_4x4_b1_sharing"})
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

}  // namespace
}  // namespace tessera::test
