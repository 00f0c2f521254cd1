#include "tests/support/simulation.h"

#include <stdexcept>

#include "sim/base/error.h"
#include "sim/base/json.h"
#include "sim/results/collect.h"
#include "workloads/reference_executor.h"

namespace tessera::test {

std::string difference_from_reference(const sim::Machine& machine, std::uint64_t seed) {
  const auto& program = machine.program();
  auto expected = workloads::seeded_values(program.network, seed);
  workloads::execute(program.network, expected);
  for (const auto& part : program.parts) {
    if (part.home == mapping::Home::kTiles || part.home == mapping::Home::kWindow) continue;
    const auto& found = machine.memory()->values()[part.tensor];
    const auto& tensor = program.network.tensors[part.tensor];
    std::string difference;
    for_each_index(part.region, [&](std::span<const std::int64_t> index) {
      std::size_t flat = 0;
      for (std::size_t d = 0; d < index.size(); ++d)
        flat =
            flat * static_cast<std::size_t>(tensor.extents[d]) + static_cast<std::size_t>(index[d]);
      if (difference.empty() && found[flat] != expected[part.tensor][flat])
        difference = detail::concatenate("tensor ", tensor.name, " element ", flat, " is ",
                                         found[flat], "; expected ", expected[part.tensor][flat]);
    });
    if (!difference.empty()) return difference;
  }
  return "";
}

ChildResult simulate(const hw::Accelerator& accelerator, const mapping::Program& program,
                     std::uint64_t seed, bool detailed_arrays) {
  return in_child([&] {
    sim::MachineOptions options;
    options.functional = true;
    options.seed = seed;
    options.detailed_arrays = detailed_arrays;
    sim::Machine machine(accelerator, program, options);
    const Cycle cycles = machine.run();
    const auto result = sim::collect(machine, cycles);
    if (const auto difference = difference_from_reference(machine, seed); !difference.empty())
      throw std::runtime_error(difference);
    return to_json(result);
  });
}

}  // namespace tessera::test
