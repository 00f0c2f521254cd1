#include "hw_models/tile/stage_run.h"

#include <algorithm>

namespace tessera::hw {

using mapping::SlotId;
using mapping::SlotReader;

namespace {

void mark_slots(const mapping::CodeBlock& block, std::vector<bool>& used) {
  for (const auto& node : block) {
    if (node.is_loop)
      mark_slots(node.body, used);
    else if (node.instruction.slot >= 0)
      used[node.instruction.slot] = true;
  }
}

/// Notes for each operand the slot in which the load queue puts it.
void find_slots(const mapping::CodeBlock& load, std::vector<ReceiveState>& receives) {
  for (const auto& node : load) {
    const auto& instruction = node.instruction;
    if (node.is_loop)
      find_slots(node.body, receives);
    else if (instruction.op == mapping::Op::kReceive)
      receives[static_cast<std::size_t>(instruction.operand)].slot = instruction.slot;
  }
}

bool has_restore(const mapping::CodeBlock& load) {
  return std::ranges::any_of(load, [](const mapping::CodeNode& node) {
    return node.is_loop ? has_restore(node.body) : node.instruction.op == mapping::Op::kRestore;
  });
}

/// How often a queue comes to such an instruction.
std::int64_t count_of(mapping::Op op, const mapping::CodeBlock& code) {
  std::int64_t count = 0;
  for (const auto& node : code)
    count += node.is_loop ? node.count * count_of(op, node.body) : node.instruction.op == op;
  return count;
}

/// Granules of shared outputs that a tile passes on.
std::int64_t sums_passed(const mapping::Slot& slot, const mapping::TileShare& share,
                         std::int64_t restores) {
  if (!slot.rotating) return 0;
  return restores / slot.fill * (slot.fill - mapping::lag_behind(slot, share.rotation));
}

}  // namespace

StageRun::StageRun(const mapping::Program& program, const mapping::ProgramIndex& index, int stage,
                   const mapping::TileShare& share)
    : claimed(program.stages[stage].slots.size(), false),
      stage_(&program.stages[stage]),
      number_(stage),
      share_(&share),
      layer_(&program.network.layers[stage_->layer]),
      continued_by_(stage_->slots.size(), nullptr),
      used_(stage_->slots.size(), false) {
  for (const auto& slot : stage_->slots) {
    const auto passes = slot.rotating ? static_cast<unsigned>(SlotReader::kServer) : 0u;
    rings_.emplace_back(slot.granule_bytes, slot.granules, slot.readers | passes);
    ring_of_.push_back(&rings_.back());
  }
  sums_to_pass = sums_passed(stage_->slots[stage_->output_slot], share,
                             count_of(mapping::Op::kRestore, code().load));
  for (const auto* block : {&code().load, &code().compute, &code().store})
    mark_slots(*block, used_);
  for (const auto group : share.input_groups) {
    ReceiveState state;
    state.group = &stage_->groups[group];
    const auto& members = state.group->members;
    state.position = static_cast<int>(std::ranges::find(members, share.tile) - members.begin());
    const int first_child = state.position * kGroupFanOut + 1;
    state.children = std::clamp(static_cast<int>(members.size()) - first_child, 0, kGroupFanOut);
    receives_.push_back(std::move(state));
  }
  find_slots(code().load, receives_);
  find_kept_slots(program, index);
  const auto once = [&](SlotId slot) {
    for (std::size_t i = 0; i < receives_.size(); ++i)
      if (receives_[i].slot == slot) return mapping::comes_once(index, layer_->inputs[i].tensor);
    return false;
  };
  for (SlotId s = 0; s < static_cast<SlotId>(stage_->slots.size()); ++s)
    windows_.push_back(stage_->slots[s].retains
                           ? std::optional(RetainedWindow(stage_->slots[s].extents, once(s)))
                           : std::nullopt);
  restores_ = has_restore(code().load);
  last_output = count_of(mapping::Op::kStore, code().store) - 1;
  const int part = index.part_of_stage(stage);
  const auto& owners = index.owners(part);
  for (std::size_t owner = 0; owner < owners.size(); ++owner)
    if (owners[owner].tile == share.tile) expected_closings += index.expected_closings(part, owner);
}

/// What a slot that is received into no more holds is what the first of its stages received.
void StageRun::find_kept_slots(const mapping::Program& program,
                               const mapping::ProgramIndex& index) {
  for (SlotId slot = 0; slot < static_cast<SlotId>(stage_->slots.size()); ++slot) {
    if (stage_->slots[slot].continues < 0) continue;
    const int first = index.first_of_slot(number_, slot);
    const auto& share = index.share_of(first, share_->tile);
    std::vector<ReceiveState> received(receives_.size());
    find_slots(program.stages[first].codes[share.code].load, received);
    for (std::size_t i = 0; i < received.size(); ++i)
      if (received[i].slot == slot) receives_[i].slot = slot;
  }
}

void StageRun::go_on_with(SlotId slot, StageRun& earlier) {
  ring_of_[slot] = &earlier.ring(slot);
  earlier.continued_by_[slot] = this;
}

bool StageRun::closed(SlotId slot) {
  if (stage_->slots[slot].handed_on)
    return continued_by_[slot] != nullptr && continued_by_[slot]->closed(slot);
  if (!used_[slot]) return true;
  const bool output = slot == stage_->output_slot || slot == stage_->partial_slot;
  if (!(output ? compute_done : load_done)) return false;
  auto& held = ring(slot);
  if (!keeps(slot)) return held.empty();
  if (reads_in_flight > 0) return false;
  if (stage_->slots[slot].streams) return held.empty();
  const bool stores =
      (stage_->slots[slot].readers & static_cast<unsigned>(SlotReader::kStore)) != 0;
  return closings == expected_closings && sums_to_pass == 0 &&
         (!stores || held.released(SlotReader::kStore) == held.appended());
}

}  // namespace tessera::hw
