#include "mapping/checker/rotation_check.h"

#include <algorithm>

#include "mapping/checker/keep_check.h"
#include "mapping/code_cursor.h"
#include "mapping/rotation.h"

namespace tessera::mapping::checker {

namespace {

using workloads::Region;

/// Regions of the granules of a slot in the order in which a tile appends them, over all stages
/// that go on with the slot.
std::vector<Region> appended(const Program& program, const std::vector<int>& stages, TileId tile,
                             SlotId slot) {
  std::vector<Region> regions;
  for (const int stage : stages) {
    const StageView view(program, stage);
    const TileShare& share = *view.find_share(tile);
    for (CodeCursor at(view.stage.codes[share.code].load, share); !at.done(); at.next()) {
      const auto& instruction = at.instruction();
      if (instruction.slot != slot) continue;
      if (instruction.op == Op::kReceive)
        regions.push_back(region_of(view.layer.inputs[instruction.operand], at.ranks()));
      else if (instruction.op == Op::kRestore)
        regions.push_back(region_of(view.layer.output, at.ranks()));
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

/// The copy is dealt as the loop is that rotates: `turns` of the slot are its trips.
const CodeNode* rotating_loop(const CodeBlock& block) {
  for (const auto& node : block) {
    if (!node.is_loop) continue;
    if (node.rotates) return &node;
    if (const auto* inner = rotating_loop(node.body)) return inner;
  }
  return nullptr;
}

void check_filling(const StageView& view, const TileShare& share, SlotId id,
                   const std::vector<Region>& own) {
  const Slot& slot = view.stage.slots[id];
  const auto granules = static_cast<std::int64_t>(own.size());
  const auto* loop = rotating_loop(view.stage.codes[share.code].load);
  if (loop == nullptr || loop->count != slot.turns || granules % slot.fill != 0)
    view.refuse_tile(share.tile, "appends ", granules, " granules to slot ", slot.name, " in ",
                     loop == nullptr ? 0 : loop->count, " turns; allowed: fillings of ", slot.fill,
                     " in ", slot.turns);
  const bool stays = (slot.readers & bit(SlotReader::kServer)) != 0;
  const auto part = largest_part(slot, share.rotation.places);
  const auto places = part * (stays ? granules / slot.fill : 1) + 1;
  if (slot.granules < places)
    view.refuse("slot ", slot.name, " has ", slot.granules,
                " granules; allowed: the largest part of a copy of each filling that it holds and "
                "one more, ",
                places);
}

/// Boxes that look-ups say a tile completes, and those that its granules are.
void check_completed(const StageView& view, const TileShare& share, SlotId slot,
                     const std::vector<Region>& own) {
  std::vector<Region> boxes;
  for (const auto& ranks : completed(view.stage, view.layer, share))
    boxes.push_back(region_of(view.layer.output, ranks));
  std::int64_t expected = 0, found = 0;
  for (const auto& box : boxes) expected += box.elements();
  for (std::size_t i = 0; i < own.size(); ++i) {
    if (is_passed_on(view.stage.slots[slot], share.rotation, static_cast<std::int64_t>(i)))
      continue;
    const bool known = std::ranges::any_of(boxes, [&](const Region& box) {
      return intersect(box, own[i]).elements() == own[i].elements();
    });
    if (known) found += own[i].elements();
  }
  if (found != expected)
    view.refuse_tile(share.tile, "completes ", found, " shared outputs of slot ",
                     view.stage.slots[slot].name, "; its share of them has ", expected);
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
  const auto own = appended(view.program, stages, share.tile, slot);
  const auto theirs = appended(view.program, stages, next->tile, slot);
  check_filling(view, share, slot, own);
  const Slot& shape = view.stage.slots[slot];
  const auto part = lag(shape, rotation);
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(own.size()); ++i)
    if (is_taken_over(shape, rotation, i) &&
        (i - part >= static_cast<std::int64_t>(theirs.size()) || own[i] != theirs[i - part]))
      view.refuse_tile(share.tile, "granule ", i, " of slot ", shape.name, " is not what tile ",
                       rotation.next, " had ", part, " granules before");
  if (slot == view.stage.output_slot) check_completed(view, share, slot, own);
}

}  // namespace

void check_rotations(const StageView& view) {
  for (std::size_t slot = 0; slot < view.stage.slots.size(); ++slot) {
    if (!view.stage.slots[slot].rotating || view.stage.slots[slot].continues >= 0) continue;
    for (const auto& share : view.stage.shares) check_share(view, share, static_cast<SlotId>(slot));
  }
}

}  // namespace tessera::mapping::checker
