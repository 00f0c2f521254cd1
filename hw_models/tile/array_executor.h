// How a tile lets a detailed model of its array work out an instruction's cycles.
#pragma once

#include "hw_models/array/array_work.h"

namespace tessera::hw {

/// Takes the place of the closed form. The owner tells the tile when the instruction has ended
/// (Tile::array_done) in the very cycle in which it has.
class ArrayExecutor {
 public:
  virtual ~ArrayExecutor() = default;
  /// Begins an instruction in cycle `start`, not before the present one; the array is idle.
  virtual void begin(const ArrayWork& work, Cycle now, Cycle start) = 0;
};

}  // namespace tessera::hw
