// Inputs that one stage of a segment fetches from DRAM for others.
#pragma once

#include <string>
#include <vector>

#include "mapping/importers/tangram/document.h"

namespace tessera::mapping::tangram {

/// Several layers of a segment read the same feature maps in DRAM; the first one's tiles fetch them
/// once and hand them on. Here a copy of each map in those tiles, dealt to them as the tool deals
/// it, by images and channels; all the layers, the first included, read the copies.
struct SharedInput {
  int first = 0;             ///< the layer whose tiles hold the copies
  std::vector<int> readers;  ///< all layers that read them, ascending
  struct Copy {
    std::string name;                   ///< of the layer that makes it
    std::string map;                    ///< what it is a copy of
    std::vector<hw::Coordinate> tiles;  ///< images slower than channels
    int image_ways = 1, channel_ways = 1;
    std::int64_t words = 0;  ///< largest share of a tile
  };
  std::vector<Copy> copies;  ///< in the order of the first layer's producers
};

/// Those that the schedule asks for, that are dealt to tiles in equal parts, and for which the
/// first layer leaves room in its tiles; other layers read DRAM themselves.
std::vector<SharedInput> shared_inputs(const Document& document);

/// The copy that a layer of the network makes; null for all others.
const SharedInput::Copy* find_copy(const std::vector<SharedInput>& shared,
                                   const std::string& layer_name);

}  // namespace tessera::mapping::tangram
