#include "hw_models/dram/open_list_controller.h"

#include <algorithm>

#include "hw_models/dram/bits.h"

namespace tessera::dram {

OpenListController::OpenListController(const Device& device, const OpenListOptions& options)
    : options_(options),
      separate_column_bus_(device.geometry.separate_column_bus),
      all_banks_(0),
      port_(device),
      buffers_{PendingQueue(options.read_depth, device.geometry.banks()),
               PendingQueue(options.write_depth, device.geometry.banks())},
      opened_requests_(device.geometry.banks()) {
  const DramCycle interval = device.timing.refi;
  for (std::uint32_t rank = 0; rank < device.geometry.ranks; ++rank) {
    all_banks_ |= port_.timers().banks_of_rank(rank);
    // Ranks take turns; the first falls due one cycle before a full interval, as in Ramulator.
    refresh_.emplace_back(interval - 1 + rank * interval / device.geometry.ranks, interval);
  }
}

void OpenListController::accept(DramCycle now, const PendingRequest& request) {
  catch_up_mode(now);
  const std::uint32_t bank = request.at.bank_index;
  buffers_[request.is_write].push(request, port_.timers().open_row(bank));
  mode_outdated(now);
}

void OpenListController::visit(DramCycle now, CompletionSink& sink) {
  catch_up_mode(now);
  advance_refresh(now);
  if (separate_column_bus_) {
    if (!issue_opened(now, sink)) issue_buffered(now, false, true, sink);
    if (!issue_refresh(now)) issue_buffered(now, true, false, sink);
  } else if (!issue_opened(now, sink) && !issue_refresh(now)) {
    issue_buffered(now, true, true, sink);
  }
  if (!mode_is_current_) mode_outdated(now + 1);
}

void OpenListController::advance_refresh(DramCycle now) {
  for (std::uint32_t rank = 0; rank < refresh_.size(); ++rank) {
    const bool owed_before = refresh_[rank].owed() > 0;
    if (!refresh_[rank].advance(now) || owed_before) continue;
    refreshing_ |= port_.timers().banks_of_rank(rank);
    port_.statistics().refresh_begins(now, port_.timers().banks_of_rank(rank));
  }
}

bool OpenListController::issue_opened(DramCycle now, CompletionSink& sink) {
  const BankTimers& timers = port_.timers();
  if (timers.column_bus_ready() > now) return false;
  const PendingRequest* best = nullptr;
  for_each_bit(opened_, [&](std::uint32_t bank) {
    const PendingRequest& request = opened_requests_[bank];
    if (timers.column_ready(bank, request.is_write) > now) return;
    if (best == nullptr || request.age < best->age) best = &request;
  });
  if (best == nullptr) return false;
  opened_ &= ~bit(best->at.bank_index);
  sink.completed(best->id, best->is_write, port_.column(now, *best));
  return true;
}

bool OpenListController::issue_refresh(DramCycle now) {
  const BankTimers& timers = port_.timers();
  if (timers.row_bus_ready() > now) return false;
  for (std::uint32_t rank = 0; rank < refresh_.size(); ++rank) {
    const std::uint64_t banks = timers.banks_of_rank(rank);
    if ((refreshing_ & banks) == 0 || (opened_ & banks) != 0) continue;
    if ((timers.open_banks() & banks) != 0) {
      if (timers.precharge_all_ready(rank) > now) continue;
      port_.precharge_all(now, rank);
      for_each_bit(banks, [&](std::uint32_t bank) { row_changed(bank); });
      return true;
    }
    if (timers.refresh_ready(rank) > now) continue;
    port_.refresh(now, rank);
    refresh_[rank].done();
    if (refresh_[rank].owed() == 0) refreshing_ &= ~banks;
    return true;
  }
  return false;
}

bool OpenListController::issue_buffered(DramCycle now, bool rows, bool columns,
                                        CompletionSink& sink) {
  if (!reaches_buffers()) return false;
  decide_mode();
  const BankTimers& timers = port_.timers();
  const Choice choice = choose(now, rows && timers.row_bus_ready() <= now,
                               columns && timers.column_bus_ready() <= now);
  if (choice.slot == PendingQueue::kNone) return false;
  send(now, choice, sink);
  return true;
}

OpenListController::Choice OpenListController::choose(DramCycle now, bool rows,
                                                      bool columns) const {
  const BankTimers& timers = port_.timers();
  const PendingQueue& buffer = buffers_[write_mode_];
  Choice best;
  const auto offer = [&](CommandKind kind, PendingQueue::Slot slot) {
    if (buffer[slot].age < best.age) best = {kind, slot, buffer[slot].age};
  };
  for_each_bit(buffer.occupied_banks() & ~refreshing_, [&](std::uint32_t bank) {
    const auto& waiting = buffer.summary(bank);
    const PendingQueue::Slot hit = waiting.hit[write_mode_];
    if (columns && hit != PendingQueue::kNone && timers.column_ready(bank, write_mode_) <= now)
      offer(write_mode_ ? CommandKind::kWrite : CommandKind::kRead, hit);
    if (!rows || waiting.miss == PendingQueue::kNone) return;
    if (!timers.is_open(bank)) {
      if (timers.activate_ready(bank) <= now) offer(CommandKind::kActivate, waiting.miss);
    } else if (may_precharge(bank, buffer) && timers.precharge_ready(bank) <= now) {
      offer(CommandKind::kPrecharge, waiting.miss);
    }
  });
  return best;
}

bool OpenListController::may_precharge(std::uint32_t bank, const PendingQueue& buffer) const {
  if ((opened_ & bit(bank)) != 0) return false;
  if (!options_.row_hit_guard) return true;
  const auto& waiting = buffer.summary(bank);
  const PendingQueue::Slot hit = waiting.hit[&buffer == &buffers_[1]];
  return hit == PendingQueue::kNone || buffer[waiting.miss].age < buffer[hit].age;
}

void OpenListController::send(DramCycle now, const Choice& choice, CompletionSink& sink) {
  PendingQueue& buffer = buffers_[write_mode_];
  PendingRequest& request = buffer[choice.slot];
  const std::uint32_t bank = request.at.bank_index;
  if (choice.kind == CommandKind::kActivate || choice.kind == CommandKind::kPrecharge)
    request.first_command = std::min(request.first_command, now);
  if (choice.kind == CommandKind::kPrecharge) {
    port_.precharge(now, request.at);
    row_changed(bank);
    return;
  }
  mode_is_current_ = false;
  if (choice.kind == CommandKind::kActivate) {
    port_.activate(now, request.at);
    opened_requests_[bank] = buffer.take(choice.slot, BankTimers::kNoRow);
    opened_ |= bit(bank);
    row_changed(bank);
    return;
  }
  const DramCycle data_end = port_.column(now, request);
  const PendingRequest done = buffer.take(choice.slot, port_.timers().open_row(bank));
  sink.completed(done.id, done.is_write, data_end);
}

void OpenListController::row_changed(std::uint32_t bank) {
  const std::int64_t row = port_.timers().open_row(bank);
  for (PendingQueue& buffer : buffers_)
    if (buffer.size_of(bank) > 0) buffer.row_changed(bank, row);
}

DramCycle OpenListController::next_event(DramCycle from) const {
  DramCycle next = std::min(next_opened(), next_refresh());
  if (reaches_buffers()) {
    const bool write_mode = decided_write_mode();
    next = std::min(next, next_buffered(buffers_[write_mode], write_mode));
  }
  return std::max(next, from);
}

DramCycle OpenListController::next_opened() const {
  DramCycle next = kNever;
  for_each_bit(opened_, [&](std::uint32_t bank) {
    next = std::min(next, port_.timers().column_ready(bank, opened_requests_[bank].is_write));
  });
  return std::max(next, port_.timers().column_bus_ready());
}

DramCycle OpenListController::next_refresh() const {
  const BankTimers& timers = port_.timers();
  DramCycle due = kNever;
  DramCycle next = kNever;
  for (std::uint32_t rank = 0; rank < refresh_.size(); ++rank) {
    const std::uint64_t banks = timers.banks_of_rank(rank);
    if ((refreshing_ & banks) == 0)
      due = std::min(due, refresh_[rank].next_due());
    else if ((opened_ & banks) != 0)
      continue;
    else if ((timers.open_banks() & banks) != 0)
      next = std::min(next, timers.precharge_all_ready(rank));
    else
      next = std::min(next, timers.refresh_ready(rank));
  }
  return std::min(due, std::max(next, timers.row_bus_ready()));
}

DramCycle OpenListController::next_buffered(const PendingQueue& buffer, bool is_write) const {
  const BankTimers& timers = port_.timers();
  DramCycle row = kNever;
  DramCycle column = kNever;
  for_each_bit(buffer.occupied_banks() & ~refreshing_, [&](std::uint32_t bank) {
    const auto& waiting = buffer.summary(bank);
    if (waiting.hit[is_write] != PendingQueue::kNone)
      column = std::min(column, timers.column_ready(bank, is_write));
    if (waiting.miss == PendingQueue::kNone) return;
    if (!timers.is_open(bank))
      row = std::min(row, timers.activate_ready(bank));
    else if (may_precharge(bank, buffer))
      row = std::min(row, timers.precharge_ready(bank));
  });
  return std::min(std::max(row, timers.row_bus_ready()),
                  std::max(column, timers.column_bus_ready()));
}

bool OpenListController::decided_write_mode() const {
  const std::uint32_t reads = buffers_[0].size();
  const std::uint32_t writes = buffers_[1].size();
  if (!write_mode_) return writes >= options_.write_high || reads == 0;
  return !(writes <= options_.write_low && reads != 0);
}

void OpenListController::decide_mode() {
  write_mode_ = decided_write_mode();
  mode_is_current_ = true;
}

void OpenListController::mode_outdated(DramCycle from) {
  mode_is_current_ = false;
  mode_outdated_since_ = from;
}

void OpenListController::catch_up_mode(DramCycle now) {
  // In the cycles since the last change nothing was sent, so they were not visited, but the mode
  // was decided in the first of them.
  if (!mode_is_current_ && mode_outdated_since_ < now && reaches_buffers()) decide_mode();
}

}  // namespace tessera::dram
