#include "hw_models/dram/fr_fcfs_controller.h"

#include <algorithm>

#include "hw_models/dram/bits.h"

namespace tessera::dram {

FrFcfsController::FrFcfsController(const Device& device, const FrFcfsOptions& options)
    : options_(options),
      separate_column_bus_(device.geometry.separate_column_bus),
      port_(device),
      buffers_{PendingQueue(options.read_depth, device.geometry.banks()),
               PendingQueue(options.write_depth, device.geometry.banks())} {
  check_options(options, device);
  const Geometry& g = device.geometry;
  const bool per_bank = options.refresh == RefreshMode::kPerBank;
  const DramCycle interval =
      per_bank ? device.timing.refi / g.banks_per_rank() : device.timing.refi;
  for (std::uint32_t rank = 0; rank < g.ranks; ++rank)
    refresh_.push_back({.timer = RefreshTimer(interval + rank * interval / g.ranks, interval),
                        .banks = port_.timers().banks_of_rank(rank),
                        .next_bank = rank * g.banks_per_rank()});
}

void FrFcfsController::accept(DramCycle, const PendingRequest& request) {
  due_is_known_ = false;
  buffers_[request.is_write].push(request, port_.timers().open_row(request.at.bank_index));
  update_direction();
}

void FrFcfsController::update_direction() {
  const std::uint32_t reads = buffers_[0].size();
  const std::uint32_t writes = buffers_[1].size();
  bool writing = writing_;
  if (reads == 0 || writes == 0) {
    if (reads != writes) writing = writes > 0;
  } else if (writing_) {
    writing = writes > options_.write_low && phase_bursts_ < options_.write_depth;
  } else if (phase_bursts_ >= options_.read_phase) {
    writing =
        writes >= options_.write_high || (writes >= options_.write_opportune && writes >= reads);
  }
  if (writing != writing_) phase_bursts_ = 0;
  writing_ = writing;
}

void FrFcfsController::visit(DramCycle now, CompletionSink& sink) {
  const Due due = due_is_known_ ? due_ : Due{};
  due_is_known_ = false;
  start_refreshes(now);
  const bool column = due.column <= now && issue_column(now, sink);
  if (column && !separate_column_bus_) return;
  // A burst may have turned the direction, which opens row work that was not counted.
  if (port_.timers().row_bus_ready() > now) return;
  if ((column || due.refresh <= now) && issue_refresh(now)) return;
  if ((column || due.row <= now) && !issue_row(now)) close_unused(now);
}

// ---- column commands

PendingQueue::Slot FrFcfsController::servable_hit(DramCycle now, std::uint32_t bank) const {
  const PendingQueue& buffer = buffers_[writing_];
  const auto& waiting = buffer.summary(bank);
  const Slot hit = waiting.hit[writing_];
  if (hit == PendingQueue::kNone) return hit;
  // An old request of another row ends the row's service; hits older than that come first.
  if (waiting.miss != PendingQueue::kNone && buffer[waiting.miss].age < buffer[hit].age &&
      buffer[waiting.miss].accepted + options_.age_cap <= now)
    return PendingQueue::kNone;
  if ((refreshing_ & bit(bank)) == 0) return hit;
  return buffer[hit].accepted < refresh_[port_.timers().rank_of(bank)].since ? hit
                                                                             : PendingQueue::kNone;
}

/// Order among ready hits, smallest first: aged ones, then those of the bank that has the oldest
/// request for another row, then the rest; by age each.
std::uint64_t FrFcfsController::column_rank(DramCycle now, std::uint32_t bank, Slot hit) const {
  constexpr std::uint64_t kUrgent = std::uint64_t{1} << 62;
  constexpr std::uint64_t kOrdinary = std::uint64_t{1} << 63;
  const PendingQueue& buffer = buffers_[writing_];
  if (buffer[hit].accepted + options_.age_cap <= now) return buffer[hit].age;
  const Slot miss = buffer.summary(bank).miss;
  return miss == PendingQueue::kNone ? kOrdinary + buffer[hit].age : kUrgent + buffer[miss].age;
}

bool FrFcfsController::issue_column(DramCycle now, CompletionSink& sink) {
  const BankTimers& timers = port_.timers();
  if (timers.column_bus_ready() > now) return false;
  PendingQueue& buffer = buffers_[writing_];
  Slot best = PendingQueue::kNone;
  std::uint64_t best_rank = ~std::uint64_t{0};
  for_each_bit(buffer.hit_banks(writing_), [&](std::uint32_t bank) {
    if (timers.column_ready(bank, writing_) > now) return;
    const Slot hit = servable_hit(now, bank);
    if (hit == PendingQueue::kNone) return;
    const std::uint64_t rank = column_rank(now, bank, hit);
    if (rank >= best_rank) return;
    best = hit;
    best_rank = rank;
  });
  if (best == PendingQueue::kNone) return false;
  const DramCycle data_end = port_.column(now, buffer[best]);
  const PendingRequest done = buffer.take(best, timers.open_row(buffer[best].at.bank_index));
  ++phase_bursts_;
  update_direction();
  sink.completed(done.id, done.is_write, data_end);
  return true;
}

// ---- row commands

std::uint64_t FrFcfsController::occupied_banks(bool is_write) const {
  return buffers_[is_write].occupied_banks() & ~refreshing_;
}

std::uint64_t FrFcfsController::banks_left_over() const {
  return occupied_banks(!writing_) & ~buffers_[writing_].occupied_banks();
}

/// Calls `work(bank, command, ready)` for every bank among `banks` whose row is wanted otherwise.
template <typename Work>
void FrFcfsController::for_each_row_work(bool is_write, std::uint64_t banks, Work work) const {
  const BankTimers& timers = port_.timers();
  const PendingQueue& buffer = buffers_[is_write];
  const std::uint64_t wanted = buffer.miss_banks() & banks;
  const std::uint64_t open = wanted & timers.open_banks();
  for_each_bit(wanted & ~open, [&](std::uint32_t bank) {
    work(bank, CommandKind::kActivate, timers.activate_ready(bank));
  });
  for_each_bit(open, [&](std::uint32_t bank) {
    DramCycle ready = timers.precharge_ready(bank);
    if ((buffer.hit_banks(is_write) & bit(bank)) != 0) {
      // Hits wait for the open row: it is closed only for an older request, once that has aged.
      const auto& waiting = buffer.summary(bank);
      if (buffer[waiting.hit[is_write]].age < buffer[waiting.miss].age) return;
      ready = std::max(ready, buffer[waiting.miss].accepted + options_.age_cap);
    }
    work(bank, CommandKind::kPrecharge, ready);
  });
}

bool FrFcfsController::issue_row(DramCycle now) {
  return issue_row_for(now, writing_, occupied_banks(writing_)) ||
         issue_row_for(now, !writing_, banks_left_over());
}

bool FrFcfsController::issue_row_for(DramCycle now, bool is_write, std::uint64_t banks) {
  const PendingQueue& buffer = buffers_[is_write];
  std::uint64_t best_age = ~std::uint64_t{0};
  std::uint32_t best_bank = 0;
  CommandKind kind = CommandKind::kActivate;
  for_each_row_work(is_write, banks, [&](std::uint32_t bank, CommandKind command, DramCycle ready) {
    if (ready > now) return;
    const std::uint64_t age = buffer[buffer.summary(bank).miss].age;
    if (age >= best_age) return;
    best_age = age;
    best_bank = bank;
    kind = command;
  });
  if (best_age == ~std::uint64_t{0}) return false;
  send_row(now, kind, best_bank, is_write);
  return true;
}

void FrFcfsController::send_row(DramCycle now, CommandKind kind, std::uint32_t bank,
                                bool is_write) {
  PendingQueue& buffer = buffers_[is_write];
  PendingRequest& request = buffer[buffer.summary(bank).miss];
  request.first_command = std::min(request.first_command, now);
  if (kind == CommandKind::kActivate)
    port_.activate(now, request.at);
  else
    port_.precharge(now, request.at);
  row_changed(bank);
}

std::uint64_t FrFcfsController::unused_open_banks() const {
  if (options_.page == PagePolicy::kOpen) return 0;
  std::uint64_t unused = port_.timers().open_banks() & ~refreshing_;
  for (const bool is_write : {false, true}) unused &= ~buffers_[is_write].hit_banks(is_write);
  return unused;
}

bool FrFcfsController::close_unused(DramCycle now) {
  const std::uint64_t unused = unused_open_banks();
  for (std::uint64_t rest = unused; rest != 0; rest &= rest - 1) {
    const auto bank = static_cast<std::uint32_t>(std::countr_zero(rest));
    if (port_.timers().precharge_ready(bank) > now) continue;
    port_.precharge_bank(now, bank);
    row_changed(bank);
    return true;
  }
  return false;
}

void FrFcfsController::row_changed(std::uint32_t bank) {
  const std::int64_t row = port_.timers().open_row(bank);
  for (PendingQueue& buffer : buffers_)
    if (buffer.size_of(bank) > 0) buffer.row_changed(bank, row);
}

// ---- refresh

std::uint64_t FrFcfsController::next_refresh_banks(const RankRefresh& rank) const {
  return options_.refresh == RefreshMode::kPerBank ? bit(rank.next_bank) : rank.banks;
}

bool FrFcfsController::must_start(const RankRefresh& rank) const {
  if (rank.pending != 0 || rank.timer.owed() == 0) return false;
  const std::uint64_t wanted = buffers_[0].occupied_banks() | buffers_[1].occupied_banks();
  const std::uint64_t units =
      options_.refresh == RefreshMode::kPerBank ? std::popcount(rank.banks) : 1;
  return rank.timer.owed() > options_.postponed_refreshes * units ||
         (wanted & next_refresh_banks(rank)) == 0;
}

void FrFcfsController::start_refreshes(DramCycle now) {
  for (RankRefresh& rank : refresh_) {
    rank.timer.advance(now);
    if (!must_start(rank)) continue;
    rank.pending = next_refresh_banks(rank);
    rank.since = now;
    refreshing_ |= rank.pending;
    port_.statistics().refresh_begins(now, rank.pending);
  }
}

bool FrFcfsController::any_servable_hit(DramCycle now, std::uint64_t banks) const {
  for (std::uint64_t rest = banks & buffers_[writing_].hit_banks(writing_); rest != 0;
       rest &= rest - 1)
    if (servable_hit(now, static_cast<std::uint32_t>(std::countr_zero(rest))) !=
        PendingQueue::kNone)
      return true;
  return false;
}

bool FrFcfsController::issue_refresh(DramCycle now) {
  const BankTimers& timers = port_.timers();
  for (std::uint32_t index = 0; index < refresh_.size(); ++index) {
    RankRefresh& rank = refresh_[index];
    if (rank.pending == 0 || next_refresh_command(now, index) > now) continue;
    if ((timers.open_banks() & rank.pending) != 0) return close_for_refresh(now, index);
    if (options_.refresh == RefreshMode::kPerBank) {
      port_.refresh_bank(now, rank.next_bank);
      const std::uint64_t later = rank.banks & ~((bit(rank.next_bank) << 1) - 1);
      rank.next_bank =
          static_cast<std::uint32_t>(std::countr_zero(later != 0 ? later : rank.banks));
    } else {
      port_.refresh(now, index);
    }
    rank.timer.done();
    refreshing_ &= ~rank.pending;
    rank.pending = 0;
    return true;
  }
  return false;
}

bool FrFcfsController::close_for_refresh(DramCycle now, std::uint32_t index) {
  const RankRefresh& rank = refresh_[index];
  if (options_.refresh == RefreshMode::kPerBank)
    port_.precharge_bank(now, rank.next_bank);
  else
    port_.precharge_all(now, index);
  for_each_bit(rank.pending, [&](std::uint32_t bank) { row_changed(bank); });
  return true;
}

// ---- when to look again

DramCycle FrFcfsController::next_event(DramCycle from) const {
  const BankTimers& timers = port_.timers();
  due_.column = std::max(next_column(from), timers.column_bus_ready());
  due_.row = std::max(next_row(), timers.row_bus_ready());
  due_.refresh = next_refresh(from);
  due_is_known_ = true;
  return std::max(from, std::min({due_.column, due_.row, due_.refresh}));
}

DramCycle FrFcfsController::next_column(DramCycle from) const {
  DramCycle next = kNever;
  const PendingQueue& buffer = buffers_[writing_];
  // Only a refresh or an aged miss makes a hit wait.
  const std::uint64_t doubtful = refreshing_ | buffer.miss_banks();
  for_each_bit(buffer.hit_banks(writing_), [&](std::uint32_t bank) {
    if ((doubtful & bit(bank)) != 0 && servable_hit(from, bank) == PendingQueue::kNone) return;
    next = std::min(next, port_.timers().column_ready(bank, writing_));
  });
  return next;
}

DramCycle FrFcfsController::next_row() const {
  DramCycle next = kNever;
  const auto note = [&](std::uint32_t, CommandKind, DramCycle ready) {
    next = std::min(next, ready);
  };
  for_each_row_work(writing_, occupied_banks(writing_), note);
  for_each_row_work(!writing_, banks_left_over(), note);
  for_each_bit(unused_open_banks(), [&](std::uint32_t bank) {
    next = std::min(next, port_.timers().precharge_ready(bank));
  });
  return next;
}

DramCycle FrFcfsController::next_refresh(DramCycle from) const {
  DramCycle next = kNever;
  for (std::uint32_t index = 0; index < refresh_.size(); ++index) {
    const RankRefresh& rank = refresh_[index];
    if (must_start(rank)) return from;
    next = std::min(next, rank.timer.next_due());
    if (rank.pending != 0)
      next = std::min(next,
                      std::max(next_refresh_command(from, index), port_.timers().row_bus_ready()));
  }
  return next;
}

DramCycle FrFcfsController::next_refresh_command(DramCycle from, std::uint32_t index) const {
  const BankTimers& timers = port_.timers();
  const RankRefresh& rank = refresh_[index];
  const bool per_bank = options_.refresh == RefreshMode::kPerBank;
  if ((timers.open_banks() & rank.pending) == 0)
    return per_bank ? timers.refresh_bank_ready(rank.next_bank) : timers.refresh_ready(index);
  if (any_servable_hit(from, rank.pending)) return next_ageing(from, rank.pending);
  return per_bank ? timers.precharge_ready(rank.next_bank) : timers.precharge_all_ready(index);
}

DramCycle FrFcfsController::next_ageing(DramCycle from, std::uint64_t banks) const {
  DramCycle next = kNever;
  const PendingQueue& buffer = buffers_[writing_];
  for_each_bit(buffer.occupied_banks() & banks, [&](std::uint32_t bank) {
    const Slot miss = buffer.summary(bank).miss;
    if (miss == PendingQueue::kNone) return;
    const DramCycle aged = buffer[miss].accepted + options_.age_cap;
    if (aged > from) next = std::min(next, aged);
  });
  return next;
}

}  // namespace tessera::dram
