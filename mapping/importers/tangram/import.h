// An annotated nn_dataflow schedule as network and schedule tree.
#pragma once

#include <string>

#include "mapping/importers/tangram/document.h"
#include "mapping/schedule.h"
#include "workloads/network.h"

namespace tessera::mapping::tangram {

struct Import {
  workloads::Network network;
  Schedule schedule;
};

/// Layers in execution order, each on the tiles of its stage. Stages of a segment meet through the
/// feature maps that their tiles keep: a layer starts on a piece as soon as its producer has
/// finished it.
///
/// Departures from the tool, which counts one copy of everything: a second copy of what streams
/// from DRAM is taken where the buffer has room for it; a feature map that a layer reads from tiles
/// is not copied into its own buffer when the producer's copy leaves no room, but streamed again
/// for every use.
///
/// UserError naming file and layer when pinned weights do not fit, with the sizes, and when the
/// shares of the tree are not those of the file.
Import import_document(const Document& document, const std::string& name,
                       const std::string& origin);

}  // namespace tessera::mapping::tangram
