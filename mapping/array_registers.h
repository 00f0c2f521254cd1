// What the PEs of an array keep: counted in one place for those who choose mappings and those who
// check them.
#pragma once

#include <cstdint>
#include <vector>

#include "hw_models/description/accelerator.h"
#include "mapping/array_mapping.h"

namespace tessera::mapping {

/// Words of an operand (0 input, 1 weight, 2 output) that one PE keeps at a time of a rank tile
/// with these extents, in one copy: what the loops inside its register store and the splits over
/// rows and columns leave it, with all rows and columns that its windows touch. The PEs of a column
/// that an adder tree reduces keep one sum between them, those included that a smaller tile leaves
/// idle: a tile never needs more than a larger one.
std::int64_t register_words(const workloads::Layer& layer, const ArrayMapping& mapping, int operand,
                            std::vector<std::int64_t> extents, hw::SpatialReduction reduction);

}  // namespace tessera::mapping
