// Schedulers that fuse layers: what they save, what they cost, and that values stay right.
#include <algorithm>

#include "mapping/fusion/fused_scheduler.h"
#include "mapping/fusion/fusion_plan.h"
#include "sim/machine/child_run.h"
#include "sim/machine/machine_rates.h"
#include "tests/sim/fused_layers.h"

namespace tessera::test {
namespace {

/// Maps of 48 x 48 x 8 words of 2 bytes, 36 KiB each: more than four tiles of 8 KiB hold.
Network large_maps() {
  PlainNetwork network("large_maps");
  const Window padded{{3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}};
  auto tensor = network.input({1, 4, 48, 48});
  for (const int filters : {8, 8, 8, 4}) tensor = network.convolution(tensor, filters, padded);
  return network.finish();
}

int fused_tops(const mapping::Schedule& schedule) {
  return static_cast<int>(std::ranges::count_if(schedule.root.children, mapping::is_fused));
}

std::int64_t dram_bytes(const hw::Accelerator& machine, const mapping::Program& program) {
  const auto text = after_run(machine, program, [](const sim::Machine& whole, Cycle) {
    Bytes bytes = 0;
    for (const auto& interface : whole.dram())
      bytes += interface->counts().read_bytes + interface->counts().written_bytes;
    return std::to_string(bytes);
  });
  return text.empty() ? 0 : std::stoll(text);
}

TEST(Schedulers, FusedSavesDramTrafficAndKeepsTheValues) {
  const auto network = large_maps();
  const auto machine = grid_machine(2, 2);
  const auto rates = sim::machine_rates(machine);
  const auto schedule = mapping::schedule_fused(network, machine, rates);
  EXPECT_GT(fused_tops(schedule), 0);
  const auto program = mapping::lower(schedule, network, machine);
  expect_right_values(machine, program);
  const auto apart =
      mapping::lower(mapping::schedule_layerwise(network, machine, rates), network, machine);
  EXPECT_LT(dram_bytes(machine, program), dram_bytes(machine, apart));
}

TEST(Schedulers, RefinedAreNeverSlowerThanLayerwiseAndKeepTheValues) {
  const auto network = large_maps();
  const auto machine = grid_machine(2, 2);
  const auto rates = sim::machine_rates(machine);
  const auto simulated = [&](const mapping::Program& program, Cycle limit) {
    return sim::cycles_up_to(machine, program, limit);
  };
  const auto cycles = [&](const mapping::Schedule& schedule) {
    return simulated(mapping::lower(schedule, network, machine), 0).value();
  };
  const auto apart = cycles(mapping::schedule_layerwise(network, machine, rates));
  mapping::RefineOptions options;
  options.finalists = 2;
  const mapping::Refined all[] = {
      mapping::refine_fused(network, machine, rates, simulated, options),
      mapping::refine_pipeorgan(network, machine, rates, simulated, options),
      mapping::refine_layerwise(network, machine, rates, simulated, options)};
  for (const auto& refined : all) {
    const auto program = mapping::lower(refined.schedule, network, machine);
    EXPECT_LE(cycles(refined.schedule), apart);
    EXPECT_GT(refined.candidates, 0);
    expect_right_values(machine, program);
  }
}

TEST(Schedulers, SimulationsEndAtTheirLimit) {
  const auto network = large_maps();
  const auto machine = grid_machine(2, 2);
  const auto program = mapping::lower(
      mapping::schedule_layerwise(network, machine, sim::machine_rates(machine)), network, machine);
  const auto cycles = sim::cycles_up_to(machine, program, 0).value();
  EXPECT_EQ(sim::cycles_up_to(machine, program, cycles), cycles);
  EXPECT_EQ(sim::cycles_up_to(machine, program, cycles - 1), std::nullopt);
  EXPECT_EQ(sim::cycles_up_to(machine, program, 1), std::nullopt);
}

TEST(Schedulers, PipeOrganKeepsTheValues) {
  const auto network = large_maps();
  const auto machine = grid_machine(4, 4);
  const auto schedule = mapping::schedule_pipeorgan(network, machine, sim::machine_rates(machine));
  EXPECT_GT(fused_tops(schedule), 0);
  const auto program = mapping::lower(schedule, network, machine);
  expect_right_values(machine, program);
}

}  // namespace
}  // namespace tessera::test
