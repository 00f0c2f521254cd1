// Which data of a layer rotate among the tiles that share them, and in which loops.
#pragma once

#include <vector>

#include "mapping/importers/tangram/document.h"

namespace tessera::mapping::tangram {

/// Does a datum of the layer move with this loop?
bool moves(const LayerDecisions& layer, Datum datum, Loop loop);

/// Loops between buffer and array, the sharing level first.
std::vector<LoopFactor> buffer_loops(const LayerDecisions& layer);

/// The outermost run of neighbouring loops over a datum, which cuts it into the pieces that rotate.
struct Run {
  std::size_t begin = 0, end = 0;
};
Run run_of(const LayerDecisions& layer, Datum datum, const std::vector<LoopFactor>& loops);

/// Pieces of the outputs that are dealt to the tiles which share them: the factor of the outermost
/// loop of their run that does something.
std::int64_t output_pieces(const LayerDecisions& layer);

/// Tiles that add to the same outputs.
int partners(const LayerDecisions& layer);

/// Do pieces of the datum, when it is shared and in the buffer, go round? Weights and inputs do
/// when they are used more than once per filling. Partial sums always do where all partners share
/// them: used once per filling they make one round, in which every tile adds its part, instead of
/// being collected at one owner. Not when there are fewer pieces than tiles, nor when another datum
/// rotates or sums would leave for DRAM between two fillings.
bool rotates(const LayerDecisions& layer, Datum datum);

}  // namespace tessera::mapping::tangram
