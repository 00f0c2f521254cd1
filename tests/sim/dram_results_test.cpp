// What a run says of its DRAM channels.
#include <gtest/gtest.h>

#include <algorithm>

#include "mapping/layerwise.h"
#include "mapping/lowering.h"
#include "sim/base/json.h"
#include "sim/results/collect.h"
#include "tests/support/simulation.h"
#include "tests/support/small_machine.h"

namespace tessera::test {
namespace {

sim::proto::Result small_cnn_on(const hw::Accelerator& machine) {
  const auto network = workloads::load_network("small_cnn", 0);
  const auto program =
      mapping::lower(mapping::schedule_layerwise(network, machine, {}), network, machine);
  const auto run = simulate(machine, program);
  EXPECT_TRUE(run.ok()) << run.text;
  sim::proto::Result result;
  if (run.ok()) parse_json(run.text, "run", result);
  return result;
}

std::uint64_t total(const dram::proto::BusCycles& bus) {
  return bus.data() + bus.no_requests() + bus.refresh() + bus.row() + bus.turnaround() +
         bus.group_spacing() + bus.arbitration();
}

TEST(DramResults, BusCyclesAddUpToTheRunOnEveryChannel) {
  const auto result = small_cnn_on(grid_machine(2, 2));
  ASSERT_EQ(result.dram_channels_size(), 2);
  for (const auto& channel : result.dram_channels()) {
    // The end of the run on the channel's clock, rounded up to its next edge.
    const double cycles = result.milliseconds() * 1e9 / static_cast<double>(channel.clock_ps());
    EXPECT_GE(static_cast<double>(channel.cycles()), cycles - 1e-6);
    EXPECT_LT(static_cast<double>(channel.cycles()), cycles + 1);
    EXPECT_EQ(total(channel.bus_cycles()), channel.cycles());
    EXPECT_DOUBLE_EQ(
        channel.bandwidth_fraction(),
        static_cast<double>(channel.bus_cycles().data()) / static_cast<double>(channel.cycles()));
  }
}

TEST(DramResults, EveryBurstIsInTheSeriesTheBanksAndTheCounts) {
  const auto result = small_cnn_on(grid_machine(2, 2));
  for (const auto& channel : result.dram_channels()) {
    std::uint64_t busy = 0, in_banks = 0;
    for (const auto window : channel.bandwidth_series().busy_cycles()) busy += window;
    for (const auto& bank : channel.banks()) in_banks += bank.rd() + bank.wr();
    EXPECT_EQ(busy, channel.bus_cycles().data());
    EXPECT_EQ(in_banks, channel.requests());
    EXPECT_EQ(channel.counts().at("RD") + channel.counts().at("WR"), channel.requests());
    EXPECT_GT(channel.requests(), 0u);
  }
}

TEST(DramResults, WithoutACostPerWordTheDevicesCurrentsCount) {
  auto machine = grid_machine(2, 2);
  machine.energy.dram_access_word = 0;
  const auto result = small_cnn_on(machine);
  double picojoules = 0;
  for (const auto& channel : result.dram_channels()) picojoules += channel.energy_pj().total();
  EXPECT_GT(picojoules, 0);
  EXPECT_NEAR(result.energy_pj().dram(), picojoules, 1e-9 * picojoules);
}

}  // namespace
}  // namespace tessera::test
