// Sound programs, and what the checker says of them after a change.
#pragma once

#include <functional>
#include <string>

#include "mapping/program_checker.h"
#include "tests/support/program_builder.h"

namespace tessera::test {

/// "sound" or the fault.
std::string verdict(const mapping::Program& program,
                    mapping::ProgramLimits limits = {4, kBufferBytes, kLineBytes});

using Change = std::function<void(mapping::Program&)>;

/// What the checker says of the three-stage program after one change.
std::string after(const Change& change);

/// It names this among other things.
void expect_fault(const Change& change, const std::string& part);

// Code of a stage. Slots of stage 0 "first", in the order of program_builder: I0, W, O; of stage 1
// "second": I0, W, O, S, P.
mapping::CodeBlock& load(mapping::Program& program, int stage, int code = 0);
mapping::CodeBlock& compute(mapping::Program& program, int stage, int code = 0);
mapping::CodeBlock& store(mapping::Program& program, int stage, int code = 0);

/// Two groups of four filters on 2 x 2 elements, on one tile or with two of each group's filters
/// per tile.
mapping::Program grouped_program(int tiles);

/// Takes the groups one by one, outside everything else that the outputs go through.
void loop_over_groups(mapping::Program& program);

}  // namespace tessera::test
