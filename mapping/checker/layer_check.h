// All shares of a layer together do the whole layer once.
#pragma once

#include "mapping/program.h"

namespace tessera::mapping::checker {

/// The shares of every layer, over all its stages and tiles, are disjoint and have as many points
/// as the layer: every multiply-accumulate or vector operation is done exactly once. UserError
/// names layer, stages and tiles.
void check_layers(const Program& program);

}  // namespace tessera::mapping::checker
