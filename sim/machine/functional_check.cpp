#include "sim/machine/functional_check.h"

#include "sim/base/error.h"
#include "workloads/reference_executor.h"

namespace tessera::sim {

void check_outputs(const Machine& machine, std::uint64_t seed) {
  const auto& network = machine.program().network;
  auto expected = workloads::seeded_values(network, seed);
  workloads::execute(network, expected);
  for (std::size_t t = 0; t < network.tensors.size(); ++t) {
    if (network.tensors[t].kind != workloads::TensorKind::kOutput) continue;
    const auto& found = machine.memory()->values()[t];
    for (std::size_t i = 0; i < found.size(); ++i)
      if (found[i] != expected[t][i])
        throw InvariantViolation("functional mode", 0, "output ", network.tensors[t].name,
                                 " element ", i, " is ", found[i], ", the reference says ",
                                 expected[t][i]);
  }
}

}  // namespace tessera::sim
