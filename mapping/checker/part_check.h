// The parts of all tensors: who writes them, who reads them, and when.
#pragma once

#include <vector>

#include "mapping/program_checker.h"

namespace tessera::mapping::checker {

/// Part that each stage writes and the last stage that reads each part.
struct PartUse {
  std::vector<int> part_of_stage;
  std::vector<int> last_reader;  ///< per part; its own stage when nobody reads it
};

/// Checks that every stage writes one part and that its owners' outputs make up exactly that part;
/// that everything else is in DRAM from the start; that parts of one tensor are disjoint; that
/// everything a stage receives lies in parts of earlier stages; that what the network answers ends
/// in DRAM; that tensors in DRAM do not overlap; and that tensors in the shared buffers fit there
/// and overlap only when the last reader of one comes before the first writer of the other.
/// UserError names the tensor and the stages.
PartUse check_parts(const Program& program, const ProgramLimits& limits);

}  // namespace tessera::mapping::checker
