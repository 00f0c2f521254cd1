// Runs of a machine in processes of their own, and what tests ask of them.
#pragma once

#include <functional>
#include <string>
#include <vector>

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

/// The checker accepts the program, and simulated it computes what the plain reference executor
/// does. Returns its result as JSON.
std::string expect_right_values(const hw::Accelerator& accelerator, const mapping::Program& program,
                                std::uint64_t seed = 1);

/// The same, and the result stays the same to the byte when the program comes from its file, with
/// the network in its other detail and, if wanted, with a module per PE.
void expect_same_in_every_form(const hw::Accelerator& accelerator, const mapping::Program& program,
                               std::uint64_t seed, bool detailed_arrays);

/// Runs the program without values and returns what `tell` says of the machine after the last
/// cycle; "" in a failing test where the run ends badly.
using Tell = std::function<std::string(const sim::Machine& machine, Cycle cycles)>;
std::string after_run(const hw::Accelerator& accelerator, const mapping::Program& program,
                      const Tell& tell, const sim::MachineOptions& options = {});

/// The same, tile by tile.
std::vector<std::string> tiles_after_run(
    const hw::Accelerator& accelerator, const mapping::Program& program,
    const std::function<std::string(const hw::Tile& tile)>& tell);

/// "sent received", in bytes.
std::string payload_of(const hw::Tile& tile);

/// What the slots of a stage take in a tile's buffer; staging slots lie beside it.
Bytes bytes_in_buffer(const mapping::Stage& stage);

}  // namespace tessera::test
