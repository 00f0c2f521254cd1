// One layer of an annotated nn_dataflow schedule as a path of the schedule tree.
#pragma once

#include "mapping/importers/tangram/document.h"
#include "mapping/schedule.h"
#include "workloads/layer.h"

namespace tessera::mapping::tangram {

/// What the tree adds to the tool's decisions.
struct Holds {
  PerDatum<bool> in_buffer{};   ///< kept in the tile buffer, else streamed through the staging FIFO
  PerDatum<bool> in_staging{};  ///< streamed, but stays in the FIFO for a fetch of the tool's
  PerDatum<bool> twice{};       ///< a second copy for the next granule
  PerDatum<std::string> kept_from{};  ///< piece before this one whose copy stays; "" for none
  bool output_on_chip = false;        ///< written to DRAM, and read in the tiles as well
  bool output_may_leave = false;      ///< its map has no room in the buffers of the file
  bool output_twice = false;        ///< stays on chip, where the next piece does not take its place
  bool input_on_chip = false;       ///< reads what its producer keeps beside DRAM
  std::int64_t ring_words = 0;      ///< room for outputs that pass through a ring; 0: all stay
  std::int64_t turn_channels = 0;   ///< output channels of a turn; 0: the layer takes no turns
  std::int64_t streamed_words = 0;  ///< vector layers: room for what bypasses the buffer
};

/// Place, splits over tiles in the partition's order, DRAM-level loops, store at the buffer,
/// sharing and buffer loops, registers, array.
///
/// The batch loop of the tool runs over images and over folds of the rows: at each level it becomes
/// a loop over images as far as its factor divides them, and a loop over rows for the rest.
/// UserError naming the layer when the shares of the tree are not those of the file.
Node layer_tree(const LayerDecisions& layer, const workloads::Layer& target,
                const Document& document, const Holds& holds);

}  // namespace tessera::mapping::tangram
