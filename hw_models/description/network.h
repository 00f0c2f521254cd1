// The network that a machine's tiles, DRAM interfaces and shared buffers stand on.
#pragma once

#include "hw_models/description/accelerator.h"
#include "hw_models/description/field_reader.h"
#include "noc/topology/noc.pb.h"

namespace tessera::hw {

/// What the user wrote about the network, completed for the machine: size of the tile grid, virtual
/// networks request, data and grant, virtual channels deep enough for a whole data packet, and a
/// node at a tile's router for every DRAM interface, then for every shared buffer. Nodes 0 ...
/// tiles - 1 are the tiles. UserError when the sizes contradict the grid, the links do not connect
/// all tiles, or a link is too wide for the buffer's lines.
noc::proto::NetworkDescription complete_network(const noc::proto::NetworkDescription& given,
                                                const Accelerator& machine,
                                                const FieldReader& reader);

}  // namespace tessera::hw
