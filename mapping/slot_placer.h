// Gives the slots of stages their addresses in the tile buffer.
#pragma once

#include <map>

#include "mapping/program.h"
#include "mapping/tile_memory.h"

namespace tessera::mapping {

/// Places stages one after the other. Outputs that stay in the tiles live until their last reader
/// and grow down from the top; working slots live in their stage and follow those of the stage
/// before where there is room, so that the next stage's weights can already arrive. A stage that
/// does not fit that way starts again from the bottom.
class SlotPlacer {
 public:
  explicit SlotPlacer(Bytes buffer, Bytes staging = 0) : memory_(buffer), staging_(staging) {}

  /// Stages placed from now on run on these tiles, ascending; empty: on all.
  void use_tiles(const std::vector<TileId>& tiles) {
    memory_.use_tiles(tiles);
    staging_.use_tiles(tiles);
  }

  /// For stages placed from now on: they take no room of those from `keep_off` on, as far as they
  /// can do without, so that what they fetch can arrive while those are at work (-1: they follow
  /// those of the stage before); and they run at the same time as those up to `last_beside` (-1:
  /// alone).
  void in_segment(int keep_off, int last_beside) {
    keep_off_ = keep_off;
    last_beside_ = last_beside;
  }

  /// Sets the addresses; false when something does not fit (the placer is then no longer usable).
  /// `last_reader` is the stage itself unless the output stays. `handed_on`: input slots that later
  /// stages go on with, and the last of them; they grow down from the top as well. Slots that go on
  /// with an earlier one's have their addresses.
  bool place(Stage& stage, int index, bool output_stays, int last_reader,
             const std::map<SlotId, int>& handed_on = {});

  /// Stages that take turns on the same tiles: all their slots live side by side from the first to
  /// the last stage, from the bottom, so that nothing of them is fetched while the stages before
  /// are at work. The last one's output may stay.
  bool place_together(Stage* stages, int index, int count, bool output_stays, int last_reader);

  /// Stages built one by one that take turns on the same tiles: likewise side by side. Outputs of
  /// the n-th live until the n-th of `last_readers`, which is the last stage unless they stay.
  bool place_in_turns(Stage* stages, int index, const std::vector<int>& last_readers);

  /// Stages of a pipeline: each has tiles of its own and places its slots there by itself, from the
  /// bottom. The last one's output may stay.
  bool place_apart(Stage* stages, int index, int count, bool output_stays, int last_reader);

 private:
  bool place_all(Stage& stage, int index, bool output_stays, int last_reader,
                 const std::map<SlotId, int>& handed_on);
  bool place_until(Slot& slot, int index, int last);
  bool place_working(Slot& slot, int index);

  TileMemory memory_;
  TileMemory staging_;
  Bytes next_low_ = 0;
  int keep_off_ = -1;
  int last_beside_ = -1;
};

}  // namespace tessera::mapping
