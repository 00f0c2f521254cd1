// A scheduler's estimate beside what the machine then does.
#include <gtest/gtest.h>

#include "mapping/layerwise.h"
#include "mapping/lowering.h"
#include "sim/base/json.h"
#include "sim/results/prediction.h"
#include "tests/support/plain_network.h"
#include "tests/support/simulation.h"
#include "tests/support/small_machine.h"

namespace tessera::test {
namespace {

/// Two layers that deal out evenly.
workloads::Network even_layers() {
  PlainNetwork network("even", 8);
  network.fully_connected(network.fully_connected(network.input({8, 32}), 32), 16);
  return network.finish();
}

TEST(Prediction, CountsWhatAnEvenNetworkDoes) {
  const auto machine = grid_machine(2, 2);
  const auto network = even_layers();
  const auto schedule = mapping::schedule_layerwise(network, machine, {});
  const auto predicted = sim::prediction_of(mapping::expected_of(schedule).value(), machine.energy);
  const auto run = simulate(machine, mapping::lower(schedule, network, machine));
  ASSERT_TRUE(run.ok()) << run.text;
  sim::proto::Result result;
  parse_json(run.text, "run", result);
  const auto& energy = result.energy_pj();
  EXPECT_EQ(predicted.energy_pj().mac(), energy.mac());
  EXPECT_EQ(predicted.energy_pj().register_file(), energy.register_file());
  EXPECT_EQ(predicted.energy_pj().array(), energy.array());
  EXPECT_EQ(predicted.energy_pj().buffer(), energy.buffer());
  EXPECT_EQ(predicted.energy_pj().dram(), energy.dram());
  // Waiting and ways are estimates.
  EXPECT_NEAR(predicted.cycles() / static_cast<double>(result.cycles()), 1, 0.5);
}

TEST(Prediction, LeavesEnergyOutWhereTheTableDoesNotPriceDram) {
  hw::EnergyTable table;
  table.noc_hop_word = 1;
  const auto prediction = sim::prediction_of({5, {}}, table);
  EXPECT_EQ(prediction.cycles(), 5);
  EXPECT_FALSE(prediction.has_energy_pj());
  table.dram_access_word = 1;
  EXPECT_TRUE(sim::prediction_of({5, {}}, table).has_energy_pj());
}

}  // namespace
}  // namespace tessera::test
