// The layerwise scheduler on every network of the zoo and every preset.
#include "mapping/layerwise.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>

#include "hw_models/description/load.h"
#include "mapping/lowering.h"
#include "mapping/program_checker.h"
#include "mapping/program_io.h"
#include "mapping/schedule_io.h"
#include "mapping/stage_plan.h"
#include "sim/base/error.h"
#include "tests/support/refusal.h"
#include "tests/support/small_machine.h"

namespace tessera::mapping {
namespace {

using workloads::Network;

struct Pair {
  std::string accelerator, network;
};

void PrintTo(const Pair& pair, std::ostream* out) {
  *out << pair.network << " on " << pair.accelerator;
}

class Zoo : public testing::TestWithParam<Pair> {};

/// Does one output element's worth of the layer fit at all? Ranks that a softmax or normalisation
/// needs whole stay together, everything else can be cut to one.
bool fits(const workloads::Layer& layer, const hw::Accelerator& accelerator) {
  std::vector<std::int64_t> extents(layer.ranks.size(), 1);
  for (const auto rank : layer.whole_ranks) extents[rank] = layer.ranks[rank].extent;
  const Bytes line = accelerator.tile.buffer.line_bytes;
  const auto bytes = [&](const workloads::Operand& operand) {
    return round_up(
        static_cast<Bytes>(nominal_elements(operand, extents) * accelerator.word_bytes()), line);
  };
  Bytes needed = bytes(layer.output);
  for (const auto& input : layer.inputs) needed += bytes(input);
  return needed <= accelerator.tile.buffer.bytes;
}

TEST_P(Zoo, EveryLayerIsScheduledLoweredAndSound) {
  const auto accelerator = hw::load_accelerator(GetParam().accelerator);
  const auto network = workloads::load_network(GetParam().network, 0);
  if (!std::ranges::all_of(network.layers,
                           [&](const auto& layer) { return fits(layer, accelerator); })) {
    // A whole row of 1024 or more words and its result in 2 KiB: pes-32x32 and the large
    // transformers.
    EXPECT_THROW(schedule_layerwise(network, accelerator, {}), UserError);
    return;
  }
  const auto schedule = schedule_layerwise(network, accelerator, {});
  const Program program = lower(schedule, network, accelerator);
  EXPECT_EQ(program.stages.size(), network.layers.size());
  const auto& buffer = accelerator.tile.buffer;
  EXPECT_NO_THROW(check(
      program, {accelerator.tiles(), buffer.bytes, buffer.line_bytes,
                accelerator.tile.interface.staging_bytes, static_cast<int>(accelerator.dram.size()),
                accelerator.shared_bytes(), static_cast<int>(accelerator.shared_buffers.size())}));

  const auto reread = parse_schedule(to_schedule_text(schedule), "text");
  EXPECT_EQ(to_program_bytes(lower(reread, network, accelerator)), to_program_bytes(program));
}

std::vector<Pair> pairs() {
  std::vector<Pair> pairs;
  for (const auto& accelerator : hw::accelerator_presets())
    for (const auto& entry : workloads::list_zoo()) pairs.push_back({accelerator, entry.name});
  return pairs;
}

INSTANTIATE_TEST_SUITE_P(Presets, Zoo, testing::ValuesIn(pairs()), [](const auto& info) {
  std::string name = info.param.accelerator + "_" + info.param.network;
  std::ranges::replace_if(
      name, [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
  return name;
});

const Part& part_written_by(const Program& program, const std::string& layer) {
  for (const auto& part : program.parts)
    if (part.producer_stage >= 0 && program.stages[part.producer_stage].name == layer) return part;
  throw std::runtime_error("no part of " + layer);
}

TEST(Layerwise, FeatureMapsStayOnChipWhenTheyFit) {
  const auto network = workloads::load_network("small_cnn", 0);
  // conv1 writes 16 x 16 x 16 words of 2 bytes: 8 KiB, 512 bytes on each of 16 tiles of 8 KiB.
  const auto roomy = test::grid_machine(4, 4);
  const auto stays = lower(schedule_layerwise(network, roomy, {}), network, roomy);
  EXPECT_EQ(part_written_by(stays, "conv1").home, Home::kTiles);
  EXPECT_EQ(part_written_by(stays, "fc2").home, Home::kDram);
  // On one tile of 8 KiB the same map would need all of it: at most three quarters may stay.
  const auto tight = test::grid_machine(1, 1);
  const auto leaves = lower(schedule_layerwise(network, tight, {}), network, tight);
  EXPECT_EQ(part_written_by(leaves, "conv1").home, Home::kDram);
}

TEST(Layerwise, FeatureMapsThatLeaveTheTilesGoToSharedBuffersWithRoom) {
  const auto network = workloads::load_network("small_cnn", 0);
  MachineRates rates;
  rates.shared_bytes_per_cycle = 32;
  auto tight = test::grid_machine(1, 1);
  tight.shared_buffers = {{.name = "s", .at = {}, .bytes = 8192}};
  const auto roomy = lower(schedule_layerwise(network, tight, rates), network, tight);
  EXPECT_EQ(part_written_by(roomy, "conv1").home, Home::kShared);
  EXPECT_EQ(part_written_by(roomy, "fc2").home, Home::kDram);
  // One stripe of 256 bytes less than the map.
  tight.shared_buffers[0].bytes = 7936;
  const auto small = lower(schedule_layerwise(network, tight, rates), network, tight);
  EXPECT_EQ(part_written_by(small, "conv1").home, Home::kDram);
}

TEST(Layerwise, RefusesALayerOfWhichNoTileFits) {
  const auto network = workloads::load_network("bert_base_block", 0);
  auto machine = test::grid_machine(1, 1);
  machine.tile.buffer.bytes = 512;  // a softmax row of 128 words of 2 bytes, in and out, needs more
  test::expect_refused([&] { schedule_layerwise(network, machine, {}); }, "no tile of it fits");
}

TEST(Layerwise, TwiceTheSameBytes) {
  const auto network = workloads::load_network("small_cnn", 0);
  const auto machine = test::grid_machine(2, 2);
  EXPECT_EQ(to_schedule_text(schedule_layerwise(network, machine, {})),
            to_schedule_text(schedule_layerwise(network, machine, {})));
}

}  // namespace
}  // namespace tessera::mapping
