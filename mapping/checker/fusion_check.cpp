#include "mapping/checker/fusion_check.h"

#include <algorithm>
#include <deque>
#include <map>
#include <set>

#include "mapping/checker/region_set.h"
#include "mapping/checker/stream_exchange.h"
#include "mapping/code_cursor.h"
#include "mapping/region_difference.h"
#include "mapping/stage_plan.h"

namespace tessera::mapping::checker {

namespace {

using workloads::Operand;
using workloads::RankTile;
using workloads::Region;

/// Visits every index of a region, row-major.
template <typename Visit>
void visit_indices(const Region& region, std::vector<std::int64_t>& index, Visit visit) {
  if (region.empty()) return;
  index.clear();
  for (const auto& range : region.dimensions) index.push_back(range.begin);
  for (;;) {
    visit();
    std::size_t d = index.size();
    for (; d > 0; --d) {
      const auto& range = region.dimensions[d - 1];
      if (index[d - 1] != range.last()) {
        index[d - 1] += range.step;
        break;
      }
      index[d - 1] = range.begin;
    }
    if (d == 0) return;
  }
}

/// Which element of a tensor stands in each place of a window.
class WindowTags {
 public:
  WindowTags(const std::vector<std::int64_t>& extents, const std::vector<std::int64_t>& tensor)
      : extents_(extents), tensor_(tensor) {
    std::int64_t places = 1;
    for (const auto extent : extents) places *= extent;
    tags_.assign(static_cast<std::size_t>(places), -1);
  }

  void write(const Region& region) {
    visit_indices(region, index_, [&] { tags_[place()] = tag(); });
  }
  bool has(const Region& region) {
    bool all = true;
    visit_indices(region, index_, [&] { all = all && tags_[place()] == tag(); });
    return all;
  }

 private:
  std::size_t place() const { return flat(extents_, true); }
  std::int64_t tag() const { return static_cast<std::int64_t>(flat(tensor_, false)); }
  std::size_t flat(const std::vector<std::int64_t>& extents, bool wrap) const {
    std::int64_t flat = 0;
    for (std::size_t d = 0; d < index_.size(); ++d)
      flat = flat * extents[d] + (wrap ? index_[d] % extents[d] : index_[d]);
    return static_cast<std::size_t>(flat);
  }

  std::vector<std::int64_t> extents_, tensor_;
  std::vector<std::int64_t> tags_;
  std::vector<std::int64_t> index_;
};

struct Granule {
  Region region;
  int operand = -1;  ///< -1: outputs
  bool left = false;
  std::int64_t ticket = -1;  ///< streamed from another stage: arrives when the exchange says so
};

struct SlotState {
  std::deque<Granule> held;   ///< appended and not released
  std::int64_t complete = 0;  ///< of those held
  int acquired = 0;
  Region before;  ///< windows: what the granule before held
};

/// One stage of the fusion on the tile.
struct Member {
  StageView view;
  const TileShare* share;
  int part;
  CodeCursor cursors[3];
  std::int64_t executed[3] = {};
  std::vector<SlotState> slots;
  SlotId open = -1;
  RankTile open_ranks;
  std::int64_t points = 0;
};

class TileRun {
 public:
  /// Stages of the fusion in [first, last] that the tile has a share in.
  TileRun(const Program& program, int first, int last, TileId tile, StreamExchange& exchange)
      : program_(program), tile_(tile), exchange_(exchange) {
    for (int s = first; s <= last; ++s) {
      const StageView view(program, s);
      const TileShare* share = view.find_share(tile);
      if (share == nullptr) continue;
      const auto part = std::ranges::find(program.parts, s, &Part::producer_stage);
      Member member{view, share, static_cast<int>(part - program.parts.begin()), {}, {}, {}, -1,
                    {},   0};
      for (const Queue queue : kQueues)
        member.cursors[static_cast<int>(queue)] =
            CodeCursor(block_of(view.stage.codes[share->code], queue), *share);
      member.slots.resize(view.stage.slots.size());
      members_.push_back(std::move(member));
      if (part->home == Home::kWindow) add_window(view);
    }
  }

  /// Goes on until every queue waits; true when anything was done.
  bool advance() {
    bool any = false;
    for (bool progress = true; progress;) {
      progress = false;
      for (const Queue queue : kQueues)
        while (step(queue)) progress = true;
      any |= progress;
    }
    return any;
  }

  /// Points computed per stage.
  std::map<int, std::int64_t> finish() {
    require_end();
    std::map<int, std::int64_t> points;
    for (const auto& member : members_) points[member.view.index] = member.points;
    return points;
  }

 private:
  void add_window(const StageView& view) {
    const Slot& slot = view.stage.slots[view.stage.output_slot];
    if (!slot.retains)
      view.refuse_tile(tile_, "slot ", slot.name,
                       " holds its outputs for other stages; allowed: a window");
    windows_.emplace(
        view.index,
        WindowTags(slot.extents, program_.network.tensors[view.layer.output.tensor].extents));
  }

  int& turn(Queue queue) { return turns_[static_cast<int>(queue)]; }

  bool step(Queue queue) {
    if (!next_turn(queue)) return false;
    Member& member = members_[turn(queue)];
    CodeCursor& cursor = member.cursors[static_cast<int>(queue)];
    const Instruction& instruction = cursor.instruction();
    if (!execute(member, queue, instruction, cursor.ranks())) return false;
    ++member.executed[static_cast<int>(queue)];
    const bool yields = instruction.op == Op::kYield;
    cursor.next();
    if (yields) turn(queue) = (turn(queue) + 1) % static_cast<int>(members_.size());
    return true;
  }

  /// Passes over stages whose queue is at its end; false when all are.
  bool next_turn(Queue queue) {
    for (std::size_t i = 0; i < members_.size(); ++i) {
      if (!members_[turn(queue)].cursors[static_cast<int>(queue)].done()) return true;
      turn(queue) = (turn(queue) + 1) % static_cast<int>(members_.size());
    }
    return false;
  }

  template <typename... Parts>
  [[noreturn]] void refuse(const Member& member, Queue queue, const Parts&... parts) const {
    const int q = static_cast<int>(queue);
    member.view.refuse_tile(tile_, name_of(queue), " queue: instruction ", member.executed[q] + 1,
                            " (", to_text(member.cursors[q].instruction(), member.view.stage),
                            "): ", parts...);
  }

  bool execute(Member& member, Queue queue, const Instruction& instruction, const RankTile& ranks) {
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
      default:
        refuse(member, queue, "partial sums of fused stages stay on their tile");
    }
  }

  bool has_room(const Member& member, SlotId slot) const {
    const Slot& ring = member.view.stage.slots[slot];
    const int handed_out = ring.streams ? exchange_.held(member.view.index, tile_) : 0;
    return static_cast<int>(member.slots[slot].held.size()) + handed_out < ring.granules;
  }

  void require_fit(const Member& member, Queue queue, SlotId slot, const Region& region) const {
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

  /// While a granule is in use the next one arrives: neither may lie on the other.
  void require_both_fit(const Member& member, SlotId id, const Region& next,
                        const Region& before) const {
    const Slot& slot = member.view.stage.slots[id];
    for (std::size_t d = 0; slot.granules > 1 && d < before.dimensions.size(); ++d) {
      const auto& a = next.dimensions[d];
      const auto& b = before.dimensions[d];
      if (std::max(a.last(), b.last()) - std::min(a.begin, b.begin) + 1 > slot.extents[d])
        refuse(member, Queue::kLoad, "two granules are wider in dimension ", d,
               " than the window, ", slot.extents[d]);
    }
  }

  bool receive(Member& member, const Instruction& instruction, const RankTile& ranks) {
    if (!has_room(member, instruction.slot)) return false;
    Granule granule{region_of(member.view.layer.inputs[instruction.operand], ranks),
                    instruction.operand};
    if (member.view.stage.slots[instruction.slot].retains && workloads::volume(ranks) == 0)
      for (auto& range : granule.region.dimensions) range.count = 0;
    require_fit(member, Queue::kLoad, instruction.slot, granule.region);
    auto& slot = member.slots[instruction.slot];
    std::vector<Region> boxes = {granule.region};
    if (member.view.stage.slots[instruction.slot].retains && !granule.region.empty()) {
      if (!slot.before.dimensions.empty()) boxes = difference(granule.region, slot.before);
      require_both_fit(member, instruction.slot, granule.region, slot.before);
      slot.before = granule.region;
    }
    if (exchange_.is_streamed(member.view.layer.inputs[instruction.operand].tensor)) {
      std::int64_t wanted = 0;
      for (const auto& box : boxes) wanted += box.elements();
      if (wanted > 0)
        granule.ticket = exchange_.ask(member.view.index, instruction.operand, tile_, boxes);
    }
    slot.held.push_back(std::move(granule));
    ++slot.complete;
    return true;
  }

  bool acquire(Member& member, const Instruction& instruction) const {
    SlotState& slot = member.slots[instruction.slot];
    if (slot.complete < instruction.amount) return false;
    for (int i = 0; i < instruction.amount; ++i)
      if (slot.held[i].ticket >= 0 && !exchange_.arrived(slot.held[i].ticket)) return false;
    slot.acquired = std::max(slot.acquired, instruction.amount);
    return true;
  }

  void release(Member& member, Queue queue, const Instruction& instruction) {
    SlotState& slot = member.slots[instruction.slot];
    if (slot.acquired < instruction.amount)
      refuse(member, queue, "only ", slot.acquired, " granules are acquired");
    for (int i = 0; i < instruction.amount; ++i, slot.held.pop_front())
      if (queue == Queue::kStore && !slot.held.front().left)
        refuse(member, queue, "the granule has not been stored");
    slot.complete -= instruction.amount;
    slot.acquired -= instruction.amount;
  }

  Home home(const Member& member) const { return program_.parts[member.part].home; }

  bool reserve(Member& member, const Instruction& instruction, const RankTile& ranks) {
    if (member.open >= 0)
      refuse(member, Queue::kCompute, "the granule reserved before is not committed");
    if (instruction.slot != member.view.stage.output_slot)
      refuse(member, Queue::kCompute, "outputs belong to ",
             member.view.stage.slots[member.view.stage.output_slot].name);
    if (!has_room(member, instruction.slot)) return false;
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

  void commit(Member& member, const Instruction& instruction, const RankTile& ranks) {
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
    } else if (home(member) == Home::kDram) {
      ++slot.complete;
    }
  }

  void store(Member& member, const Instruction& instruction, const RankTile& ranks) {
    SlotState& slot = member.slots[instruction.slot];
    if (slot.acquired == 0) refuse(member, Queue::kStore, "no granule is acquired");
    if (home(member) != Home::kDram)
      refuse(member, Queue::kStore, "the part does not live in DRAM");
    if (slot.held.front().left) refuse(member, Queue::kStore, "the granule has left before");
    if (slot.held.front().region != region_of(member.view.layer.output, ranks))
      refuse(member, Queue::kStore, "the granule holds other outputs");
    slot.held.front().left = true;
  }

  void compute(Member& member, const RankTile& ranks) {
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

  void check_input(Member& member, std::size_t input, const RankTile& ranks) {
    const Operand& operand = member.view.layer.inputs[input];
    const Region needed = region_of(operand, ranks);
    std::vector<const Region*> held;
    for (auto& slot : member.slots)
      for (int i = 0; i < slot.acquired; ++i)
        if (slot.held[i].operand == static_cast<int>(input)) held.push_back(&slot.held[i].region);
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

  void require_end() {
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

  const Program& program_;
  TileId tile_;
  StreamExchange& exchange_;
  std::vector<Member> members_;
  std::map<int, WindowTags> windows_;  ///< by stage
  int turns_[3] = {};
};

/// Equal for tiles that differ by a translation away from all padding: sizes, where loops begin,
/// and the ranges themselves where an operand is cut off at its tensor's ends.
std::vector<std::int64_t> class_of(const Program& program, int first, int last, TileId tile) {
  std::vector<std::int64_t> key;
  for (int s = first; s <= last; ++s) {
    const StageView view(program, s);
    const auto& share = *view.find_share(tile);
    key.push_back(share.code);
    std::vector<bool> cut(share.ranks.size(), false);
    for (const auto& input : view.layer.inputs)
      for (const auto& access : input.dimensions) {
        std::int64_t begin = access.offset;
        std::int64_t end = access.offset;
        for (const auto& term : access.terms) {
          begin += term.coefficient * share.ranks[term.rank].begin;
          end += term.coefficient * (share.ranks[term.rank].end - 1);
        }
        const bool inside = begin >= access.valid_begin && end < access.valid_end;
        for (const auto& term : access.terms) cut[term.rank] = cut[term.rank] || !inside;
      }
    for (std::size_t r = 0; r < share.ranks.size(); ++r) {
      key.push_back(share.ranks[r].size());
      key.push_back(share.origins.empty() ? 0 : share.origins[r] - share.ranks[r].begin);
      key.push_back(cut[r] ? share.ranks[r].begin : -1);
      key.push_back(share.ranks[r].end == view.layer.ranks[r].extent);
    }
  }
  return key;
}

void check_points(const Program& program, const std::map<int, std::int64_t>& points) {
  for (const auto& [stage, computed] : points) {
    const StageView view(program, stage);
    const std::int64_t whole = workloads::volume(view.layer.whole());
    if (computed != whole + view.stage.recomputed)
      view.refuse("computes ", computed, " points; the layer has ", whole, " and ",
                  view.stage.recomputed, " are declared to be computed again");
  }
}

bool same_tiles(const Stage& a, const Stage& b) {
  return std::ranges::equal(a.shares, b.shares, {}, &TileShare::tile, &TileShare::tile);
}

/// Every tile by itself; one stands for all of its class.
std::map<int, std::int64_t> run_in_turns(const Program& program, const ProgramIndex& index,
                                         int first, int last) {
  std::map<std::vector<std::int64_t>, std::map<int, std::int64_t>> known;
  std::map<int, std::int64_t> points;
  for (const auto& share : program.stages[last].shares) {
    auto [entry, added] = known.try_emplace(class_of(program, first, last, share.tile));
    if (added) {
      StreamExchange exchange(program, index);
      TileRun run(program, first, last, share.tile, exchange);
      run.advance();
      entry->second = run.finish();
    }
    for (const auto& [stage, computed] : entry->second) points[stage] += computed;
  }
  return points;
}

/// All tiles of all stages together.
std::map<int, std::int64_t> run_as_pipeline(const Program& program, const ProgramIndex& index,
                                            int first, int last) {
  StreamExchange exchange(program, index);
  std::set<TileId> tiles;
  for (int s = first; s <= last; ++s)
    for (const auto& share : program.stages[s].shares)
      if (!tiles.insert(share.tile).second)
        StageView(program, s).refuse_tile(share.tile, "works for two stages of a pipeline");
  std::deque<TileRun> runs;
  for (const TileId tile : tiles) runs.emplace_back(program, first, last, tile, exchange);
  for (bool progress = true; progress;) {
    progress = false;
    for (auto& run : runs) progress |= run.advance();
  }
  std::map<int, std::int64_t> points;
  for (auto& run : runs)
    for (const auto& [stage, computed] : run.finish()) points[stage] += computed;
  return points;
}

}  // namespace

void check_fusion(const Program& program, int first, int last) {
  const ProgramIndex index(program);
  bool turns = true;
  for (int s = first; s < last; ++s)
    turns = turns && same_tiles(program.stages[s], program.stages[last]);
  check_points(program, turns ? run_in_turns(program, index, first, last)
                              : run_as_pipeline(program, index, first, last));
}

}  // namespace tessera::mapping::checker
