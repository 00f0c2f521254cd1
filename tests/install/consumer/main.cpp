// Simulates a small network on a preset machine, in functional mode, and writes the result as JSON
// to standard output: what a program that embeds Tessera does.
#include <cstdlib>
#include <exception>
#include <iostream>

#include "hw_models/description/load.h"
#include "mapping/layerwise.h"
#include "mapping/lowering.h"
#include "mapping/program_checker.h"
#include "sim/base/json.h"
#include "sim/machine/functional_check.h"
#include "sim/machine/machine.h"
#include "sim/machine/machine_rates.h"
#include "sim/results/collect.h"
#include "workloads/network.h"

namespace {

tessera::sim::proto::Result simulate() {
  const auto accelerator = tessera::hw::load_accelerator("tangram-4x4");
  const auto network = tessera::workloads::load_network("tiny_mlp", /*batch=*/0);
  const auto schedule = tessera::mapping::schedule_layerwise(
      network, accelerator, tessera::sim::machine_rates(accelerator));
  const auto program = tessera::mapping::lower(schedule, network, accelerator);
  const auto& buffer = accelerator.tile.buffer;
  tessera::mapping::check(program, {accelerator.tiles(), buffer.bytes, buffer.line_bytes});

  tessera::sim::MachineOptions options;
  options.functional = true;
  tessera::sim::Machine machine(accelerator, program, options);
  const auto cycles = machine.run();
  auto result = tessera::sim::collect(machine, cycles);
  tessera::sim::check_outputs(machine, options.seed);
  result.set_functional_match(true);
  return result;
}

}  // namespace

// SystemC's library holds main and calls this.
int sc_main(int, char**) {
  setenv("TESSERA_DATA_DIR", DATA_DIR, /*overwrite=*/0);
  try {
    std::cout << tessera::to_json(simulate());
    return 0;
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
