// How a pass of the tool's array lies on the PEs: row-stationary, from the fold and the replicas.
#pragma once

#include <cstdint>
#include <initializer_list>

#include "mapping/importers/tangram/document.h"

namespace tessera::mapping::tangram {

/// Extents of one pass and what of them stands side by side.
struct PassShape {
  std::int64_t input_channels = 1, output_channels = 1;  ///< replicas
  std::int64_t replicas_below = 1;  ///< of the output channels: copies along array rows
  std::int64_t filter_rows = 1;     ///< at a time; the others follow (fold)
  std::int64_t output_rows = 1;     ///< of the tile's share
  std::int64_t columns = 1;         ///< output rows side by side along array columns ...
  std::int64_t stacks = 1;          ///< ... and stacked along array rows
};

/// Passes per loop of a tile's share.
struct PassCounts {
  std::int64_t input = 1, output = 1, batch = 1;  ///< batch: images x folds of the rows
};

/// Product of the factors of loops that index a datum.
std::int64_t passes_over(const LayerDecisions& layer, Datum datum,
                         std::initializer_list<const std::vector<LoopFactor>*> levels);

/// Words of a tile's buffer that a datum takes in one copy.
std::int64_t held_words(const LayerDecisions& layer, Datum datum);

PassCounts pass_counts(const LayerDecisions& layer);

/// `output_rows`, `input_channels` and `output_channels` are those of the largest share. UserError
/// naming the layer when the passes do not cover it.
PassShape pass_shape(const LayerDecisions& layer, const HardwareFacts& hardware,
                     std::int64_t input_channels, std::int64_t output_channels,
                     std::int64_t output_rows);

}  // namespace tessera::mapping::tangram
