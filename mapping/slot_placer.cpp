#include "mapping/slot_placer.h"

#include <algorithm>

namespace tessera::mapping {

namespace {

Bytes size_of(const Slot& slot) { return slot.bytes(); }

}  // namespace

bool SlotPlacer::place(Stage& stage, int index, bool output_stays, int last_reader,
                       const std::map<SlotId, int>& handed_on) {
  const TileMemory before = memory_;
  const TileMemory staging_before = staging_;
  if (place_all(stage, index, output_stays, last_reader, handed_on)) return true;
  memory_ = before;
  staging_ = staging_before;
  next_low_ = 0;
  keep_off_ = -1;
  return place_all(stage, index, output_stays, last_reader, handed_on);
}

bool SlotPlacer::place_all(Stage& stage, int index, bool output_stays, int last_reader,
                           const std::map<SlotId, int>& handed_on) {
  Slot& output = stage.slots[stage.output_slot];
  if (!(output_stays ? place_until(output, index, last_reader) : place_working(output, index)))
    return false;
  for (const auto& [id, last] : handed_on)
    if (!place_until(stage.slots[id], index, last)) return false;
  for (std::size_t id = 0; id < stage.slots.size(); ++id) {
    Slot& slot = stage.slots[id];
    if (static_cast<SlotId>(id) == stage.output_slot || slot.continues >= 0 ||
        handed_on.contains(static_cast<SlotId>(id)))
      continue;
    if (static_cast<SlotId>(id) == stage.partial_slot)
      slot.base_address =
          output.base_address;  // a tile has either "O" or "P", and "P" is the smaller one
    else if (!place_working(slot, index))
      return false;
  }
  return true;
}

bool SlotPlacer::place_together(Stage* stages, int index, int count, bool output_stays,
                                int last_reader) {
  const int last = index + count - 1;
  Bytes next = 0;
  for (int s = 0; s < count; ++s)
    for (std::size_t id = 0; id < stages[s].slots.size(); ++id) {
      Slot& slot = stages[s].slots[id];
      const bool stays =
          output_stays && s == count - 1 && static_cast<SlotId>(id) == stages[s].output_slot;
      const auto address =
          stays ? memory_.place_high(size_of(slot), index, std::max(last, last_reader))
                : memory_.place_low(size_of(slot), index, last, next);
      if (!address) return false;
      slot.base_address = *address;
      if (!stays) next = *address + size_of(slot);
    }
  next_low_ = next;
  return true;
}

bool SlotPlacer::place_in_turns(Stage* stages, int index, const std::vector<int>& last_readers) {
  const auto count = last_readers.size();
  const int last = index + static_cast<int>(count) - 1;
  for (std::size_t s = 0; s < count; ++s)
    for (std::size_t id = 0; id < stages[s].slots.size(); ++id) {
      Slot& slot = stages[s].slots[id];
      const auto number = static_cast<SlotId>(id);
      if (number == stages[s].partial_slot) continue;
      const bool stays = number == stages[s].output_slot && last_readers[s] > last;
      auto& memory = slot.staging ? staging_ : memory_;
      const auto address = stays ? memory.place_high(size_of(slot), index, last_readers[s])
                                 : memory.place_low(size_of(slot), index, last);
      if (!address) return false;
      slot.base_address = *address;
    }
  for (std::size_t s = 0; s < count; ++s)
    if (stages[s].partial_slot >= 0)
      stages[s].slots[stages[s].partial_slot].base_address =
          stages[s].slots[stages[s].output_slot].base_address;
  next_low_ = 0;
  return true;
}

bool SlotPlacer::place_apart(Stage* stages, int index, int count, bool output_stays,
                             int last_reader) {
  const int last = index + count - 1;
  Slot& output = stages[count - 1].slots[stages[count - 1].output_slot];
  if (output_stays) {
    const auto address = memory_.place_high(size_of(output), index, std::max(last, last_reader));
    if (!address) return false;
    output.base_address = *address;
  }
  for (int s = 0; s < count; ++s) {
    TileMemory own = memory_;
    for (auto& slot : stages[s].slots) {
      if (output_stays && &slot == &output) continue;
      const auto address = own.place_low(size_of(slot), index, last);
      if (!address) return false;
      slot.base_address = *address;
    }
  }
  next_low_ = 0;
  return true;
}

/// From the top: out of the way of what comes and goes with its stage.
bool SlotPlacer::place_until(Slot& slot, int index, int last) {
  const auto address = (slot.staging ? staging_ : memory_).place_high(size_of(slot), index, last);
  if (address) slot.base_address = *address;
  return address.has_value();
}

bool SlotPlacer::place_working(Slot& slot, int index) {
  const int last = std::max(index, last_beside_);
  if (slot.staging) {
    const auto address = staging_.place_low(size_of(slot), index, last);
    if (address) slot.base_address = *address;
    return address.has_value();
  }
  auto address = keep_off_ >= 0 ? memory_.place_low(size_of(slot), keep_off_, last)
                                : memory_.place_low(size_of(slot), index, last, next_low_);
  if (!address) address = memory_.place_low(size_of(slot), index, last);
  if (!address) return false;
  slot.base_address = *address;
  next_low_ = *address + size_of(slot);
  return true;
}

}  // namespace tessera::mapping
