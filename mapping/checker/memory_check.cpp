#include "mapping/checker/memory_check.h"

#include <algorithm>

#include "mapping/checker/keep_check.h"
#include "mapping/checker/ring_check.h"

namespace tessera::mapping::checker {

namespace {

struct Block {
  Bytes begin, end;
  const Slot* slot;
  const Stage* stage;
  int last_stage;
};

void check_slot(const StageView& view, const Slot& slot, const ProgramLimits& limits) {
  const auto refuse = [&](const auto&... parts) {
    view.refuse("slot ", slot.name, ": ", parts...);
  };
  if (slot.base_address % limits.line_bytes != 0)
    refuse("base address is ", slot.base_address, "; allowed: multiples of the buffer line, ",
           limits.line_bytes, " bytes");
  if (slot.granule_bytes % limits.line_bytes != 0)
    refuse("a granule has ", slot.granule_bytes, " bytes; allowed: multiples of the buffer line, ",
           limits.line_bytes, " bytes");
  Bytes window = static_cast<Bytes>(view.program.word_bytes);
  for (const auto extent : slot.extents) window *= static_cast<Bytes>(extent);
  if (slot.retains && window > slot.granule_bytes * static_cast<Bytes>(slot.granules))
    refuse("a window of ", window, " bytes has ", slot.granules, " granules of ",
           slot.granule_bytes, " bytes");
  const Bytes capacity = slot.staging ? limits.staging_bytes : limits.buffer_bytes;
  const bool fits = slot.base_address <= capacity && slot.granule_bytes <= capacity &&
                    slot.base_address + slot.bytes() <= capacity;
  if (!fits)
    refuse(slot.granules, " granules of ", slot.granule_bytes, " bytes from address ",
           slot.base_address, " leave the ", slot.staging ? "staging FIFO" : "buffer",
           ", which has ", capacity, " bytes");
}

/// The slots of one tile that are needed, stage by stage.
class TileBuffer {
 public:
  /// `end`: last stage that runs at the same time, until which its slots are needed.
  void enter(const StageView& view, const TileShare& share, const AppendedSlots& appended,
             int part_end, int end) {
    std::erase_if(alive_, [&](const Block& block) { return block.last_stage < view.index; });
    for (SlotId s = 0; s < static_cast<SlotId>(view.stage.slots.size()); ++s) {
      const Slot& slot = view.stage.slots[s];
      if (!appended[s] || slot.continues >= 0) continue;
      const bool served = (slot.readers & bit(SlotReader::kServer)) != 0;
      add(view, share.tile,
          {slot.base_address, slot.base_address + slot.bytes(), &slot, &view.stage,
           std::max(end, served           ? part_end
                         : slot.handed_on ? chain_of(view.program, view.index, s).back()
                                          : view.index)});
    }
  }

 private:
  void add(const StageView& view, TileId tile, const Block& block) {
    for (const auto& other : alive_)
      if (block.slot->staging == other.slot->staging && block.begin < other.end &&
          other.begin < block.end)
        view.refuse_tile(tile, "slot ", block.slot->name, " [", block.begin, ",", block.end,
                         ") overlaps slot ", other.slot->name, " of stage ", other.stage->name,
                         " [", other.begin, ",", other.end, ")");
    alive_.push_back(block);
  }

  std::vector<Block> alive_;
};

}  // namespace

void check_memory(const Program& program, const std::vector<std::vector<AppendedSlots>>& appended,
                  const PartUse& parts, const ProgramLimits& limits) {
  std::vector<TileBuffer> buffers(static_cast<std::size_t>(program.tiles));
  const auto together = ends_of_rings(program, parts.last_reader);
  for (std::size_t s = 0; s < program.stages.size(); ++s) {
    const StageView view(program, static_cast<int>(s));
    for (const auto& slot : view.stage.slots) check_slot(view, slot, limits);
    const int end = together[s];
    const int part = parts.part_of_stage[s];
    const int copy_end = program.parts[part].kept_until;
    const int last = std::max(view.index, copy_end >= 0 ? copy_end : parts.last_reader[part]);
    const int part_end = together[static_cast<std::size_t>(last)];
    for (const auto& share : view.stage.shares)
      buffers[share.tile].enter(view, share, appended[s][share.code], part_end, end);
  }
}

}  // namespace tessera::mapping::checker
