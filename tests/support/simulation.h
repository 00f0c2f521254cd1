// One run of a machine in a process of its own, judged in functional mode.
#pragma once

#include <string>

#include "hw_models/description/accelerator.h"
#include "mapping/program_checker.h"
#include "sim/base/child_process.h"
#include "sim/machine/machine.h"

namespace tessera::test {

using mapping::limits_of;

/// Elements of DRAM that differ from the plain reference executor in any tensor with a part there:
/// one line naming the first, "" when all are equal.
std::string difference_from_reference(const sim::Machine& machine, std::uint64_t seed);

/// Simulates in functional mode in a child process, with PE arrays in closed form or module by
/// module. The text is the result as JSON. A difference from the reference is kOther.
ChildResult simulate(const hw::Accelerator& accelerator, const mapping::Program& program,
                     std::uint64_t seed = 1, bool detailed_arrays = false);

}  // namespace tessera::test
