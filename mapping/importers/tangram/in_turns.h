// Layers of a segment that work piece by piece, as layers of one piece each.
#pragma once

#include "mapping/importers/tangram/document.h"

namespace tessera::mapping::tangram {

/// Where the tool lets the layers of a segment take turns, every layer becomes one per piece, in
/// the order of the turns:
/// - batch groups: all layers of a segment, a part of the images each time;
/// - a convolution and the pooling or element-wise layers behind it in its stage that share its
///   outermost loop over output channels: a part of the channels each time.
///
/// A piece's layers are named `LAYER.N`. Groups of a batch that are folds of rows rather than
/// images, and shares that the pieces do not divide, stay whole. What stays in a buffer from one
/// batch group to the next in the tool is fetched for each here.
///
/// Where the maps of such a convolution's pieces and of what follows it have no room, the layers
/// stay whole and are marked to take turns, a piece of a few channels at a time. Where batch groups
/// are folds of the first layer's rows and its images have no room, every image of a tile becomes
/// layers of its own that take turns, the first one fold by fold.
Document in_turns(Document document);

/// Pieces that the loops over output channels make of a layer's outputs, while no loop over input
/// channels stands outside of them.
std::int64_t pieces_of_channels(const LayerDecisions& layer);

}  // namespace tessera::mapping::tangram
