#include "mapping/checker/rotation_check.h"

#include "mapping/checker/keep_check.h"
#include "mapping/code_cursor.h"

namespace tessera::mapping::checker {

namespace {

using workloads::Region;

/// Regions of an operand in the order in which a tile gets them, over all stages that go on with
/// the slot.
std::vector<Region> received(const Program& program, const std::vector<int>& stages, TileId tile,
                             SlotId slot) {
  std::vector<Region> regions;
  for (const int stage : stages) {
    const StageView view(program, stage);
    const TileShare& share = *view.find_share(tile);
    for (CodeCursor at(view.stage.codes[share.code].load, share); !at.done(); at.next()) {
      const auto& instruction = at.instruction();
      if (instruction.op == Op::kReceive && instruction.slot == slot)
        regions.push_back(region_of(view.layer.inputs[instruction.operand], at.ranks()));
    }
  }
  return regions;
}

/// All stages that go on with a slot turn alike.
void check_stages(const StageView& view, const TileShare& share, SlotId slot,
                  const std::vector<int>& stages) {
  for (const int stage : stages) {
    const auto& rotation = StageView(view.program, stage).find_share(share.tile)->rotation;
    if (rotation.place != share.rotation.place || rotation.next != share.rotation.next)
      view.refuse_tile(share.tile, "slot ", view.stage.slots[slot].name,
                       " turns another way in stage ", view.program.stages[stage].name);
  }
}

void check_share(const StageView& view, const TileShare& share, SlotId slot) {
  const auto& rotation = share.rotation;
  const TileShare* next = view.find_share(rotation.next);
  if (next == nullptr || next->rotation.places != rotation.places ||
      next->rotation.place != (rotation.place + 1) % rotation.places)
    view.refuse_tile(share.tile, "takes pieces of slot ", view.stage.slots[slot].name,
                     " over from tile ", rotation.next,
                     ", which is not at the place after its own");
  const auto stages = chain_of(view.program, view.index, slot);
  check_stages(view, share, slot, stages);
  const auto own = received(view.program, stages, share.tile, slot);
  const auto theirs = received(view.program, stages, next->tile, slot);
  const auto part = static_cast<std::size_t>(view.stage.slots[slot].granules - 1);
  for (std::size_t i = part; i < own.size(); ++i)
    if (i - part >= theirs.size() || own[i] != theirs[i - part])
      view.refuse_tile(share.tile, "granule ", i, " of slot ", view.stage.slots[slot].name,
                       " is not what tile ", rotation.next, " had ", part, " granules before");
}

}  // namespace

void check_rotations(const StageView& view) {
  for (std::size_t slot = 0; slot < view.stage.slots.size(); ++slot) {
    if (!view.stage.slots[slot].rotating || view.stage.slots[slot].continues >= 0) continue;
    for (const auto& share : view.stage.shares) check_share(view, share, static_cast<SlotId>(slot));
  }
}

}  // namespace tessera::mapping::checker
