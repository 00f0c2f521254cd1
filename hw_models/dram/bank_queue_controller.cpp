#include "hw_models/dram/bank_queue_controller.h"

#include <algorithm>

#include "hw_models/dram/bits.h"

namespace tessera::dram {

BankQueueController::BankQueueController(const Device& device, const BankQueueOptions& options)
    : options_(options),
      separate_column_bus_(device.geometry.separate_column_bus),
      banks_(device.geometry.banks()),
      port_(device),
      transactions_{{options.queue_depth, banks_}, {options.queue_depth, banks_}},
      commands_(banks_ * options.bank_queue_depth, banks_),
      row_bursts_(banks_),
      last_bank_(banks_ - 1) {
  const DramCycle interval = device.timing.refi;
  for (std::uint32_t rank = 0; rank < device.geometry.ranks; ++rank)
    refresh_.emplace_back(interval + rank * interval / device.geometry.ranks, interval);
}

void BankQueueController::accept(DramCycle, const PendingRequest& request) {
  transactions_[list_of(request.is_write)].push(request);
}

bool BankQueueController::idle() const {
  return commands_.empty() && transactions_[0].empty() && draining_ == 0 &&
         transactions_[1].size() <= options_.idle_drain_above;
}

void BankQueueController::visit(DramCycle now, CompletionSink& sink) {
  advance_refresh(now);
  if (!issue_refresh(now)) {
    const BankTimers& timers = port_.timers();
    const bool row_bus = timers.row_bus_ready() <= now;
    const bool column_bus = timers.column_bus_ready() <= now;
    const Choice first = pick(now, row_bus, column_bus);
    if (first.found()) send(now, first, sink);
    if (first.found() && separate_column_bus_) {
      // A second command of the same class finds the bus taken, but still moves the round-robin
      // pointer: the pick looks at the buses as they were before the first command.
      const Choice second = pick(now, row_bus, column_bus);
      if (second.found() && second.is_column() != first.is_column()) send(now, second, sink);
    }
  }
  move_transaction();
}

void BankQueueController::advance_refresh(DramCycle now) {
  for (std::uint32_t rank = 0; rank < refresh_.size(); ++rank) {
    const DramCycle owed_before = refresh_[rank].owed();
    if (!refresh_[rank].advance(now) || owed_before > 0) continue;
    refresh_order_.push_back(rank);
    port_.statistics().refresh_begins(now, port_.timers().banks_of_rank(rank));
  }
}

bool BankQueueController::issue_refresh(DramCycle now) {
  if (refresh_order_.empty()) return false;
  const BankTimers& timers = port_.timers();
  if (timers.row_bus_ready() > now) return false;
  const std::uint32_t rank = refresh_order_.front();
  const std::uint64_t open = timers.open_banks() & timers.banks_of_rank(rank);
  for (std::uint64_t rest = open; rest != 0; rest &= rest - 1) {
    const auto bank = static_cast<std::uint32_t>(std::countr_zero(rest));
    if (timers.precharge_ready(bank) > now) continue;
    port_.precharge_bank(now, bank);
    row_changed(bank);
    return true;
  }
  if (open != 0 || timers.refresh_ready(rank) > now) return false;
  port_.refresh(now, rank);
  refresh_[rank].done();
  if (refresh_[rank].owed() == 0) refresh_order_.erase(refresh_order_.begin());
  return true;
}

/// Banks with commands, but for those of a rank that is about to be refreshed.
std::uint64_t BankQueueController::waiting_banks() const {
  const std::uint64_t waiting = commands_.occupied_banks();
  if (refresh_order_.empty()) return waiting;
  return waiting & ~port_.timers().banks_of_rank(refresh_order_.front());
}

BankQueueController::Choice BankQueueController::pick(DramCycle now, bool row_bus,
                                                      bool column_bus) {
  const BankTimers& timers = port_.timers();
  const std::uint64_t open = timers.open_banks();
  const std::uint64_t waiting = waiting_banks() & ~(timers.activation_held_back(now) & ~open) &
                                ~(timers.columns_held_back(now) & open & ~commands_.miss_banks());
  // From the bank after the last one to the end, then from the start.
  const std::uint64_t up_to_last = (bit(last_bank_) << 1) - 1;
  for (const std::uint64_t part : {waiting & ~up_to_last, waiting & up_to_last}) {
    for (std::uint64_t rest = part; rest != 0; rest &= rest - 1) {
      const auto bank = static_cast<std::uint32_t>(std::countr_zero(rest));
      const Choice choice = first_ready(now, bank, row_bus, column_bus);
      if (!choice.found()) continue;
      last_bank_ = bank;
      return choice;
    }
  }
  return {};
}

BankQueueController::Choice BankQueueController::first_ready(DramCycle now, std::uint32_t bank,
                                                             bool row_bus, bool column_bus) const {
  const BankTimers& timers = port_.timers();
  const PendingQueue::Slot front = commands_.front(bank);
  if (!timers.is_open(bank)) {
    if (!row_bus || timers.activate_ready(bank) > now) return {};
    return {CommandKind::kActivate, front};
  }
  const auto& waiting = commands_.summary(bank);
  if (row_bus && may_precharge(bank) && timers.precharge_ready(bank) <= now)
    return {CommandKind::kPrecharge, front};
  if (!column_bus) return {};
  Choice best;
  for (const bool is_write : {false, true}) {
    const PendingQueue::Slot hit = waiting.hit[is_write];
    if (hit == PendingQueue::kNone || timers.column_ready(bank, is_write) > now) continue;
    if (best.found() && commands_[best.slot].age < commands_[hit].age) continue;
    best = {is_write ? CommandKind::kWrite : CommandKind::kRead, hit};
  }
  return best;
}

bool BankQueueController::may_precharge(std::uint32_t bank) const {
  const auto& waiting = commands_.summary(bank);
  if (waiting.miss != commands_.front(bank)) return false;
  const bool has_hits =
      waiting.hit[0] != PendingQueue::kNone || waiting.hit[1] != PendingQueue::kNone;
  return !has_hits || row_bursts_[bank] >= options_.row_hit_limit;
}

void BankQueueController::send(DramCycle now, const Choice& choice, CompletionSink& sink) {
  PendingRequest& request = commands_[choice.slot];
  const std::uint32_t bank = request.at.bank_index;
  if (!choice.is_column()) {
    request.first_command = std::min(request.first_command, now);
    if (choice.kind == CommandKind::kActivate)
      port_.activate(now, request.at);
    else
      port_.precharge(now, request.at);
    row_bursts_[bank] = 0;
    row_changed(bank);
    return;
  }
  const DramCycle data_end = port_.column(now, request);
  ++row_bursts_[bank];
  const PendingRequest done = commands_.take(choice.slot, port_.timers().open_row(bank));
  full_banks_ &= ~bit(bank);
  sink.completed(done.id, done.is_write, data_end);
}

void BankQueueController::row_changed(std::uint32_t bank) {
  commands_.row_changed(bank, port_.timers().open_row(bank));
}

bool BankQueueController::starts_draining() const {
  if (options_.unified || draining_ > 0) return false;
  const std::size_t writes = transactions_[1].size();
  return writes >= options_.queue_depth ||
         (writes > options_.idle_drain_above && commands_.empty());
}

void BankQueueController::move_transaction() {
  if (starts_draining()) draining_ = transactions_[1].size();
  if (!can_move()) return;
  PendingRequest& moved = transactions_[draining_ > 0 ? 1 : 0].take_first_outside(full_banks_);
  const std::uint32_t bank = moved.at.bank_index;
  // A bank's queue serves in the order of entry, which is not that of acceptance: writes wait
  // longer.
  moved.age = next_order_++;
  commands_.push(moved, port_.timers().open_row(bank));
  if (commands_.size_of(bank) == options_.bank_queue_depth) full_banks_ |= bit(bank);
  if (draining_ > 0) --draining_;
}

DramCycle BankQueueController::next_event(DramCycle from) const {
  if (starts_draining() || can_move()) return from;
  DramCycle next = next_refresh();
  for (std::uint64_t rest = waiting_banks(); rest != 0 && next > from; rest &= rest - 1)
    next = std::min(next, next_of_bank(static_cast<std::uint32_t>(std::countr_zero(rest))));
  return std::max(next, from);
}

DramCycle BankQueueController::next_of_bank(std::uint32_t bank) const {
  const BankTimers& timers = port_.timers();
  const DramCycle bus = timers.row_bus_ready();
  if (!timers.is_open(bank)) return std::max(bus, timers.activate_ready(bank));
  DramCycle column = kNever;
  for (const bool is_write : {false, true})
    if (commands_.summary(bank).hit[is_write] != PendingQueue::kNone)
      column = std::min(column, timers.column_ready(bank, is_write));
  column = std::max(column, timers.column_bus_ready());
  if (!may_precharge(bank)) return column;
  return std::min(column, std::max(bus, timers.precharge_ready(bank)));
}

DramCycle BankQueueController::next_refresh() const {
  const BankTimers& timers = port_.timers();
  DramCycle next = kNever;
  for (const RefreshTimer& timer : refresh_) next = std::min(next, timer.next_due());
  if (refresh_order_.empty()) return next;
  const std::uint32_t rank = refresh_order_.front();
  const std::uint64_t open = timers.open_banks() & timers.banks_of_rank(rank);
  DramCycle ready = open == 0 ? timers.refresh_ready(rank) : kNever;
  for_each_bit(open,
               [&](std::uint32_t bank) { ready = std::min(ready, timers.precharge_ready(bank)); });
  return std::min(next, std::max(ready, timers.row_bus_ready()));
}

}  // namespace tessera::dram
