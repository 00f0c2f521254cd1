#include "mapping/checker/keep_check.h"

#include <algorithm>

#include "mapping/checker/region_set.h"
#include "mapping/code_cursor.h"

namespace tessera::mapping::checker {

namespace {

/// Operand of the first receive into a slot; -1: none.
int received_operand(const CodeBlock& load, SlotId slot) {
  for (const auto& node : load) {
    if (node.is_loop) {
      if (const int found = received_operand(node.body, slot); found >= 0) return found;
    } else if (node.instruction.op == Op::kReceive && node.instruction.slot == slot) {
      return node.instruction.operand;
    }
  }
  return -1;
}

bool receives(const StageView& view, SlotId slot) {
  return std::ranges::any_of(
      view.stage.codes, [&](const Code& code) { return received_operand(code.load, slot) >= 0; });
}

std::int64_t receives_on(const StageView& view, const TileShare& share, SlotId slot) {
  std::int64_t granules = 0;
  for (CodeCursor at(view.stage.codes[share.code].load, share); !at.done(); at.next())
    granules += at.instruction().op == Op::kReceive && at.instruction().slot == slot;
  return granules;
}

/// One slot that goes on with that of the same number of an earlier stage.
class KeepCheck {
 public:
  KeepCheck(const StageView& view, SlotId slot)
      : view_(view), slot_(slot), own_(view.stage.slots[slot]) {}

  void check() const {
    const StageView before(view_.program, own_.continues);
    if (own_.continues >= view_.index) refuse("which is not an earlier stage");
    if (view_.stage.fusion >= 0 || before.stage.fusion >= 0) refuse("but one of them is fused");
    check_alike(before.stage.slots[slot_]);
    check_data(before);
    if (!own_.rotating) check_single();
  }

 private:
  template <typename... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    view_.refuse("slot ", own_.name, " goes on with that of stage ",
                 view_.program.stages[own_.continues].name, ", ", parts...);
  }

  void check_alike(const Slot& other) const {
    if (!other.handed_on) refuse("which does not hand it on");
    const bool alike = own_.base_address == other.base_address &&
                       own_.granule_bytes == other.granule_bytes &&
                       own_.granules == other.granules && own_.readers == other.readers &&
                       own_.staging == other.staging && own_.rotating == other.rotating;
    if (!alike || own_.retains || own_.streams) refuse("which is another place or another ring");
  }

  void check_data(const StageView& before) const {
    const int operand = operand_of_slot(view_.program, view_.index, slot_);
    const auto has = [&](const workloads::Layer& layer) {
      return operand >= 0 && operand < static_cast<int>(layer.inputs.size());
    };
    if (!has(view_.layer) || !has(before.layer) ||
        view_.layer.inputs[operand].tensor != before.layer.inputs[operand].tensor)
      refuse("which holds another tensor");
    if (view_.stage.shares.size() != before.stage.shares.size())
      refuse("which has ", before.stage.shares.size(), " tiles instead of ",
             view_.stage.shares.size());
    for (const auto& share : view_.stage.shares) {
      const TileShare* earlier = before.find_share(share.tile);
      if (earlier == nullptr) refuse("which has no tile ", share.tile);
      const auto needed = region_of(view_.layer.inputs[operand], share.ranks);
      const auto held = region_of(before.layer.inputs[operand], earlier->ranks);
      if (needed != held)
        refuse("where tile ", share.tile, " holds ", to_text(held), " instead of ",
               to_text(needed));
    }
  }

  void check_single() const {
    if (own_.granules != 1) refuse("but has ", own_.granules, " granules; allowed: 1");
    if (receives(view_, slot_)) refuse("but its granules are received again");
    const StageView first(view_.program, chain_begin());
    for (const auto& share : first.stage.shares)
      if (const auto granules = receives_on(first, share, slot_); granules != 1)
        refuse("but tile ", share.tile, " receives ", granules, " granules in stage ",
               first.stage.name, "; allowed: 1");
  }

  int chain_begin() const {
    int stage = view_.index;
    while (view_.program.stages[stage].slots[slot_].continues >= 0)
      stage = view_.program.stages[stage].slots[slot_].continues;
    return stage;
  }

  const StageView& view_;
  SlotId slot_;
  const Slot& own_;
};

}  // namespace

int operand_of_slot(const Program& program, int stage, SlotId slot) {
  while (program.stages[stage].slots[slot].continues >= 0)
    stage = program.stages[stage].slots[slot].continues;
  for (const auto& code : program.stages[stage].codes)
    if (const int found = received_operand(code.load, slot); found >= 0) return found;
  return -1;
}

std::vector<int> chain_of(const Program& program, int stage, SlotId slot) {
  std::vector<int> chain = {stage};
  for (int s = stage + 1; s < static_cast<int>(program.stages.size()); ++s) {
    if (!program.stages[chain.back()].slots[slot].handed_on) break;
    const auto& slots = program.stages[s].slots;
    if (slot < static_cast<SlotId>(slots.size()) && slots[slot].continues == chain.back())
      chain.push_back(s);
  }
  return chain;
}

void check_keeps(const Program& program) {
  std::vector<std::vector<int>> heirs;
  for (const auto& stage : program.stages) heirs.emplace_back(stage.slots.size(), 0);
  for (int s = 0; s < static_cast<int>(program.stages.size()); ++s) {
    const StageView view(program, s);
    for (SlotId slot = 0; slot < static_cast<SlotId>(view.stage.slots.size()); ++slot) {
      const int earlier = view.stage.slots[slot].continues;
      if (earlier < 0) continue;
      KeepCheck(view, slot).check();
      ++heirs[earlier][slot];
    }
  }
  for (std::size_t s = 0; s < program.stages.size(); ++s)
    for (std::size_t slot = 0; slot < heirs[s].size(); ++slot)
      if (heirs[s][slot] != (program.stages[s].slots[slot].handed_on ? 1 : 0))
        StageView(program, static_cast<int>(s))
            .refuse("slot ", program.stages[s].slots[slot].name, ": ", heirs[s][slot],
                    " later stages go on with it; allowed: ",
                    program.stages[s].slots[slot].handed_on ? 1 : 0);
}

}  // namespace tessera::mapping::checker
