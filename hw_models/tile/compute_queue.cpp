// The compute queue: waits for granules, runs array and vector unit, and says where the cycles
// went.
#include <algorithm>

#include "hw_models/tile/tile.h"
#include "hw_models/tile/tool_words.h"
#include "sim/base/error.h"

namespace tessera::hw {

using mapping::Op;
using mapping::SlotReader;

namespace {

Cause waiting_for(Source source) {
  switch (source) {
    case Source::kDram:
      return Cause::kWaitDram;
    case Source::kSharedBuffer:
      return Cause::kWaitShared;
    default:
      return Cause::kWaitPeer;
  }
}

}  // namespace

bool Tile::step_compute(Cycle now) {
  if (!may_step(compute_, &mapping::Code::compute, now)) return false;
  if (context_.tool != nullptr && !may_compute(now, stage_run(compute_.turn))) return false;
  if (change_stage(compute_, &StageRun::compute_done)) return true;
  StageRun& run = stage_run(compute_.turn);
  if (!execute(now, run, compute_.cursor.instruction())) return false;
  if (observer_ != nullptr && compute_.free_at <= now)
    tell_moment(QueueKind::kCompute, run, compute_.cursor.instruction(), now);
  auto& counts = counts_[compute_.turn];
  counts.first = std::min(counts.first, now);
  if (compute_.free_at != kNever) counts.last = std::max(counts.last, compute_.free_at);
  compute_.cursor.next();
  return true;
}

/// Idealisation overlap as nn_dataflow means it: layers one after the other.
bool Tile::may_compute(Cycle now, const StageRun& run) {
  if (!context_.ideal(Ideal::kOverlap)) return true;
  compute_.wait = "earlier layers to be over";
  const Cycle opens = context_.tool->opens(run.number(), id_);
  if (opens > now && opens != kNever) wake(opens);
  return opens <= now;
}

bool Tile::execute(Cycle now, StageRun& run, const mapping::Instruction& instruction) {
  auto& ring = run.ring(instruction.slot);
  switch (instruction.op) {
    case Op::kAcquire: {
      compute_.wait = "a granule of its inputs";
      const Granule* latest = acquire(ring, SlotReader::kCompute, instruction.amount, now);
      if (latest == nullptr) return false;
      account_wait(now, latest);
      return true;
    }
    case Op::kRelease:
      ring.release(SlotReader::kCompute, instruction.amount);
      return true;
    case Op::kReserve: {
      compute_.wait = "room for its outputs";
      if (!claim(compute_.turn, instruction.slot) || !ring.has_room()) return false;
      account_wait(now, nullptr);
      Granule& granule = ring.append(region_of(run.layer().output, compute_.cursor.ranks()));
      ring.open_newest();
      granule.opened = compute_.cursor.ranks();
      if (context_.functional) open_outputs(run, granule);
      note_occupancy();
      return true;
    }
    case Op::kReopen:
      return reopen(now, run, ring);
    case Op::kCommit:
      commit(now, run, instruction.slot);
      if (run.stage().slots[instruction.slot].rotating) {
        if (context_.tool != nullptr)
          count_kept(run, compute_.cursor, run.ring(instruction.slot).open());
        settle_sums(run, instruction.slot);
      }
      keep_in_window(run, instruction.slot);
      if (run.stage().slots[instruction.slot].streams) owe(run, run.ring(instruction.slot).open());
      return true;
    case Op::kArray:
      return start_array(now, run, instruction);
    case Op::kVector:
      return start_vector(now, run, instruction);
    case Op::kAddSums:
      return start_add_sums(now, run, instruction);
    default:
      throw InvariantViolation("tile " + std::to_string(id_), now,
                               "compute queue holds an instruction of another queue");
  }
}

/// The sums of the visit before, or those of the next tile, must have come.
bool Tile::reopen(Cycle now, StageRun& run, SlotRing& ring) {
  compute_.wait = "sums of its outputs to come back";
  Granule* granule = ring.next_to_reopen();
  if (granule == nullptr || granule->restored_at == kNever) return false;
  if (granule->restored_at > now) {
    wake(granule->restored_at);
    return false;
  }
  account_wait(now, granule);
  ring.reopen();
  granule->opened = compute_.cursor.ranks();
  if (context_.functional) open_outputs(run, *granule);
  return true;
}

/// The cycles that follow on those accounted for so far.
void Tile::account(Cause cause, Cycle cycles) {
  const auto turn = std::min(compute_.turn, counts_.size() - 1);
  if (observer_ != nullptr && cycles > 0)
    observer_->spent(id_, turns_[turn].stage, cause, stack_.total(), stack_.total() + cycles);
  stack_.add(cause, cycles);
  counts_[turn].stack.add(cause, cycles);
}

/// Attributes the time since the last executed instruction. For a granule: waiting before the group
/// was complete is a peer's doing; then DRAM's or a peer's until the source handed over the last
/// packet; then the network's. Without a granule the outputs had no room: the store queue's own
/// wait tells whom for.
void Tile::account_wait(Cycle now, const Granule* granule) {
  if (now <= accounted_) return;
  const bool skipped = compute_.turn == 0
                           ? turns_[0].stage > 0
                           : turns_[compute_.turn].stage > turns_[compute_.turn - 1].stage + 1;
  const Cause unready = skipped ? Cause::kIdle : Cause::kWaitPeer;
  const auto until = [&](Cycle end, Cause cause) {
    end = std::min(end, now);
    if (end <= accounted_) return;
    account(cause, end - accounted_);
    accounted_ = end;
  };
  if (granule != nullptr && granule->times.requested != kNever) {
    until(granule->times.requested, unready);
    until(granule->times.handed_over, waiting_for(granule->times.last_from));
    until(now, Cause::kWaitNetwork);
  }
  until(now, store_work_.active && !store_work_.sums ? waiting_for(store_work_.into) : unready);
}

bool Tile::start_array(Cycle now, StageRun& run, const mapping::Instruction& instruction) {
  if (context_.tool != nullptr) context_.tool->count_blocks(id_, run.number(), compute_.cursor);
  const auto& ranks = compute_.cursor.ranks();
  if (workloads::volume(ranks) == 0) return true;
  account_wait(now, nullptr);
  if (observer_ != nullptr) tell_compute_began(now);
  const auto issue = static_cast<Cycle>(context_.accelerator.tile.issue_cycles);
  account(Cause::kControl, issue);
  accounted_ = now + issue;
  counts_[compute_.turn].macs += workloads::volume(ranks);
  if (context_.functional) accumulate(run, instruction.slot);
  if (executor_ != nullptr) {
    compute_.free_at = kNever;
    executor_->begin(
        context_.compute.work_of(run.number(), ranks, continues_sums(run, instruction.slot)), now,
        now + issue);
    return true;
  }
  const auto& timing = context_.compute.array(run.number(), ranks,
                                              continues_sums(run, instruction.slot), now + issue);
  finish_array(timing, now + issue + timing.cycles);
  if (context_.tool != nullptr)
    context_.tool->stepped(run.number(), workloads::volume(ranks), compute_.free_at);
  wake(compute_.free_at);
  return true;
}

void Tile::array_done(const ArrayTiming& timing, Cycle now) { finish_array(timing, now); }

void Tile::finish_array(const ArrayTiming& timing, Cycle end) {
  account(Cause::kFillDrain, timing.fill);
  account(Cause::kCompute, timing.steady);
  account(Cause::kDelivery, timing.stall);
  account(Cause::kFillDrain, timing.drain);
  auto& counts = counts_[compute_.turn];
  counts.register_words += timing.counts.register_accesses + timing.counts.register_fills;
  counts.array_words += timing.counts.array_hops;
  counts.buffer_words += timing.counts.partial_sum_words;
  for (const auto words : timing.counts.bus_words) counts.buffer_words += words;
  for (int x = 0; x < kOperands; ++x) {
    auto& words = counts.words[x];
    (x == kOutputOperand ? words.collected : words.delivered) += timing.counts.bus_words[x];
    words.kept += timing.counts.register_words[x];
  }
  counts.words[kOutputOperand].delivered += timing.counts.partial_sum_words;
  if (context_.ideal(Ideal::kToolwords) && context_.tool == nullptr) count_as_tool(timing, counts);
  counts.last = std::max(counts.last, end);
  compute_.free_at = accounted_ = end;
  if (observer_ != nullptr) tell_compute_ended(end);
}

/// Replaces what the array took of its inputs by what the tool says it takes.
void Tile::count_as_tool(const ArrayTiming& timing, TileCounts& counts) {
  const int stage = turns_[compute_.turn].stage;
  const auto& ranks = compute_.cursor.ranks();
  const auto& lowered = context_.program.stages[stage];
  const auto& layer = context_.program.network.layers[lowered.layer];
  for (const int x : {0, 1}) {
    const std::int64_t moved = timing.counts.bus_words[x];
    if (moved == 0) continue;
    std::int64_t counted = 0;
    if (context_.whole_blocks) {
      const auto blocks = kept_blocks(layer, lowered.array, x, ranks);
      std::int64_t fills =
          moved / context_.compute.work_of(stage, ranks, false).operand[x].words_per_fill;
      if (blocks.first == last_block_[x]) --fills;
      last_block_[x] = blocks.last;
      counted = fills * blocks.first.elements();
    } else {
      counted = context_.compute.tool_words(stage, ranks)[static_cast<std::size_t>(x)];
    }
    counts.words[x].delivered += counted - moved;
  }
}

/// Not the first piece of the reduction: the sums so far are in the granule, from this visit or an
/// earlier one.
bool Tile::continues_sums(StageRun& run, mapping::SlotId slot) const {
  const Granule& granule = run.ring(slot).open();
  if (granule.holds_sums) return true;
  const auto& ranks = run.layer().ranks;
  for (std::size_t r = 0; r < ranks.size(); ++r)
    if (ranks[r].reduced &&
        compute_.cursor.ranks()[r].begin !=
            compute_.cursor.first_index(static_cast<int>(r), granule.opened[r].begin))
      return true;
  return false;
}

bool Tile::start_vector(Cycle now, StageRun& run, const mapping::Instruction& instruction) {
  if (context_.tool != nullptr) context_.tool->count_blocks(id_, run.number(), compute_.cursor);
  const auto& ranks = compute_.cursor.ranks();
  if (workloads::volume(ranks) == 0) return true;
  account_wait(now, nullptr);
  run_vector(now, context_.compute.vector(run.number(), ranks, after_issue(now)));
  if (context_.tool != nullptr)
    context_.tool->stepped(run.number(), workloads::volume(ranks), compute_.free_at);
  if (context_.functional) {
    if (workloads::accumulates(run.layer()))
      accumulate(run, instruction.slot);
    else
      compute_vector_values(run, instruction.slot);
  }
  return true;
}

bool Tile::start_add_sums(Cycle now, StageRun& run, const mapping::Instruction& instruction) {
  account_wait(now, nullptr);
  const Granule& partial = *run.ring(instruction.slot).front(SlotReader::kCompute);
  const std::int64_t elements = partial.region.elements();
  if (elements == 0) return true;
  // nn_dataflow's tiles add their partners' sums in no time.
  if (context_.tool == nullptr || !context_.ideal(Ideal::kArray))
    run_vector(now, context_.compute.add_sums(elements, after_issue(now)));
  if (context_.functional)
    merge_accumulators(run.layer(), *partial.accumulators,
                       *run.ring(run.stage().output_slot).open().accumulators);
  return true;
}

void Tile::run_vector(Cycle now, const VectorTiming& timing) {
  if (observer_ != nullptr) tell_compute_began(now);
  const auto issue = static_cast<Cycle>(context_.accelerator.tile.issue_cycles);
  account(Cause::kControl, issue);
  account(Cause::kVector, timing.cycles);
  compute_.free_at = accounted_ = after_issue(now) + timing.cycles;
  auto& counts = counts_[compute_.turn];
  counts.vector_operations += timing.operations;
  counts.buffer_words += timing.words_read + timing.words_written;
  if (observer_ != nullptr) tell_compute_ended(compute_.free_at);
  wake(compute_.free_at);
}

void Tile::commit(Cycle now, StageRun& run, mapping::SlotId slot) {
  Granule& granule = run.ring(slot).open();
  granule.complete_at = now;
  if (!context_.functional || slot == run.stage().partial_slot || granule.accumulators == nullptr)
    return;
  if (run.passes_on(slot, granule) || !compute_.cursor.visit(run.layer()).last()) return;
  finish_output(run.layer(), *granule.accumulators,
                [&](std::span<const std::int64_t> index, workloads::Element value) {
                  granule.values->set(index, value);
                });
  granule.accumulators.reset();
}

/// Outputs for other stages of the fusion: written into the window, which needs no granule of its
/// own.
void Tile::keep_in_window(StageRun& run, mapping::SlotId slot) {
  RetainedWindow* window = run.window(slot);
  if (window == nullptr) return;
  if (context_.functional) window->write(*run.ring(slot).open().values);
  run.ring(slot).release(SlotReader::kCompute);
}

void Tile::open_outputs(const StageRun& run, Granule& granule) const {
  granule.values = std::make_unique<RegionValues>(granule.region);
  if (workloads::accumulates(run.layer()) && granule.accumulators == nullptr)
    granule.accumulators = std::make_unique<workloads::Accumulators>(
        workloads::start_accumulators(run.layer(), compute_.cursor.ranks()));
}

/// The window that holds an element: of the slot it was received in, or of the stage that computed
/// it.
const RetainedWindow* Tile::window_of(StageRun& run, std::size_t operand,
                                      std::span<const std::int64_t> index) {
  const auto slot = run.receive(static_cast<int>(operand)).slot;
  if (slot >= 0) return run.window(slot);
  for (const int p : context_.index.parts_of(run.layer().inputs[operand].tensor)) {
    const auto& part = context_.program.parts[p];
    if (part.home != mapping::Home::kWindow) continue;
    StageRun& producer = *find_stage(part.producer_stage);
    const auto* window = producer.window(producer.stage().output_slot);
    if (window->present(index)) return window;
  }
  return nullptr;
}

/// Reads operands only from the granules that have arrived: an element that was never sent is
/// caught here.
workloads::ReadElement Tile::operand_reader(StageRun& run) {
  return [this, &run](std::size_t operand, std::span<const std::int64_t> index) {
    if (const auto* window = window_of(run, operand, index);
        window != nullptr && window->present(index))
      return window->at(index);
    const auto slot = run.receive(static_cast<int>(operand)).slot;
    if (slot < 0)
      throw InvariantViolation("tile " + std::to_string(id_), now_, "stage ", run.stage().name,
                               " reads an element of operand ", operand,
                               " that its window does not hold");
    auto& ring = run.ring(slot);
    for (int i = 0; const Granule* granule = ring.front(SlotReader::kCompute, i); ++i)
      if (granule->complete_at <= now_ && granule->values->present(index))
        return granule->values->at(index);
    throw InvariantViolation("tile " + std::to_string(id_), now_, "stage ", run.stage().name,
                             " computes with an element of operand ", operand,
                             " that has not arrived");
  };
}

void Tile::accumulate(StageRun& run, mapping::SlotId slot) {
  accumulate_tile(run.layer(), compute_.cursor.ranks(), operand_reader(run),
                  *run.ring(slot).open().accumulators);
}

void Tile::compute_vector_values(StageRun& run, mapping::SlotId slot) {
  RegionValues& values = *run.ring(slot).open().values;
  compute_vector_tile(run.layer(), compute_.cursor.ranks(), operand_reader(run),
                      [&](std::span<const std::int64_t> index, workloads::Element value) {
                        values.set(index, value);
                      });
}

}  // namespace tessera::hw
