// The same values come out wherever tensors lie in the DRAM channels, and each placement shows in
// the channels' traffic.
#include <gtest/gtest.h>

#include "mapping/layerwise.h"
#include "mapping/lowering.h"
#include "mapping/program_checker.h"
#include "mapping/schedule_io.h"
#include "sim/base/error.h"
#include "sim/base/json.h"
#include "sim/results/collect.h"
#include "tests/support/simulation.h"
#include "tests/support/small_machine.h"

namespace tessera::test {
namespace {

hw::Accelerator machine_with(int channels) {
  return machine_of(detail::concatenate(
      "name: 'grid' rows: 3 columns: 3 dram_interleave_bytes: 64 dram_channels: ", channels,
      " tile { array { rows: 4 columns: 4 } ", "buffer { bytes: 8192 banks: 4 } }"));
}

/// small_cnn under a placement, checked, run with values and compared with the reference executor.
sim::proto::Result run_with(int channels, const std::vector<std::string>& settings) {
  const auto machine = machine_with(channels);
  const auto network = workloads::load_network("small_cnn", 0);
  std::vector<std::string> assignments;
  for (const auto& setting : settings) assignments.push_back("schedule.dram_placement." + setting);
  const auto schedule =
      mapping::with_settings(mapping::schedule_layerwise(network, machine, {}), assignments);
  const auto program = mapping::lower(schedule, network, machine);
  mapping::check(program, limits_of(machine));
  const auto run = simulate(machine, program);
  EXPECT_TRUE(run.ok()) << run.text;
  sim::proto::Result result;
  if (run.ok()) parse_json(run.text, "run", result);
  return result;
}

std::uint64_t bytes_read(const sim::proto::Result& result) {
  std::uint64_t bytes = 0;
  for (const auto& channel : result.dram_channels()) bytes += channel.read_bytes();
  return bytes;
}

class PlacementOnChannels : public testing::TestWithParam<int> {};

TEST_P(PlacementOnChannels, ValuesAreThoseOfTheReference) {
  const int channels = GetParam();
  const auto plain = run_with(channels, {});
  ASSERT_EQ(plain.dram_channels_size(), channels);
  std::vector<std::vector<std::string>> placements = {
      {"interleave_bytes=32"},
      {"channels=PARTITIONED"},
      {"weight_copies=NEAREST"},
      {"weight_copies=IN_TURN"},
      {"channels=PARTITIONED", "weight_copies=IN_TURN"},
      {"base_alignment_bytes=16384"},
      {"base_alignment_bytes=16384", "base_stagger_bytes=2048"},
      {"tensor=tensor: 'conv1.weights' channels: 1"}};
  if (channels < 3) placements.push_back({"hashed=true", "interleave_bytes=32"});
  for (const auto& placement : placements) {
    const auto result = run_with(channels, placement);
    EXPECT_EQ(bytes_read(result), bytes_read(plain)) << placement.front();
  }
}

INSTANTIATE_TEST_SUITE_P(Channels, PlacementOnChannels, testing::Values(1, 2, 3));

TEST(Placement, InterleavedTrafficIsBalancedAndPartitionedIsNot) {
  const auto share_of_fullest = [](const sim::proto::Result& result) {
    std::uint64_t most = 0;
    for (const auto& channel : result.dram_channels()) most = std::max(most, channel.read_bytes());
    return static_cast<double>(most) / static_cast<double>(bytes_read(result));
  };
  const auto interleaved = run_with(2, {});
  const auto partitioned = run_with(2, {"channels=PARTITIONED"});
  EXPECT_LT(share_of_fullest(interleaved), 0.55);
  EXPECT_GT(share_of_fullest(partitioned), share_of_fullest(interleaved));
  EXPECT_GT(partitioned.cycles(), interleaved.cycles());
}

}  // namespace
}  // namespace tessera::test
