// Stages outside of fusions that hand maps over through rings: do they let each other go on?
#pragma once

#include <vector>

#include "mapping/program.h"

namespace tessera::mapping::checker {

/// Per stage the last one that may run at the same time because a ring that is written before it,
/// or by it, is read there or later; the stage itself when no ring spans it. `last_reader`: per
/// part the last stage that reads it.
std::vector<int> ends_of_rings(const Program& program, const std::vector<int>& last_reader);

/// Runs the stages [first, last] on all tiles together, without time. UserError when they wait for
/// each other: naming the ring, its places and how many would suffice when that is why.
///
/// How many places suffice: a reader that takes the map in the order in which it is written needs
/// one. A reader that goes over a part of the map again needs that part, and a skip connection
/// needs as many as the readers on the longer way take before they give what the last reader needs
/// first: the whole map, when one of them sums over it.
void check_rings(const Program& program, int first, int last);

}  // namespace tessera::mapping::checker
