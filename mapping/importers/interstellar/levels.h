// Memory levels of an Interstellar architecture as stores of the tree.
#pragma once

#include "mapping/importers/interstellar/architecture.h"
#include "mapping/schedule.h"

namespace tessera::mapping::interstellar {

/// Tensors by the tool's order, as the tree calls them.
inline constexpr const char* kTensorNames[kTensors] = {"I0", "O", "W"};

/// Memories up to the array are registers, between array and DRAM a buffer and shared buffers above
/// it. Holds the tensors that the level holds; the units below decide how words get there.
Node store_node(std::size_t level, const Architecture& architecture);

/// Level with several units; 0 when there is none.
std::size_t array_level(const Architecture& architecture);

/// The nodes of a path, outermost first, as a tree.
Node chain_of(std::vector<Node> nodes);

}  // namespace tessera::mapping::interstellar
