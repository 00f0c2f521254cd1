// The slow judge of programs: runs all tiles through all stages at once, in a random order of
// queues, and follows every single element and every single term of every output.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "mapping/program.h"

namespace tessera::test {

/// None when the program is sound; otherwise the first fault met. It shares no reasoning with the
/// checker: no stages in sequence, no tiles in lockstep, no regions, no representatives. It does
/// not look at addresses in the tile buffer.
std::optional<std::string> run_every_element(const mapping::Program& program, std::uint64_t seed);

}  // namespace tessera::test
