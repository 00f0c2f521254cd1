// The axes of a tool's array, as our array has them: sums are added along rows, and a unit's share
// of a rank is a range of it.
#pragma once

#include <cstdint>

#include "mapping/schedule.h"

namespace tessera::mapping::importers {

/// PEs that a tree's splits use along one axis of the array.
std::int64_t array_ways(const Schedule& schedule, Axis axis);

enum class SumAxes {
  kAsWritten,  ///< along rows, or none
  kTurned,     ///< along columns only: rows and columns have changed places
  kFolded,     ///< along both: the columns that add stand among the rows
};

/// Our array adds sums along its rows, over an adder tree. A tree that adds along columns only is
/// turned; one that adds along both gets its adding columns as rows, repeated inside those that are
/// there: the same PEs, and one adder tree over them.
SumAxes sums_to_rows(Schedule& schedule, const workloads::Network& network);

/// A diagonal: input rows and filter rows advance together, unit by unit (MAESTRO's row
/// stationary). Where the units share one output row, unit i meets input row i with filter row i
/// only, which is a split of the filter's rows. UserError naming the ranks for any other joint
/// split.
void settle_diagonals(Schedule& schedule, const workloads::Network& network);

}  // namespace tessera::mapping::importers
