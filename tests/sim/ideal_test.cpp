// Each idealisation alone, on a machine whose real cycles tile_timing.h derives; the rules are
// stated there.
#include "hw_models/description/accelerator.h"
#include "mapping/program_checker.h"
#include "sim/results/collect.h"
#include "tests/sim/tile_timing.h"

namespace tessera::test {
namespace {

using hw::Ideal;

hw::Accelerator ideal_machine(std::initializer_list<Ideal> parts, int rows = 1, int columns = 1,
                              const std::string& more = "") {
  auto machine = machine_with(rows, columns, more);
  hw::IdealSet ideal;
  for (const Ideal part : parts) ideal.set(part);
  hw::idealise(machine, ideal);
  return machine;
}

/// OneTile.LoadComputeStore on another machine: one output from 16 inputs and weights. In the real
/// machine the array starts in 102.
Lines one_tile(const hw::Accelerator& machine) {
  const auto network = dense(1);
  return observe(machine, lower_plans(network, machine, {dense_plan(network, 0, {0})}));
}

Cycle real_array_cycles(std::int64_t filters, Cycle start) {
  return array_cycles(machine_with(1, 1), filters, 16, start);
}

TEST(Ideal, OverlapBringsTheFirstLoadsAndTakesTheLastStoreAtOnce) {
  // Inputs are asked for in cycle 1, seen by DRAM in 2 and answered at once; seen by the tile, and
  // usable, in 3. One cycle of issue. The request for room at the end is seen in the next cycle,
  // the grant in the one after; the data arrive in that cycle, the run ends after it.
  const auto lines = one_tile(ideal_machine({Ideal::kOverlap}));
  const Cycle done = 4 + real_array_cycles(1, 4);
  EXPECT_EQ(about(lines, "tile0"), one("tile0 4 ", done));
  EXPECT_EQ(about(lines, "RD"), Lines{});
  EXPECT_EQ(about(lines, "WR"), Lines{});
  EXPECT_EQ(about(lines, "end"), one("end ", done + 3));
}

TEST(Ideal, ArrayHasNoFillNoDrainAndNoIssue) {
  // Both requests leave in cycle 0, the second a cycle behind the first as before: the operands are
  // usable in 101 and the array starts then. 16 steps follow one another, a word of each operand
  // per step, a line each.
  const auto lines = one_tile(ideal_machine({Ideal::kArray}));
  EXPECT_EQ(about(lines, "tile0"), one("tile0 101 ", 101 + 16));
  EXPECT_EQ(about(lines, "array_fill_drain"), one("array_fill_drain 0"));
  EXPECT_EQ(about(lines, "control"), one("control 0"));
}

TEST(Ideal, DeliveryIsNotLimitedByBuses) {
  // Four PEs of a row need 4 weights per step over a bus of one word. The first line of the
  // weights' stream is reached in cycle 7 (7 + 1 = 8 banks). Real: the bus is busy for 4 cycles per
  // step, steps in 10, 14, ..., 70: 45 cycles between them without a step. Ideal: steps in 7 to 22.
  // Results on the bus a cycle after the last step; the output stream reaches its line in cycles 5
  // modulo 8, from 74 on (the last of 4 words) in 77, ideally from 23 on in 29.
  hw::ArrayWork work;
  work.columns_used = 4;
  work.loops = {{16, {true, true, false}}};
  work.operand[hw::kInputOperand] = {1, 1, 4, true};
  work.operand[hw::kWeightOperand] = {4, 1, 1, true};
  work.operand[hw::kOutputOperand] = {4, 0, 1, true};
  work.macs = 64;
  const std::string narrow =
      "tile { array { columns: 4 bus_words_per_cycle { input: 1 weight: 1 output: 1 } } }";
  const auto timing = [&](const hw::Accelerator& machine) {
    return hw::PeArray(machine.tile.array, machine.tile.buffer, 2).time(work, 0);
  };
  const auto real = timing(machine_with(1, 1, narrow));
  EXPECT_EQ(real.stall, 45u);
  EXPECT_EQ(real.cycles, 78u);
  const auto ideal = timing(ideal_machine({Ideal::kDelivery}, 1, 1, narrow));
  EXPECT_EQ(ideal.stall, 0u);
  EXPECT_EQ(ideal.cycles, 30u);
}

TEST(Ideal, CapacityMakesSecondCopiesFree) {
  // OneTile.SingleBufferedWeightsAreRequestedAfterTheRelease with a second copy for nothing behaves
  // as SecondInstructionFollowsWhenItsWeightsAreThere, which has one.
  const auto network = dense(2);
  StagePlan plan = dense_plan(network, 0, {0});
  plan.loops = {{network.layers[0].rank_index("K"), 1}};
  plan.inputs = {{0, false}, {1, false}};
  plan.output = {1, true};
  const auto machine = ideal_machine({Ideal::kCapacity});
  const auto lines = observe(machine, lower_plans(network, machine, {plan}));
  EXPECT_EQ(about(lines, "RD"), (Lines{"RD bank0 37", "RD bank2 53", "RD bank2 61"}));
  const Cycle first = 102 + real_array_cycles(1, 102);
  EXPECT_EQ(
      about(lines, "tile0").at(1),
      detail::concatenate("tile0 ", first + 1, " ", first + 1 + real_array_cycles(1, first + 1)));
}

TEST(Ideal, PortsServeAnyLineInAnyCycle) {
  // The inputs' tail comes in 98: written in 99, not in the even cycle after it, usable in 100. In
  // the array the first words are on the bus in the first cycle and used in it: 16 steps, then the
  // sum on the bus and written in the next cycle, the end after that. The output leaves the buffer
  // in the cycle of the grant, on the link a cycle later.
  const auto lines = one_tile(ideal_machine({Ideal::kPorts}));
  const Cycle done = 101 + 16 + 1;
  EXPECT_EQ(about(lines, "tile0"), one("tile0 101 ", done));
  EXPECT_EQ(about(lines, "WR"), one("WR bank4 ", done + 16 + 1 + 8 + 1 + 29));
}

TEST(Ideal, NetworkWithoutLatencyStillSerialises) {
  // A request takes its flit's cycle, the one after it is handed over: read in 1, seen in 2; inputs
  // in 3. ACT 2, RD 31; ACT 18, RD 47, data until 83. The packet's three flits pass in 84 to 86;
  // written in 88.
  const auto lines = one_tile(ideal_machine({Ideal::kLatency}));
  EXPECT_EQ(about(lines, "RD"), (Lines{"RD bank2 31", "RD bank0 47"}));
  EXPECT_EQ(cycle_in(about(lines, "tile0").at(0), 1), 90u);
}

TEST(Ideal, NetworkWithoutContentionKeepsItsLatency) {
  // FourTiles.CopiesFollowOneAnother, each copy as if it were alone: 3 flits from 105 on, whatever
  // goes before.
  const auto machine = ideal_machine({Ideal::kBandwidth}, 2, 2, "noc { multicast: false }");
  const auto network = dense(4);
  const auto lines = observe(
      machine, lower_plans(network, machine, {dense_plan(network, 0, {0, 1, 2, 3}, "K", 4)}));
  const Cycle tails[] = {105 + 7 + 2, 105 + 12 + 2, 105 + 12 + 2, 105 + 17 + 2};
  for (int tile = 0; tile < 4; ++tile)
    EXPECT_EQ(cycle_in(about(lines, detail::concatenate("tile", tile)).at(0), 1),
              next_even(tails[tile] + 1) + 2)
        << "tile " << tile;
}

TEST(Ideal, NetworkWithNeitherDeliversAtOnce) {
  // Requests are seen in 1 and 2: ACT 1, RD 30; ACT 17, RD 46; data until 82, in the tile in that
  // cycle, written in 84, usable in 85.
  const auto lines = one_tile(ideal_machine({Ideal::kLatency, Ideal::kBandwidth}));
  EXPECT_EQ(about(lines, "RD"), (Lines{"RD bank2 30", "RD bank0 46"}));
  EXPECT_EQ(cycle_in(about(lines, "tile0").at(0), 1), 86u);
}

TEST(Ideal, DramMovesBurstAfterBurst) {
  // Requests are seen in 8 and 9; a burst takes 8 cycles: data until 16 and 24. 3 flits, read in 24
  // + 7 + 2 = 33, written in 34. The output's burst ends 8 after it has come.
  const auto lines = one_tile(ideal_machine({Ideal::kDram}));
  EXPECT_EQ(about(lines, "ACT"), Lines{});
  const Cycle done = 36 + real_array_cycles(1, 36);
  EXPECT_EQ(about(lines, "tile0"), one("tile0 36 ", done));
  EXPECT_EQ(about(lines, "end"), one("end ", next_odd(done + 16) + 1 + 8 + 1 + 8));
}

/// Words of the first input that DRAM and array see.
Lines input_words(const hw::Accelerator& machine, const Program& program) {
  mapping::check(program, limits_of(machine));
  return {after_run(machine, program, [](const sim::Machine& whole, Cycle cycles) {
    const auto words = sim::collect(whole, cycles).layers(0).words(0);
    return detail::concatenate(words.dram_read(), " ", words.buffer_received());
  })};
}

TEST(Ideal, ToolwordsKeepWindowsAndCountGaps) {
  // A row of 15 inputs, filter of 3, stride 2: 7 outputs, one after the other. Each needs a window
  // of 3: 21 words. The tool keeps what the window before had: 3, then 2 each time: 15.
  PlainNetwork window("window");
  window.convolution(window.input({1, 1, 1, 15}), 1, {.kernel = {1, 3}, .stride = {1, 2}});
  const auto windows = window.finish();
  const auto plan_of = [](const Network& network) {
    StagePlan plan = plain_plan(network, 0);
    plan.loops = {{network.layers[0].rank_index("Q"), 1}};
    plan.inputs = {{1, true}, {0, false}};
    plan.output = {1, true};
    choose_array(plan, network, machine_with(1, 1));
    return plan;
  };
  const auto at_once = [](const Network& network) {
    StagePlan plan = plain_plan(network, 0);
    choose_array(plan, network, machine_with(1, 1));
    return plan;
  };
  const auto real = machine_with(1, 1);
  const auto ideal = ideal_machine({Ideal::kToolwords});
  EXPECT_EQ(input_words(real, lower_plans(windows, real, {plan_of(windows)})), Lines{"21 21"});
  EXPECT_EQ(input_words(ideal, lower_plans(windows, ideal, {plan_of(windows)})), Lines{"15 15"});

  // A filter of 1 at stride 2 touches 7 of 13 inputs; the tool counts the gaps.
  PlainNetwork gap("gaps");
  gap.convolution(gap.input({1, 1, 1, 13}), 1, {.stride = {1, 2}});
  const auto gaps = gap.finish();
  EXPECT_EQ(input_words(real, lower_plans(gaps, real, {at_once(gaps)})), Lines{"7 7"});
  EXPECT_EQ(input_words(ideal, lower_plans(gaps, ideal, {at_once(gaps)})), Lines{"13 13"});
}

}  // namespace
}  // namespace tessera::test
