#include "sim/machine/child_run.h"

#include <string>

#include "sim/base/child_process.h"
#include "sim/machine/machine.h"

namespace tessera::sim {

Cycle cycles_in_child(const hw::Accelerator& accelerator, const mapping::Program& program,
                      MachineOptions options) {
  const auto result = in_child([&] {
    Machine machine(accelerator, program, std::move(options));
    return std::to_string(machine.run());
  });
  return std::stoull(result.value());
}

}  // namespace tessera::sim
