// The loop blocking of least energy on an Interstellar architecture: what the tool's optimiser
// looks for, by branch and bound over the same space.
#pragma once

#include <string>
#include <vector>

#include "mapping/cost/interstellar/model.h"

namespace tessera::mapping::interstellar {

struct Blocking {
  std::vector<BlockingLevel> levels;  ///< innermost first
  double picojoules = 0;              ///< by the model with its faults mended
};

/// Tiles are divisors of what the unrolled loops leave (rounded up); at every level the loops that
/// do not index one tensor stand innermost, whichever tensor gains most. `axes` are the unrolled
/// loops of the level with several units. Unlike the tool it takes mappings that leave half a
/// buffer empty. Levels: registers, buffer, DRAM, or two of registers. UserError when tensors have
/// memories of their own, when there are other levels, or when no tile fits.
Blocking search_blocking(const workloads::Layer& layer, const Architecture& architecture,
                         const std::vector<ArrayAxis>& axes);

/// Loops unrolled over the two axes of an array: C|K, X|Y, FY|Y, ... with others in their turn
/// where the first leaves units idle.
struct Dataflow {
  std::string name;
  std::vector<std::string> axes[2];  ///< ranks in order of preference, at most two are used
};

/// UserError naming those known.
Dataflow dataflow_named(const std::string& name);
std::vector<std::string> dataflow_names();

/// The factors of a dataflow for `side` x `side` units: its own loops as wide as they go while
/// three quarters of each axis work, blocks of other loops beside them where there is room.
std::vector<ArrayAxis> unroll(const workloads::Layer& layer, const Dataflow& dataflow,
                              std::int64_t side);

/// Multiply-accumulates per unit and cycle.
double utilisation(const workloads::Layer& layer, const std::vector<ArrayAxis>& axes,
                   std::int64_t units);

}  // namespace tessera::mapping::interstellar
