// One stage of a program under check, and how its faults are reported.
#pragma once

#include "mapping/instruction_text.h"
#include "mapping/program.h"
#include "sim/base/error.h"

namespace tessera::mapping::checker {

/// Refers to the program; cheap to copy.
struct StageView {
  StageView(const Program& whole, int stage_index)
      : program(whole),
        index(stage_index),
        stage(whole.stages[stage_index]),
        layer(whole.network.layers[stage.layer]) {}

  const Group& sums_of(const TileShare& share) const { return stage.groups[share.sums_group]; }
  /// Owners hold the outputs; the other members of their sums group are partners.
  bool owns(const TileShare& share) const { return sums_of(share).members.front() == share.tile; }
  /// Null when the tile has no share.
  const TileShare* find_share(TileId tile) const;
  /// First tile that runs the code; -1: none.
  TileId first_tile_of(int code) const;

  /// Outputs rotate among the tiles that add to them.
  bool shares_sums() const { return stage.slots[stage.output_slot].rotating; }

  /// Owners restore their outputs: these are visited more than once.
  bool restores() const;

  template <typename... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    throw UserError("program: stage ", stage.name, ": ", parts...);
  }
  template <typename... Parts>
  [[noreturn]] void refuse_tile(TileId tile, const Parts&... parts) const {
    refuse("tile ", tile, ": ", parts...);
  }

  const Program& program;
  int index;
  const Stage& stage;
  const workloads::Layer& layer;
};

constexpr unsigned bit(SlotReader reader) { return static_cast<unsigned>(reader); }

/// Its granule is there when the stage begins. Those of a rotating slot come from the next tile.
inline bool holds_from_before(const Slot& slot) { return slot.continues >= 0 && !slot.rotating; }
/// Its granule is there when the stage ends.
inline bool holds_for_later(const Slot& slot) { return slot.handed_on && !slot.rotating; }

/// The reader that a queue is: compute or store.
constexpr SlotReader reader_of(Queue queue) {
  return queue == Queue::kCompute ? SlotReader::kCompute : SlotReader::kStore;
}

}  // namespace tessera::mapping::checker
