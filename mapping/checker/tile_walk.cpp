#include "mapping/checker/tile_walk.h"

#include <algorithm>
#include <deque>
#include <set>

#include "mapping/checker/keep_check.h"
#include "mapping/checker/region_set.h"
#include "mapping/code_cursor.h"
#include "mapping/rotation.h"
#include "mapping/stage_plan.h"

namespace tessera::mapping::checker {

namespace {

using workloads::Operand;
using workloads::RankTile;
using workloads::Region;

constexpr int kSums = -1;  // a granule of partial sums or outputs, not of an input operand

struct Granule {
  Region region;
  int operand = kSums;
  std::int64_t gone = 0;  ///< elements stored or sent
  bool left = false;      ///< all of them
};

/// The granules of a ring that some reader has not released.
struct SlotTrace {
  std::deque<Granule> granules;
  std::int64_t dropped = 0;  ///< granules that stood before the first one kept
  std::int64_t released[2] = {};
  int window[2] = {};

  std::int64_t appended() const { return dropped + static_cast<std::int64_t>(granules.size()); }
  Granule& at(std::int64_t number) { return granules[number - dropped]; }

  void drop_released(unsigned readers) {
    std::int64_t needed = appended();
    if ((readers & bit(SlotReader::kCompute)) != 0) needed = std::min(needed, released[0]);
    if ((readers & bit(SlotReader::kStore)) != 0) needed = std::min(needed, released[1]);
    for (; dropped < needed; ++dropped) granules.pop_front();
  }
};

/// The store queue pulls the compute queue along, and that the load queue, so that no more granules
/// are alive than the code itself keeps. The untimed run has shown that this order reaches the end.
class TileWalk {
 public:
  TileWalk(const StageView& view, const TileShare& share, const Part& output)
      : view_(view),
        share_(share),
        owner_(view.owns(share)),
        partners_(view.stage.sums_in_network
                      ? 1
                      : static_cast<int>(view.sums_of(share).members.size()) - 1),
        output_(output),
        slots_(view.stage.slots.size()) {
    const Code& code = view.stage.codes[share.code];
    for (const Queue queue : kQueues)
      cursors_[static_cast<int>(queue)] = CodeCursor(block_of(code, queue), share);
    for (SlotId slot = 0; slot < static_cast<SlotId>(slots_.size()); ++slot)
      if (holds_from_before(view.stage.slots[slot])) hold(slot);
  }

  void walk() {
    while (step(Queue::kStore)) {
    }
    while (step(Queue::kCompute)) {
    }
    while (step(Queue::kLoad)) {
    }
    check_totals();
  }

 private:
  CodeCursor& cursor(Queue queue) { return cursors_[static_cast<int>(queue)]; }

  /// The granule that earlier stages left.
  void hold(SlotId slot) {
    const int operand = operand_of_slot(view_.program, view_.index, slot);
    slots_[slot].granules.push_back(
        {region_of(view_.layer.inputs[operand], share_.ranks), operand});
  }

  bool step(Queue queue) {
    CodeCursor& at = cursor(queue);
    if (at.done()) return false;
    ++executed_[static_cast<int>(queue)];
    execute(queue, at.instruction(), at.ranks());
    at.next();
    return true;
  }

  template <typename... Parts>
  [[noreturn]] void refuse(Queue queue, const Parts&... parts) {
    view_.refuse_tile(share_.tile, name_of(queue), " queue: instruction ",
                      executed_[static_cast<int>(queue)], " (",
                      to_text(cursor(queue).instruction(), view_.stage), "): ", parts...);
  }

  void execute(Queue queue, const Instruction& instruction, const RankTile& ranks) {
    switch (instruction.op) {
      case Op::kReceive:
        return append(
            queue, instruction.slot,
            {region_of(view_.layer.inputs[instruction.operand], ranks), instruction.operand});
      case Op::kReceiveSums:
      case Op::kRestore:
        return append(queue, instruction.slot, {region_of(view_.layer.output, ranks)});
      case Op::kReopen:
        return reopen(instruction, ranks);
      case Op::kAcquire:
        return acquire(queue, instruction);
      case Op::kRelease:
        return release(queue, instruction);
      case Op::kReserve:
        return reserve(instruction, ranks);
      case Op::kCommit:
        return commit(ranks);
      case Op::kArray:
      case Op::kVector:
        return compute(ranks);
      case Op::kAddSums:
        return add_sums(instruction, ranks);
      case Op::kStore:
      case Op::kSendSums:
        return leave(instruction, ranks);
      case Op::kYield:
        refuse(queue, "the stage takes turns with no other");
    }
  }

  void append(Queue queue, SlotId slot, Granule granule) {
    const Bytes bytes = static_cast<Bytes>(granule.region.elements()) *
                        static_cast<Bytes>(view_.program.word_bytes);
    const Slot& ring = view_.stage.slots[slot];
    if (bytes > ring.granule_bytes)
      refuse(queue, "the region ", to_text(granule.region), " is ", bytes,
             " bytes; a granule of the slot has ", ring.granule_bytes);
    slots_[slot].granules.push_back(std::move(granule));
  }

  void acquire(Queue queue, const Instruction& instruction) {
    SlotTrace& slot = slots_[instruction.slot];
    const int reader = index(queue);
    const Queue writer = queue == Queue::kStore ? Queue::kCompute : Queue::kLoad;
    const auto complete = [&] {
      if (view_.restores() && owner_ && instruction.slot == view_.stage.output_slot)
        return open_slot_ == instruction.slot ? open_granule_ : reopened_;
      return slot.appended() - (open_slot_ == instruction.slot ? 1 : 0);
    };
    while (complete() < slot.released[reader] + instruction.amount)
      if (!step(writer)) refuse(queue, "waits for a granule that is never appended");
    slot.window[reader] = std::max(slot.window[reader], instruction.amount);
  }

  void release(Queue queue, const Instruction& instruction) {
    SlotTrace& slot = slots_[instruction.slot];
    const int reader = index(queue);
    for (int i = 0; i < instruction.amount; ++i)
      if (queue == Queue::kStore && !slot.at(slot.released[reader] + i).left &&
          !goes_on(instruction.slot, slot.released[reader] + i))
        refuse(queue, "the granule is released without having been ", owner_ ? "stored" : "sent");
    slot.released[reader] += instruction.amount;
    slot.window[reader] -= instruction.amount;
    slot.drop_released(view_.stage.slots[instruction.slot].readers);
  }

  void reserve(const Instruction& instruction, const RankTile& ranks) {
    Granule granule{region_of(view_.layer.output, ranks)};
    check_place(instruction.slot);
    const std::int64_t outputs = output_points(ranks);
    if (granule.region.elements() != outputs)
      refuse(Queue::kCompute, "the region ", to_text(granule.region), " bounds ",
             granule.region.elements(), " elements, of which the rank tile produces ", outputs);
    append(Queue::kCompute, instruction.slot, std::move(granule));
    open(instruction.slot, slots_[instruction.slot].appended() - 1, ranks);
  }

  /// The next granule that the load queue restored; outputs count as produced when first visited.
  void reopen(const Instruction& instruction, const RankTile& ranks) {
    check_place(instruction.slot);
    SlotTrace& slot = slots_[instruction.slot];
    while (slot.appended() <= reopened_)
      if (!step(Queue::kLoad))
        refuse(Queue::kCompute, "waits for a granule that is never restored");
    const Region region = region_of(view_.layer.output, ranks);
    if (slot.at(reopened_).region != region)
      refuse(Queue::kCompute, "reopens ", to_text(region), "; restored is ",
             to_text(slot.at(reopened_).region));
    open(instruction.slot, reopened_++, ranks);
  }

  /// Shared partial sums that the tile adds to and passes on.
  bool goes_on(SlotId slot, std::int64_t number) const {
    return is_passed_on(view_.stage.slots[slot], share_.rotation, number);
  }

  void open(SlotId slot, std::int64_t number, const RankTile& ranks) {
    const bool counts = view_.stage.slots[slot].rotating
                            ? !goes_on(slot, number)
                            : cursor(Queue::kCompute).visit(view_.layer).first();
    if (counts) produced_ += output_points(ranks);
    open_slot_ = slot;
    open_granule_ = number;
    open_ranks_ = ranks;
    added_.clear();
  }

  /// An owner's outputs go to the stage's output slot, served or stored as the part says; a
  /// partner's never to a slot that is served.
  void check_place(SlotId slot) {
    const Stage& stage = view_.stage;
    const SlotId expected = owner_ ? stage.output_slot : stage.partial_slot;
    if (slot != expected)
      refuse(Queue::kCompute, "the tile ",
             owner_ ? "owns its outputs" : "adds to another's outputs", "; allowed: ",
             expected < 0 ? "no slot, the stage has no partial slot" : stage.slots[expected].name);
    const bool served = (stage.slots[slot].readers & bit(SlotReader::kServer)) != 0;
    if (served != (owner_ && output_.in_tiles()))
      refuse(Queue::kCompute, served ? "the slot is served to other tiles, but no part lives in it"
                                     : "the part lives in the tiles, but the slot has no server");
    const bool stored = (stage.slots[slot].readers & bit(SlotReader::kStore)) != 0;
    if (!stored && owner_ && output_.home != Home::kTiles)
      refuse(Queue::kCompute, "the part lives in ", name_of(output_.home),
             ", but the store queue does not read the slot");
  }

  void commit(const RankTile& ranks) {
    if (region_of(view_.layer.output, ranks) != open().region)
      refuse(Queue::kCompute, "commits ", to_text(region_of(view_.layer.output, ranks)),
             "; reserved is ", to_text(open().region));
    check_added();
    open_slot_ = -1;
  }

  /// Pieces of the granule that differ are disjoint, because loops step through them.
  void check_added() {
    const int expected = owner_ ? partners_ : 0;
    std::int64_t covered = 0;
    for (const auto& [piece, times] : added_) {
      covered += piece.elements();
      if (times != expected)
        refuse(Queue::kCompute, times,
               " partial sums are added to the granule; allowed: ", expected);
    }
    if (expected > 0 && (added_.empty() || covered != open().region.elements()))
      refuse(Queue::kCompute, added_.empty() ? 0 : covered,
             added_.empty() ? " partial sums are added to the granule; allowed: "
                            : " elements get partial sums; allowed: ",
             added_.empty() ? expected : open().region.elements());
  }

  Granule& open() { return slots_[open_slot_].at(open_granule_); }

  void compute(const RankTile& ranks) {
    const std::int64_t points = workloads::volume(ranks);
    computed_ += points;
    if (points == 0) return;
    check_ranks(ranks);
    for (std::size_t i = 0; i < view_.layer.inputs.size(); ++i)
      check_input(static_cast<int>(i), region_of(view_.layer.inputs[i], ranks));
  }

  void check_ranks(const RankTile& ranks) {
    for (std::size_t r = 0; r < ranks.size(); ++r)
      if (!view_.layer.ranks[r].reduced &&
          (ranks[r].begin < open_ranks_[r].begin || ranks[r].end > open_ranks_[r].end))
        refuse(Queue::kCompute, "rank ", view_.layer.ranks[r].name,
               " leaves the outputs that are reserved");
    for (const auto r : view_.layer.whole_ranks)
      if (ranks[r].size() != view_.layer.ranks[r].extent)
        refuse(Queue::kCompute, "needs rank ", view_.layer.ranks[r].name, " whole; it has ",
               ranks[r].size(), " of ", view_.layer.ranks[r].extent);
  }

  void check_input(int operand, const Region& needed) {
    std::vector<const Region*> held;
    for (auto& slot : slots_)
      for (int i = 0; i < slot.window[0]; ++i) {
        const Granule& granule = slot.at(slot.released[0] + i);
        if (granule.operand == operand) held.push_back(&granule.region);
      }
    if (covered(needed, held)) return;
    refuse(Queue::kCompute, "needs ", to_text(needed), " of ", operand_name(view_.layer, operand),
           "; acquired: ", held.empty() ? "nothing" : to_text(*held.front()),
           held.size() > 1 ? detail::concatenate(" and ", held.size() - 1, " more granules") : "");
  }

  void add_sums(const Instruction& instruction, const RankTile& ranks) {
    SlotTrace& slot = slots_[instruction.slot];
    const Region& sums = slot.at(slot.released[0]).region;
    const Region here = region_of(view_.layer.output, ranks);
    if (sums != here || intersect(sums, open().region).elements() != sums.elements())
      refuse(Queue::kCompute, "adds sums of ", to_text(sums), "; reserved is ",
             to_text(open().region));
    const auto known = std::ranges::find(added_, sums, &std::pair<Region, int>::first);
    if (known == added_.end())
      added_.emplace_back(sums, 1);
    else
      ++known->second;
  }

  /// Store or send the oldest granule acquired.
  void leave(const Instruction& instruction, const RankTile& ranks) {
    SlotTrace& slot = slots_[instruction.slot];
    Granule& granule = slot.at(slot.released[1]);
    if (goes_on(instruction.slot, slot.released[1])) return;
    if (granule.left) refuse(Queue::kStore, "the granule has left before");
    const bool store = instruction.op == Op::kStore;
    if (store && (!owner_ || output_.home == Home::kTiles))
      refuse(Queue::kStore,
             owner_ ? "the part lives in the tiles" : "the outputs belong to another tile");
    const Region region = region_of(view_.layer.output, ranks);
    granule.gone += region.elements();
    granule.left = granule.gone >= granule.region.elements();
    const bool inside = !store && intersect(region, granule.region).elements() == region.elements();
    if (region != granule.region && !inside)
      refuse(Queue::kStore, "the rank tile is ", to_text(region), "; the granule holds ",
             to_text(granule.region));
  }

  std::int64_t output_points(const RankTile& ranks) const {
    std::int64_t points = 1;
    for (std::size_t r = 0; r < ranks.size(); ++r)
      if (!view_.layer.ranks[r].reduced) points *= ranks[r].size();
    return points;
  }

  void check_totals() const {
    const std::int64_t points = workloads::volume(share_.ranks);
    if (computed_ != points)
      view_.refuse_tile(share_.tile, "computes ", computed_, " of the ", points,
                        " points of its share");
    std::int64_t outputs = 0;
    for (const auto& ranks : completed(view_.stage, view_.layer, share_))
      outputs += output_points(ranks);
    if (produced_ != outputs)
      view_.refuse_tile(share_.tile, "produces ", produced_, " of the ", outputs,
                        " outputs of its share");
  }

  static int index(Queue queue) { return queue == Queue::kCompute ? 0 : 1; }

  const StageView& view_;
  const TileShare& share_;
  bool owner_;
  int partners_;
  const Part& output_;  ///< what the stage produces
  CodeCursor cursors_[3];
  std::int64_t executed_[3] = {};
  std::vector<SlotTrace> slots_;
  SlotId open_slot_ = -1;
  std::int64_t open_granule_ = -1;
  std::int64_t reopened_ = 0;
  RankTile open_ranks_;
  std::vector<std::pair<Region, int>> added_;  ///< pieces of the open granule: partners so far
  std::int64_t computed_ = 0;
  std::int64_t produced_ = 0;
};

/// Marks the ranks of those dimensions in which the share touches padding.
void mark_clipped(const Operand& operand, const RankTile& ranks, std::vector<bool>& clipped) {
  for (const auto& access : operand.dimensions) {
    std::int64_t first = access.offset;
    std::int64_t last = access.offset;
    for (const auto& term : access.terms) {
      first += term.coefficient * ranks[term.rank].begin;
      last += term.coefficient * (ranks[term.rank].end - 1);
    }
    if (first >= access.valid_begin && last < access.valid_end) continue;
    for (const auto& term : access.terms) clipped[term.rank] = true;
  }
}

std::vector<std::int64_t> class_of(const StageView& view, const TileShare& share) {
  std::vector<bool> clipped(share.ranks.size(), false);
  for (const auto& input : view.layer.inputs) mark_clipped(input, share.ranks, clipped);
  mark_clipped(view.layer.output, share.ranks, clipped);
  std::vector<std::int64_t> key = {share.code, view.owns(share) ? 1 : 0,
                                   static_cast<std::int64_t>(view.sums_of(share).members.size()),
                                   view.shares_sums() ? share.rotation.place : 0};
  for (std::size_t r = 0; r < share.ranks.size(); ++r) {
    key.push_back(clipped[r] ? share.ranks[r].begin : -1);
    key.push_back(share.ranks[r].size());
  }
  return key;
}

}  // namespace

void walk_shares(const StageView& view, const Part& output) {
  std::set<std::vector<std::int64_t>> walked;
  for (const auto& share : view.stage.shares)
    if (walked.insert(class_of(view, share)).second) TileWalk(view, share, output).walk();
}

}  // namespace tessera::mapping::checker
