// The layers of an annotated nn_dataflow schedule as a network.
#pragma once

#include "mapping/importers/tangram/document.h"
#include "workloads/network.h"

namespace tessera::mapping::tangram {

/// Convolutions (fully connected layers are those whose filter is as large as their input), max
/// pooling, and sums of several inputs; the tool does not say more of element-wise layers.
/// Producers that a layer reads together write into one tensor, external inputs read together are
/// one input. Where a result and an external input are read together, a layer `NAME.copyN` in front
/// of the reader writes the input beside the result. Paddings are as even as they can be, the
/// larger half at the end.
///
/// UserError naming the layer when sizes contradict each other.
workloads::Network network_of(const Document& document, const std::string& name,
                              const std::string& origin);

}  // namespace tessera::mapping::tangram
