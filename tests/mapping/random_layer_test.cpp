#include "tests/support/random_layer.h"

#include <gtest/gtest.h>

#include <set>

#include "mapping/layerwise.h"
#include "mapping/lowering.h"
#include "mapping/program_checker.h"
#include "mapping/program_io.h"

namespace tessera::mapping {

namespace {

hw::Accelerator machine(int rows, int columns, Bytes buffer_bytes) {
  hw::Accelerator accelerator;
  accelerator.name = "random";
  accelerator.rows = rows;
  accelerator.columns = columns;
  accelerator.tile.array.rows = accelerator.tile.array.columns = 4;
  for (auto& words : accelerator.tile.array.bus_words_per_cycle) words = 4;
  accelerator.tile.buffer.bytes = buffer_bytes;
  accelerator.tile.buffer.line_bytes = 16;
  accelerator.dram.resize(1);
  return accelerator;
}

/// Lowers and checks; the program as stored.
std::string compile(const workloads::Network& network, const hw::Accelerator& accelerator) {
  const Program program = lower(schedule_layerwise(network, accelerator, {}), network, accelerator);
  check(program,
        {accelerator.tiles(), accelerator.tile.buffer.bytes, accelerator.tile.buffer.line_bytes});
  return to_program_bytes(program);
}

}  // namespace

TEST(RandomLayer, SameSeedGivesTheSameLayer) {
  const auto accelerator = machine(2, 2, 8192);
  for (std::uint64_t seed = 0; seed < 20; ++seed)
    EXPECT_EQ(compile(test::random_layer(seed), accelerator),
              compile(test::random_layer(seed), accelerator));
  EXPECT_NE(compile(test::random_layer(1), accelerator),
            compile(test::random_layer(2), accelerator));
}

TEST(RandomLayer, FormsDifferInShape) {
  for (int form = 0; form < test::kLayerForms; ++form) {
    std::set<std::int64_t> volumes;
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
      const auto network = test::random_layer(static_cast<test::LayerForm>(form), seed);
      const auto& layer = network.layers.back();
      volumes.insert(volume(layer.whole()));
      EXPECT_LE(volume(layer.whole()), 500'000) << network.name;
    }
    EXPECT_GT(volumes.size(), 15u) << "form " << form;
  }
}

TEST(RandomLayer, StridesDilationsPaddingAndGroupsOccur) {
  int strided = 0, dilated = 0, padded = 0, grouped = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const auto network = test::random_layer(test::LayerForm::kGrouped, seed);
    const auto& layer = network.layers.front();
    grouped += layer.rank_index("G") >= 0 ? 1 : 0;
    for (const auto& access : layer.inputs[0].dimensions) {
      padded += access.offset < 0 ? 1 : 0;
      for (const auto& term : access.terms) {
        const std::string& rank = layer.ranks[term.rank].name;
        strided += (rank == "P" || rank == "Q") && term.coefficient > 1 ? 1 : 0;
        dilated += (rank == "R" || rank == "S") && term.coefficient > 1 ? 1 : 0;
      }
    }
  }
  EXPECT_GT(strided, 50);
  EXPECT_GT(dilated, 20);
  EXPECT_GT(padded, 50);
  EXPECT_GT(grouped, 100);
}

// The checker must not cry wolf: what the scheduler and lowering make of any layer is sound.
TEST(LoweredRandomLayers, AreSoundOnSmallMachines) {
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    const auto network = test::random_layer(seed);
    for (const auto& accelerator : {machine(1, 1, 4096), machine(2, 2, 8192), machine(4, 3, 2048)})
      ASSERT_NO_THROW(compile(network, accelerator))
          << "seed " << seed << " on " << accelerator.tiles();
  }
}

TEST(LoweredRandomNetworks, AreSoundOnSmallMachines) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const auto network = test::random_network(6, seed);
    for (const auto& accelerator : {machine(1, 1, 8192), machine(4, 4, 8192)})
      ASSERT_NO_THROW(compile(network, accelerator))
          << "seed " << seed << " on " << accelerator.tiles();
  }
}

}  // namespace tessera::mapping
