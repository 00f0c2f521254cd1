// Stages that run at the same time: in turns on the same tiles, or as a pipeline on tiles of their
// own.
#pragma once

#include <map>

#include "mapping/checker/stage_view.h"

namespace tessera::mapping::checker {

/// Checks the stages [first, last] of a fusion. Every queue reaches its end, handing over what is
/// streamed included; granules fit their slots; every array or vector instruction finds its
/// elements in acquired granules and, for tensors that other stages of the fusion compute, in their
/// windows, where an element lasts until the one an extent further on overwrites it; every output
/// leaves to where its part lives; points are computed once, but for as many as the stage declares
/// to compute again.
///
/// Stages in turns: tiles run the same code and loops make the same number of trips everywhere, so
/// tiles that receive together come to it together, and one tile stands for all that differ by a
/// translation. UserError names stage, tile, queue and instruction.
void check_fusion(const Program& program, int first, int last);

/// Points that the stages have computed, over all tiles: those of their layers, and as many again
/// as they declare.
void check_points(const Program& program, const std::map<int, std::int64_t>& points);

}  // namespace tessera::mapping::checker
