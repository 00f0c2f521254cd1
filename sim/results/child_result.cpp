#include "sim/results/child_result.h"

#include "sim/base/child_process.h"
#include "sim/base/error.h"
#include "sim/results/collect.h"

namespace tessera::sim {

proto::Result result_in_child(const hw::Accelerator& accelerator, const mapping::Program& program,
                              MachineOptions options) {
  const auto child = in_child([&] {
    Machine machine(accelerator, program, std::move(options));
    const Cycle cycles = machine.run();
    return collect(machine, cycles).SerializeAsString();
  });
  proto::Result result;
  if (!result.ParseFromString(child.value()))
    throw std::runtime_error("the result of a simulation in a child process cannot be read");
  return result;
}

}  // namespace tessera::sim
