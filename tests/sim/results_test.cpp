// What a run answers: books that balance, energies by hand, the same bytes twice, and a report that
// names who waits for what when nothing can move.
#include <gtest/gtest.h>

#include <algorithm>

#include "mapping/layerwise.h"
#include "mapping/lowering.h"
#include "sim/base/error.h"
#include "sim/base/json.h"
#include "sim/results/collect.h"
#include "tests/support/plain_network.h"
#include "tests/support/refusal.h"
#include "tests/support/simulation.h"
#include "tests/support/small_machine.h"
#include "tests/support/stage_tree.h"

namespace tessera::test {
namespace {

using mapping::Axis;
using mapping::Program;
using mapping::StagePlan;
using workloads::Network;

sim::proto::Result result_of(const hw::Accelerator& machine, const Program& program) {
  const auto run = simulate(machine, program);
  EXPECT_TRUE(run.ok()) << run.text;
  sim::proto::Result result;
  if (run.ok()) parse_json(run.text, "run", result);
  return result;
}

Program small_cnn_on(const hw::Accelerator& machine) {
  const auto network = workloads::load_network("small_cnn", 0);
  return mapping::lower(mapping::schedule_layerwise(network, machine, {}), network, machine);
}

std::uint64_t total(const sim::proto::CycleStack& stack) {
  return stack.compute() + stack.array_fill_drain() + stack.buffer_and_delivery() + stack.vector() +
         stack.control() + stack.wait_dram() + stack.wait_network() + stack.wait_peer() +
         stack.idle();
}

double total_of_parts(const sim::proto::Energy& energy) {
  return energy.mac() + energy.register_file() + energy.array() + energy.buffer() +
         energy.vector_unit() + energy.network() + energy.dram() + energy.static_();
}

TEST(CycleStacks, AddUpToTheRunOnEveryTile) {
  const auto machine = grid_machine(2, 2);
  const auto program = small_cnn_on(machine);
  const auto run = in_child([&] {
    sim::Machine whole(machine, program, {});
    const Cycle cycles = whole.run();
    for (const auto& tile : whole.tiles())
      if (tile->stack().total() != cycles)
        throw std::runtime_error(detail::concatenate(
            "tile ", tile->id(), ": ", tile->stack().total(), " of ", cycles, " cycles"));
    return std::to_string(cycles);
  });
  EXPECT_TRUE(run.ok()) << run.text;
  const auto result = result_of(machine, program);
  EXPECT_EQ(total(result.cycle_stack()), 4 * result.cycles());
  // Values carried along change no cycle.
  EXPECT_EQ(std::to_string(result.cycles()), run.text);
}

TEST(Layers, CyclesAndEnergiesAddUpToTheRun) {
  const auto machine = grid_machine(2, 2);
  const auto result = result_of(machine, small_cnn_on(machine));
  const auto network = workloads::load_network("small_cnn", 0);
  ASSERT_EQ(result.layers_size(), static_cast<int>(network.layers.size()));
  std::uint64_t cycles = 0;
  std::int64_t macs = 0;
  double picojoules = 0;
  for (const auto& layer : result.layers()) {
    cycles += layer.cycles();
    macs += layer.macs();
    picojoules += layer.energy_pj().total();
    EXPECT_DOUBLE_EQ(layer.energy_pj().total(), total_of_parts(layer.energy_pj())) << layer.name();
    EXPECT_GT(layer.energy_pj().total(), 0) << layer.name();
  }
  EXPECT_EQ(cycles, result.cycles());
  EXPECT_EQ(macs, network.macs());
  EXPECT_EQ(result.macs(), network.macs());
  EXPECT_NEAR(result.energy_pj().total(), picojoules, 1e-6 * picojoules);
  EXPECT_DOUBLE_EQ(result.energy_pj().total(), total_of_parts(result.energy_pj()));
  // A table of ones: a picojoule per multiplication.
  EXPECT_DOUBLE_EQ(result.energy_pj().mac(), static_cast<double>(network.macs()));
  EXPECT_NEAR(result.energy_pj().static_(), 4.0 * static_cast<double>(result.cycles()), 1e-3);
}

TEST(Energy, OfOneDotProductByHand) {
  // 16 inputs x 16 weights on the right one of two tiles; DRAM hangs on the left one. A table of
  // ones, 2-byte words, 16-byte flits of 8 words.
  const auto machine = machine_of("rows: 1 columns: 2");
  PlainNetwork builder("dot");
  builder.fully_connected(builder.input({1, 16}), 1);
  const auto network = builder.finish();
  StagePlan plan = plain_plan(network, 0);
  plan.tiles = {1};
  plan.array.loops = {{network.layers[0].rank_index("C1"), 1}};
  plan.array.store_depth[hw::kInputOperand] = plan.array.store_depth[hw::kWeightOperand] = 1;
  plan.array.store_depth[hw::kOutputOperand] = 0;
  const auto result =
      result_of(machine, mapping::lower(schedule_of(network, {plan}), network, machine));
  const auto& energy = result.energy_pj();
  EXPECT_DOUBLE_EQ(energy.mac(), 16);
  // Inputs, weights and one output cross the DRAM bus: 16 + 16 + 1 words.
  EXPECT_DOUBLE_EQ(energy.dram(), 33);
  // One link between the tiles. Flits: two read requests, a write request, a grant: 1 each; two
  // data packets of 32 bytes: 3 each; the output: 2. 12 flits over one link, 8 words each.
  EXPECT_DOUBLE_EQ(energy.network(), 12 * 8);
  // Registers: four accesses per multiplication (two operands, the sum in and out) and the output's
  // word read when it leaves; operands stream past.
  EXPECT_DOUBLE_EQ(energy.register_file(), 4 * 16 + 1);
  // Array wires: every word to or from its one PE.
  EXPECT_DOUBLE_EQ(energy.array(), 16 + 16 + 1);
  // Buffer: operands in from the network and out to the array, the output in from the array and out
  // to the network.
  EXPECT_DOUBLE_EQ(energy.buffer(), 32 + 32 + 1 + 1);
  EXPECT_DOUBLE_EQ(energy.static_(), 2.0 * static_cast<double>(result.cycles()));
  EXPECT_DOUBLE_EQ(energy.vector_unit(), 0);
}

TEST(Determinism, TwoRunsGiveTheSameBytes) {
  const auto machine = grid_machine(4, 4);
  const auto program = small_cnn_on(machine);
  const auto first = simulate(machine, program);
  ASSERT_TRUE(first.ok()) << first.text;
  EXPECT_EQ(first.text, simulate(machine, small_cnn_on(machine)).text);
}

TEST(Determinism, TheSeedChangesValuesNotCycles) {
  const auto machine = grid_machine(2, 2);
  const auto program = small_cnn_on(machine);
  EXPECT_EQ(simulate(machine, program, 1).text, simulate(machine, program, 2).text);
}

/// Two tiles share 16 inputs, two filters each, with room for the weights of one. Tile 1 takes both
/// its weights before the inputs, but computes with neither before it has the inputs: its load
/// queue waits for its compute queue, that for its load queue, and tile 0 for tile 1's readiness.
Program waits_in_a_circle(const hw::Accelerator& machine) {
  PlainNetwork builder("circle");
  builder.fully_connected(builder.input({1, 16}), 4);
  const auto network = builder.finish();
  StagePlan plan = plain_plan(network, 0);
  const int filters = network.layers[0].rank_index("K");
  plan.tiles = {0, 1};
  plan.partition = {{filters, 0, 2, Axis::kTiles}};
  plan.loops = {{filters, 1}};
  plan.inputs = {{0, false}, {1, false}};
  plan.output = {1, true};
  choose_array(plan, network, machine);
  Program program = mapping::lower(schedule_of(network, {plan}), network, machine);
  auto& stage = program.stages[0];
  stage.codes.push_back(stage.codes[0]);
  std::ranges::reverse(stage.codes[1].load);
  stage.shares[1].code = 1;
  return program;
}

TEST(Deadlock, CheckerRefusesACircle) {
  const auto machine = machine_of("rows: 1 columns: 2");
  expect_refused([&] { mapping::check(waits_in_a_circle(machine), limits_of(machine)); }, "tile 1");
}

TEST(Deadlock, MachineNamesWhoWaitsForWhat) {
  const auto machine = machine_of("rows: 1 columns: 2");
  const auto run = simulate(machine, waits_in_a_circle(machine));
  EXPECT_EQ(run.end, ChildResult::End::kNoProgress) << run.text;
  for (const std::string part :
       {"the machine cannot move after cycle",
        "tile 0; load queue in stage fully_connected0 waits for room",
        "compute queue in stage fully_connected0 waits for a granule of its inputs",
        "tile 1; load queue in stage fully_connected0 waits for room"})
    EXPECT_NE(run.text.find(part), std::string::npos) << part << " is not in: " << run.text;
}

}  // namespace
}  // namespace tessera::test
