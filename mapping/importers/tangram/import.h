// An annotated nn_dataflow schedule as network and schedule tree.
#pragma once

#include <cstdint>
#include <string>

#include "mapping/importers/tangram/document.h"
#include "mapping/schedule.h"
#include "workloads/network.h"

namespace tessera::mapping::tangram {

/// Staging FIFO of a tile of the machine that stands for the file's hardware. What the tool keeps
/// in registers from pass to pass has to fit, coming and going: four times the registers of an
/// array of 64 PEs with 64 bytes each.
inline constexpr std::int64_t kStagingBytes = 16 * 1024;

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
/// for every use. With `unlimited_gbuf` there is room for all.
///
/// UserError naming file and layer when pinned weights do not fit, with the sizes, and when the
/// shares of the tree are not those of the file.
Import import_document(const Document& document, const std::string& name,
                       const std::string& origin);

}  // namespace tessera::mapping::tangram
