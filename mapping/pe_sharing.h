// How many PEs ever use a word of an operand while an array works off a tile: the geometry behind
// the reuse report.
#pragma once

#include <cstdint>
#include <vector>

#include "mapping/array_mapping.h"

namespace tessera::mapping {

/// Words that each PE uses of the operand in a rank tile with these extents, added up over the PEs,
/// as a multiple of the operand's distinct words. PEs along ranks that do not index the operand use
/// the same words, and so do neighbours whose windows overlap, now or later. The array deals
/// neighbouring indices to neighbouring PEs.
double pe_sharing(const workloads::Layer& layer, const workloads::Operand& operand,
                  const ArrayMapping& mapping, const std::vector<std::int64_t>& extents);

}  // namespace tessera::mapping
