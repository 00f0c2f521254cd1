#include "mapping/checker/tile_run.h"

#include <algorithm>

#include "mapping/checker/region_set.h"
#include "mapping/region_difference.h"
#include "mapping/stage_plan.h"

namespace tessera::mapping::checker {

using workloads::Operand;
using workloads::RankTile;
using workloads::Region;

TileRun::TileRun(const Program& program, int first, int last, TileId tile, Exchanges& exchanges)
    : program_(program), tile_(tile), exchange_(exchanges.granules), sums_(exchanges.sums) {
  for (int s = first; s <= last; ++s) {
    const StageView view(program, s);
    if (const TileShare* share = view.find_share(tile)) add_member(view, *share);
  }
}

void TileRun::add_member(const StageView& view, const TileShare& share) {
  const auto part = std::ranges::find(program_.parts, view.index, &Part::producer_stage);
  Member member{view, &share, static_cast<int>(part - program_.parts.begin()), {}, {}, {}, -1, {},
                0,    {}};
  for (const Queue queue : kQueues)
    member.cursors[static_cast<int>(queue)] =
        CodeCursor(block_of(view.stage.codes[share.code], queue), share);
  member.slots.resize(view.stage.slots.size());
  member.claimed.resize(view.stage.slots.size());
  const bool together = !members_.empty() && view.stage.fusion >= 0 &&
                        members_.back().view.stage.fusion == view.stage.fusion;
  const int index = static_cast<int>(members_.size());
  if (!together) turns_.push_back({index, index});
  ++turns_.back().end;
  members_.push_back(std::move(member));
  if (part->home == Home::kWindow) add_window(view);
}

bool TileRun::advance() {
  bool any = false;
  for (bool progress = true; progress;) {
    progress = false;
    for (const Queue queue : kQueues)
      while (step(queue)) progress = true;
    progress |= tell_finished();
    any |= progress;
  }
  return any;
}

bool TileRun::done() {
  return std::ranges::none_of(kQueues, [&](Queue queue) { return next_turn(queue); });
}

std::map<int, std::int64_t> TileRun::finish() {
  require_end();
  std::map<int, std::int64_t> points;
  for (const auto& member : members_) points[member.view.index] = member.points;
  return points;
}

void TileRun::add_window(const StageView& view) {
  const Slot& slot = view.stage.slots[view.stage.output_slot];
  if (!slot.retains)
    view.refuse_tile(tile_, "slot ", slot.name,
                     " holds its outputs for other stages; allowed: a window");
  windows_.emplace(
      view.index,
      WindowTags(slot.extents, program_.network.tensors[view.layer.output.tensor].extents));
}

bool TileRun::step(Queue queue) {
  if (!next_turn(queue)) return false;
  Member& member = members_[turn(queue)];
  CodeCursor& cursor = member.cursors[static_cast<int>(queue)];
  const Instruction& instruction = cursor.instruction();
  if (!execute(member, queue, instruction, cursor.ranks())) return false;
  ++member.executed[static_cast<int>(queue)];
  const bool yields = instruction.op == Op::kYield;
  cursor.next();
  if (yields) pass_turn(queue);
  return true;
}

void TileRun::pass_turn(Queue queue) {
  if (++turn(queue) == turns(queue).end) turn(queue) = turns(queue).begin;
}

bool TileRun::next_turn(Queue queue) {
  auto& group = group_[static_cast<int>(queue)];
  while (group < turns_.size()) {
    for (int i = turns(queue).begin; i < turns(queue).end; ++i) {
      if (!is_done(members_[turn(queue)], queue)) return true;
      pass_turn(queue);
    }
    if (++group < turns_.size()) turn(queue) = turns(queue).begin;
  }
  return false;
}

bool TileRun::claim(Member& member, SlotId id) {
  if (member.claimed[id]) return true;
  const Slot& wanted = member.view.stage.slots[id];
  const auto index = static_cast<int>(&member - members_.data());
  const auto own = std::ranges::find_if(
      turns_, [&](const Turns& turns) { return turns.begin <= index && index < turns.end; });
  const bool fused = member.view.stage.fusion >= 0;
  for (int earlier = 0; earlier < own->begin; ++earlier)
    for (SlotId s = 0; s < static_cast<SlotId>(members_[earlier].slots.size()); ++s) {
      const Slot& other = members_[earlier].view.stage.slots[s];
      const bool kept = (other.readers & bit(SlotReader::kServer)) != 0;
      const bool meet = other.base_address < wanted.base_address + wanted.bytes() &&
                        wanted.base_address < other.base_address + other.bytes();
      if (other.staging == wanted.staging && (meet || (fused && !kept)) &&
          !closed(members_[earlier], s))
        return false;
    }
  member.claimed[id] = true;
  return true;
}

bool TileRun::closed(Member& member, SlotId id) {
  const Slot& slot = member.view.stage.slots[id];
  if (!is_done(member, Queue::kLoad) || !is_done(member, Queue::kCompute)) return false;
  if (slot.streams) return exchange_.held(member.view.index, tile_) == 0;
  const bool served = (slot.readers & bit(SlotReader::kServer)) != 0;
  return served ? member.slots[id].held.empty() || exchange_.closed(member.view.index)
                : member.slots[id].held.empty();
}

/// Stages that have received all that they read.
bool TileRun::tell_finished() {
  bool any = false;
  for (auto& member : members_) {
    std::erase_if(member.tickets, [&](auto ticket) { return exchange_.arrived(ticket); });
    if (member.told || !is_done(member, Queue::kLoad) || !member.tickets.empty()) continue;
    exchange_.finish_reading(member.view.index, tile_);
    any = member.told = true;
  }
  return any;
}

bool TileRun::execute(Member& member, Queue queue, const Instruction& instruction,
                      const RankTile& ranks) {
  switch (instruction.op) {
    case Op::kYield:
      return true;
    case Op::kReceive:
      return receive(member, instruction, ranks);
    case Op::kAcquire:
      return acquire(member, instruction);
    case Op::kRelease:
      release(member, queue, instruction);
      return true;
    case Op::kReserve:
      return reserve(member, instruction, ranks);
    case Op::kCommit:
      commit(member, instruction, ranks);
      return true;
    case Op::kArray:
    case Op::kVector:
      compute(member, ranks);
      return true;
    case Op::kStore:
      store(member, instruction, ranks);
      return true;
    case Op::kRestore:
    case Op::kReopen:
      refuse(member, queue, "sums that come back from DRAM in a stage that others run beside");
    default:
      if (instruction.op == Op::kReceiveSums) return receive_sums(member, instruction, ranks);
      if (instruction.op == Op::kSendSums) return send_sums(member, instruction);
      if (member.slots[instruction.slot].acquired == 0)
        refuse(member, queue, "no granule is acquired");
      return true;
  }
}

bool TileRun::receive_sums(Member& member, const Instruction& instruction, const RankTile& ranks) {
  if (!claim(member, instruction.slot) || !has_room(member, instruction.slot) ||
      !sums_.take(member.view, *member.share))
    return false;
  Granule granule{region_of(member.view.layer.output, ranks)};
  require_fit(member, Queue::kLoad, instruction.slot, granule.region);
  auto& slot = member.slots[instruction.slot];
  slot.held.push_back(std::move(granule));
  ++slot.complete;
  return true;
}

bool TileRun::send_sums(Member& member, const Instruction& instruction) {
  SlotState& slot = member.slots[instruction.slot];
  if (slot.acquired == 0) refuse(member, Queue::kStore, "no granule is acquired");
  if (!sums_.send(member.view, *member.share)) return false;
  slot.held.front().left = true;
  return true;
}

bool TileRun::has_room(const Member& member, SlotId slot) const {
  const Slot& ring = member.view.stage.slots[slot];
  const int handed_out = ring.streams ? exchange_.held(member.view.index, tile_) : 0;
  return static_cast<int>(member.slots[slot].held.size()) + handed_out < ring.granules;
}

void TileRun::require_fit(const Member& member, Queue queue, SlotId slot,
                          const Region& region) const {
  const Slot& ring = member.view.stage.slots[slot];
  if (static_cast<Bytes>(region.elements()) * static_cast<Bytes>(program_.word_bytes) >
      ring.granule_bytes)
    refuse(member, queue, "the region ", to_text(region), " does not fit a granule of ",
           ring.granule_bytes, " bytes");
  for (std::size_t d = 0; ring.retains && d < region.dimensions.size(); ++d)
    if (region.dimensions[d].count > ring.extents[d])
      refuse(member, queue, "the region ", to_text(region), " is wider in dimension ", d,
             " than the window, ", ring.extents[d]);
}

void TileRun::require_both_fit(const Member& member, SlotId id, const Region& next,
                               const Region& before) const {
  const Slot& slot = member.view.stage.slots[id];
  for (std::size_t d = 0; slot.granules > 1 && d < before.dimensions.size(); ++d) {
    const auto& a = next.dimensions[d];
    const auto& b = before.dimensions[d];
    if (std::max(a.last(), b.last()) - std::min(a.begin, b.begin) + 1 > slot.extents[d])
      refuse(member, Queue::kLoad, "two granules are wider in dimension ", d, " than the window, ",
             slot.extents[d]);
  }
}

bool TileRun::receive(Member& member, const Instruction& instruction, const RankTile& ranks) {
  if (!claim(member, instruction.slot) || !has_room(member, instruction.slot)) return false;
  Granule granule{region_of(member.view.layer.inputs[instruction.operand], ranks),
                  instruction.operand};
  if (member.view.stage.slots[instruction.slot].retains && workloads::volume(ranks) == 0)
    for (auto& range : granule.region.dimensions) range.count = 0;
  require_fit(member, Queue::kLoad, instruction.slot, granule.region);
  auto& slot = member.slots[instruction.slot];
  std::vector<Region> boxes = {granule.region};
  if (member.view.stage.slots[instruction.slot].retains && !granule.region.empty()) {
    boxes = fresh(member, instruction, granule.region);
    require_both_fit(member, instruction.slot, granule.region, slot.before);
    slot.before = granule.region;
  }
  granule.ticket = exchange_.ask(member.view.index, instruction.operand, tile_, boxes);
  if (granule.ticket >= 0) member.tickets.push_back(granule.ticket);
  slot.held.push_back(std::move(granule));
  ++slot.complete;
  return true;
}

std::vector<Region> TileRun::fresh(Member& member, const Instruction& instruction,
                                   const Region& next) {
  SlotState& slot = member.slots[instruction.slot];
  const auto tensor = member.view.layer.inputs[instruction.operand].tensor;
  std::vector<Region> boxes = {next};
  if (!slot.before.dimensions.empty()) boxes = difference(next, slot.before);
  if (!exchange_.is_streamed(tensor)) return boxes;
  std::int64_t missing = 0;
  for (const auto& box : boxes) missing += box.elements();
  boxes = slot.received.advance(next);
  for (const auto& box : boxes) missing -= box.elements();
  if (missing > 0 && !slot.lines) {
    slot.lines.emplace(member.view.stage.slots[instruction.slot].extents,
                       program_.network.tensors[tensor].extents);
    for (const auto& box : slot.came) slot.lines->write(box);
  }
  for (const auto& box : boxes) {
    if (slot.lines) slot.lines->write(box);
    slot.came.push_back(box);
  }
  return boxes;
}

bool TileRun::acquire(Member& member, const Instruction& instruction) const {
  SlotState& slot = member.slots[instruction.slot];
  if (slot.complete < instruction.amount) return false;
  for (int i = 0; i < instruction.amount; ++i)
    if (!exchange_.arrived(slot.held[i].ticket)) return false;
  slot.acquired = std::max(slot.acquired, instruction.amount);
  return true;
}

void TileRun::release(Member& member, Queue queue, const Instruction& instruction) {
  SlotState& slot = member.slots[instruction.slot];
  if (slot.acquired < instruction.amount)
    refuse(member, queue, "only ", slot.acquired, " granules are acquired");
  for (int i = 0; i < instruction.amount; ++i, slot.held.pop_front())
    if (queue == Queue::kStore && !slot.held.front().left)
      refuse(member, queue, "the granule has not been stored");
  slot.complete -= instruction.amount;
  slot.acquired -= instruction.amount;
}

bool TileRun::reserve(Member& member, const Instruction& instruction, const RankTile& ranks) {
  if (member.open >= 0)
    refuse(member, Queue::kCompute, "the granule reserved before is not committed");
  const Stage& stage = member.view.stage;
  const SlotId expected = member.view.owns(*member.share) ? stage.output_slot : stage.partial_slot;
  if (instruction.slot != expected)
    refuse(member, Queue::kCompute, "outputs belong to ",
           expected < 0 ? "no slot" : stage.slots[expected].name);
  if (!claim(member, instruction.slot) || !has_room(member, instruction.slot)) return false;
  Granule granule{region_of(member.view.layer.output, ranks)};
  std::int64_t outputs = 1;
  for (std::size_t r = 0; r < ranks.size(); ++r)
    if (!member.view.layer.ranks[r].reduced) outputs *= ranks[r].size();
  if (granule.region.elements() != outputs)
    refuse(member, Queue::kCompute, "the region ", to_text(granule.region),
           " holds more than is produced");
  require_fit(member, Queue::kCompute, instruction.slot, granule.region);
  member.slots[instruction.slot].held.push_back(std::move(granule));
  member.open = instruction.slot;
  member.open_ranks = ranks;
  return true;
}

void TileRun::commit(Member& member, const Instruction& instruction, const RankTile& ranks) {
  if (member.open != instruction.slot) refuse(member, Queue::kCompute, "no granule is reserved");
  SlotState& slot = member.slots[instruction.slot];
  if (region_of(member.view.layer.output, ranks) != slot.held.back().region)
    refuse(member, Queue::kCompute, "commits other outputs than are reserved");
  member.open = -1;
  if (home(member) == Home::kWindow) {
    windows_.at(member.view.index).write(slot.held.back().region);
    slot.held.pop_back();
  } else if (member.view.stage.slots[instruction.slot].streams) {
    exchange_.offer(member.view.index, tile_, slot.held.back().region);
    slot.held.pop_back();
  } else if (home(member) == Home::kTiles && member.view.owns(*member.share)) {
    exchange_.offer(member.view.index, tile_, slot.held.back().region);
  } else {
    ++slot.complete;
  }
}

void TileRun::store(Member& member, const Instruction& instruction, const RankTile& ranks) {
  SlotState& slot = member.slots[instruction.slot];
  if (slot.acquired == 0) refuse(member, Queue::kStore, "no granule is acquired");
  if (home(member) == Home::kTiles || home(member) == Home::kWindow)
    refuse(member, Queue::kStore, "the part does not live in a memory");
  if (slot.held.front().left) refuse(member, Queue::kStore, "the granule has left before");
  if (slot.held.front().region != region_of(member.view.layer.output, ranks))
    refuse(member, Queue::kStore, "the granule holds other outputs");
  slot.held.front().left = true;
  exchange_.offer(member.view.index, tile_, slot.held.front().region);
}

void TileRun::compute(Member& member, const RankTile& ranks) {
  const std::int64_t points = workloads::volume(ranks);
  member.points += points;
  if (member.open < 0) refuse(member, Queue::kCompute, "no granule is reserved for the output");
  if (points == 0) return;
  for (std::size_t r = 0; r < ranks.size(); ++r)
    if (!member.view.layer.ranks[r].reduced &&
        (ranks[r].begin < member.open_ranks[r].begin || ranks[r].end > member.open_ranks[r].end))
      refuse(member, Queue::kCompute, "rank ", member.view.layer.ranks[r].name,
             " leaves the outputs reserved");
  for (const auto r : member.view.layer.whole_ranks)
    if (ranks[r].size() != member.view.layer.ranks[r].extent)
      refuse(member, Queue::kCompute, "needs rank ", member.view.layer.ranks[r].name, " whole");
  for (std::size_t i = 0; i < member.view.layer.inputs.size(); ++i) check_input(member, i, ranks);
}

void TileRun::check_input(Member& member, std::size_t input, const RankTile& ranks) {
  const Operand& operand = member.view.layer.inputs[input];
  const Region needed = region_of(operand, ranks);
  std::vector<const Region*> held;
  for (auto& slot : member.slots)
    for (int i = 0; i < slot.acquired; ++i)
      if (slot.held[i].operand == static_cast<int>(input)) held.push_back(&slot.held[i].region);
  for (auto& slot : member.slots)
    if (slot.lines && slot.acquired > 0 && slot.held.front().operand == static_cast<int>(input) &&
        !slot.lines->has(needed))
      refuse(member, Queue::kCompute, "needs ", to_text(needed), " of ",
             program_.network.tensors[operand.tensor].name,
             ", which is not in its window any more or yet");
  if (!held.empty() && covered(needed, held)) return;
  for (std::size_t p = 0; held.empty() && p < program_.parts.size(); ++p) {
    const Part& part = program_.parts[p];
    const auto window = windows_.find(part.producer_stage);
    if (part.tensor != operand.tensor || window == windows_.end()) continue;
    if (!window->second.has(intersect(needed, part.region)))
      refuse(member, Queue::kCompute, "needs ", to_text(needed), " of ",
             program_.network.tensors[operand.tensor].name,
             ", which is not in its window any more or yet");
    held.push_back(&part.region);
  }
  if (!covered(needed, held))
    refuse(member, Queue::kCompute, "needs ", to_text(needed), " of ",
           operand_name(member.view.layer, static_cast<int>(input)), ", which nothing holds");
}

void TileRun::require_end() {
  for (const Queue queue : kQueues) {
    if (!next_turn(queue)) continue;
    const Member& member = members_[turn(queue)];
    refuse(member, queue, "waits for ever: its slot is ",
           queue == Queue::kLoad ? "never emptied" : "never filled or emptied",
           exchange_.waiting());
  }
  for (const auto& member : members_) {
    for (std::size_t s = 0; s < member.slots.size(); ++s) {
      const bool served = (member.view.stage.slots[s].readers & bit(SlotReader::kServer)) != 0;
      if (!served && !member.slots[s].held.empty())
        member.view.refuse_tile(tile_, "slot ", member.view.stage.slots[s].name,
                                " does not drain: ", member.slots[s].held.size(),
                                " granules are left");
    }
    if (member.open >= 0)
      member.view.refuse_tile(tile_, "the last outputs reserved are never committed");
  }
}

}  // namespace tessera::mapping::checker
