// What a tile tells those who watch it.
#pragma once

#include "hw_models/tile/cycle_stack.h"
#include "mapping/program.h"
#include "sim/base/types.h"

namespace tessera::hw {

enum class QueueKind : std::uint8_t { kLoad, kCompute, kStore };

/// One instruction of one queue, with the granule that it appends, waits for, gives back or works
/// on.
struct InstructionEvent {
  mapping::TileId tile = 0;
  QueueKind queue = QueueKind::kLoad;
  int stage = -1;
  mapping::Op op = mapping::Op::kAcquire;
  mapping::SlotId slot = -1;
  int operand = -1;
  std::int64_t granule = -1;  ///< sequence number in its slot; -1: none
  Cycle begin = 0;            ///< issued
  Cycle end = kNever;         ///< first cycle in which its result can be used
};

/// Hears of things that happen in tiles; the model does not know who listens and does the same
/// without. Calls come in the order in which a tile does things. A cycle may lie ahead of the
/// present one: what an instruction takes is known when it is issued.
class TileObserver {
 public:
  virtual ~TileObserver() = default;
  /// An instruction that takes time was issued: a receive, a store, array or vector work. `end` is
  /// not known.
  virtual void instruction_began(const InstructionEvent& /*event*/) {}
  /// Every instruction, once its end is known. Those that only wait or keep books begin and end in
  /// one cycle.
  virtual void instruction_ended(const InstructionEvent& /*event*/) {}
  /// The tile's cycles of [begin, end) had this cause. Intervals of a tile follow on each other
  /// without a gap from cycle 0 to the end of the run: they are its cycle stack, in time. Of an
  /// array instruction the fill comes first, the drain last, and stalls stand together in between
  /// wherever they occurred. `stage` is -1 after the tile's last instruction.
  virtual void spent(mapping::TileId /*tile*/, int /*stage*/, Cause /*cause*/, Cycle /*begin*/,
                     Cycle /*end*/) {}
  /// Granules in the buffer now take this many bytes.
  virtual void occupancy(mapping::TileId /*tile*/, Cycle /*now*/, Bytes /*bytes*/) {}
};

}  // namespace tessera::hw
