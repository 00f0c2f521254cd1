// Bases and channels of tensors under every placement, by hand.
#include "mapping/dram_placement.h"

#include <gtest/gtest.h>

#include "mapping/schedule_io.h"
#include "sim/base/error.h"
#include "tests/support/refusal.h"

namespace tessera::mapping {
namespace {

using workloads::TensorKind;

/// Four tensors in DRAM but the third, which stays in the tiles: 5000, 4096, 100 and 9000 bytes.
Program four_tensors() {
  Program program;
  program.network.tensors = {{"in", TensorKind::kInput, {2500}},
                             {"w", TensorKind::kWeight, {2048}},
                             {"mid", TensorKind::kIntermediate, {50}},
                             {"out", TensorKind::kOutput, {4500}}};
  for (int t = 0; t < 4; ++t) {
    program.layouts.emplace_back();
    program.layouts.back().footprint_bytes =
        static_cast<Bytes>(2 * program.network.tensors[t].extents[0]);
    program.parts.push_back({t, -1, {}, t == 2 ? Home::kTiles : Home::kDram});
  }
  return program;
}

Program placed(const DramPlacement& placement, std::size_t channels, Bytes stripe = 256) {
  Program program = four_tensors();
  place_in_dram(placement, channels, stripe, program);
  return program;
}

std::vector<std::uint64_t> bases(const Program& program) {
  std::vector<std::uint64_t> addresses;
  for (const auto& layout : program.layouts) addresses.push_back(layout.base_address);
  return addresses;
}

std::vector<int> first_channels(const Program& program) {
  std::vector<int> channels;
  for (const auto& layout : program.layouts) channels.push_back(layout.first_channel);
  return channels;
}

using Addresses = std::vector<std::uint64_t>;

TEST(Placement, TensorsFollowEachOtherInUnitsOf4096BytesOfAllChannels) {
  // 5000 B take 8192, 4096 B 4096, 100 B 4096 bytes of all channels together.
  EXPECT_EQ(bases(placed({}, 1)), (Addresses{0, 8192, 12288, 16384}));
  EXPECT_EQ(bases(placed({}, 4)), (Addresses{0, 2048, 3072, 4096}));
  // Three channels: 8192 B are 32 stripes of 256, 11 in the fullest channel; 4096 B are 16, 6.
  EXPECT_EQ(bases(placed({}, 3)), (Addresses{0, 11 * 256, 17 * 256, 23 * 256}));
  const auto program = placed({}, 3);
  EXPECT_EQ(program.dram_channels, 3);
  for (const auto& layout : program.layouts) {
    EXPECT_EQ(layout.channels, 3);
    EXPECT_EQ(layout.stripe_bytes, 256u);
  }
}

TEST(Placement, AlignedBasesAreTheSameModuloTheAlignment) {
  DramPlacement placement;
  placement.base_alignment_bytes = 16384;
  // One channel: 8192, 4096, 4096 bytes, each from the next multiple of 16384 on.
  EXPECT_EQ(bases(placed(placement, 1)), (Addresses{0, 16384, 32768, 49152}));
}

TEST(Placement, StaggeredBasesMoveOnByTensor) {
  DramPlacement placement;
  placement.base_alignment_bytes = 8192;
  placement.base_stagger_bytes = 3072;
  // 0; 8192 + 3072 = 11264, taken to 15360; 16384 + 6144 = 22528, taken to 26624; 32768 + 9216 mod
  // 8192 = 33792.
  EXPECT_EQ(bases(placed(placement, 1)), (Addresses{0, 11264, 22528, 33792}));
}

TEST(Placement, PartitionedTensorsGoToTheChannelWithTheLeastData) {
  DramPlacement placement;
  placement.channels = DramPlacement::Channels::kPartitioned;
  const auto program = placed(placement, 2);
  // in (8192) to channel 0, w (4096) to 1, mid to 1 but counts for nothing, out to 1 (4096 < 8192),
  // behind mid.
  EXPECT_EQ(first_channels(program), (std::vector<int>{0, 1, 1, 1}));
  EXPECT_EQ(bases(program), (Addresses{0, 0, 4096, 8192}));
  for (const auto& layout : program.layouts) EXPECT_EQ(layout.channels, 1);
}

TEST(Placement, CopiesOfWeightsTakeTheSameAddressesInEveryChannel) {
  DramPlacement placement;
  placement.weight_copies = Copies::kNearest;
  const auto program = placed(placement, 2);
  // in: 4096 in each of two channels; w: all 4096 bytes in both; mid: 2048 in each.
  EXPECT_EQ(bases(program), (Addresses{0, 4096, 8192, 10240}));
  EXPECT_EQ(program.layouts[1].copies, Copies::kNearest);
  EXPECT_EQ(program.layouts[0].copies, Copies::kOne);
  EXPECT_EQ(program.layouts[3].copies, Copies::kOne);
}

TEST(Placement, ATensorCanBeGivenItsChannels) {
  DramPlacement placement;
  placement.tensors = {{"w", 2, 2}};
  const auto program = placed(placement, 4);
  EXPECT_EQ(program.layouts[1].first_channel, 2);
  EXPECT_EQ(program.layouts[1].channels, 2);
  // in takes 2048 bytes of every channel; w 2048 more of channels 2 and 3, behind which mid begins.
  EXPECT_EQ(bases(program), (Addresses{0, 2048, 4096, 5120}));
}

std::string refusal(const DramPlacement& placement, std::size_t channels = 2, Bytes stripe = 256) {
  return test::refusal_of([&] {
    check_placement(placement, "s");
    placed(placement, channels, stripe);
  });
}

TEST(Placement, RefusalsNameFieldValueAndWhatIsAllowed) {
  DramPlacement stripe, alignment, stagger, tensor, channel, channels;
  stripe.interleave_bytes = 100;
  EXPECT_EQ(refusal(stripe),
            "s: dram_placement.interleave_bytes is 100; allowed: 0 or a power of two");
  stripe.interleave_bytes = 1;
  EXPECT_EQ(refusal(stripe),
            "dram_placement.interleave_bytes is 1; allowed: a word of 2 bytes or more");
  alignment.base_alignment_bytes = Bytes{1} << 31;
  EXPECT_EQ(refusal(alignment),
            "s: dram_placement.base_alignment_bytes is 2147483648; allowed: 0 to 2^30");
  stagger.base_stagger_bytes = 64;
  EXPECT_EQ(refusal(stagger),
            "s: dram_placement.base_stagger_bytes is 64; allowed: less than base_alignment_bytes, "
            "0");
  tensor.tensors = {{"ww", 0, 1}};
  EXPECT_EQ(refusal(tensor),
            "dram_placement.tensor 'ww': the network has no such tensor; did you mean w?");
  channel.tensors = {{"w", 2, 1}};
  EXPECT_EQ(refusal(channel),
            "dram_placement.tensor w: first_channel is 2; the machine has 2 DRAM channels");
  DramPlacement hashed;
  hashed.hashed = true;
  EXPECT_EQ(refusal(hashed), "accepted");
  EXPECT_EQ(refusal(hashed, 3),
            "dram_placement.hashed: the stripes of tensor in go round 3 channels; allowed: a power "
            "of two");
  channels.tensors = {{"w", 0, 3}};
  EXPECT_EQ(refusal(channels),
            "dram_placement.tensor w: channels is 3; the machine has 2 DRAM channels");
}

constexpr char kSchedule[] = R"(name: "s"
root {
  layer {
    layer: "a"
  }
}
dram_placement {
  channels: PARTITIONED
  interleave_bytes: 512
  weight_copies: IN_TURN
  base_alignment_bytes: 16384
  base_stagger_bytes: 2048
  tensor {
    tensor: "w"
    first_channel: 1
    channels: 2
  }
  hashed: true
  fitted_to_burst_bytes: 32
}
)";

TEST(PlacementText, EveryFieldSurvives) {
  const auto schedule = parse_schedule(kSchedule, "s.textproto");
  EXPECT_EQ(schedule.dram_placement.channels, DramPlacement::Channels::kPartitioned);
  EXPECT_EQ(schedule.dram_placement.weight_copies, Copies::kInTurn);
  EXPECT_EQ(schedule.dram_placement.base_stagger_bytes, 2048u);
  EXPECT_EQ(to_schedule_text(schedule), kSchedule);
}

TEST(PlacementText, SettingsReachPlacementAndTree) {
  const auto schedule = parse_schedule("name: 's' root { layer { layer: 'a' } }", "s.textproto");
  const auto changed = with_settings(
      schedule, {"schedule.dram_placement.base_alignment_bytes=4096",
                 "schedule.dram_placement.base_stagger_bytes=64", "schedule.root.layer.layer=b"});
  EXPECT_EQ(changed.dram_placement.base_alignment_bytes, 4096u);
  EXPECT_EQ(changed.dram_placement.base_stagger_bytes, 64u);
  EXPECT_EQ(changed.root.layer.layer, "b");
  EXPECT_EQ(changed.origin, "s.textproto");
  EXPECT_THROW(with_settings(schedule, {"schedule.dram_placement.base_stagger_bytes=64"}),
               UserError);
  EXPECT_THROW(with_settings(schedule, {"schedule.dram_placement.frobs=1"}), UserError);
}

}  // namespace
}  // namespace tessera::mapping
