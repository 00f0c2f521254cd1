// Policy D: scheduling as DRAMsim3 does it.
#pragma once

#include <vector>

#include "hw_models/dram/controller.h"
#include "hw_models/dram/refresh_timer.h"
#include "hw_models/dram/transaction_list.h"

namespace tessera::dram {

struct BankQueueOptions {
  /// One queue for reads and writes instead of a read queue and a write buffer.
  bool unified = false;
  std::uint32_t queue_depth = 32;
  std::uint32_t bank_queue_depth = 8;
  /// Once another row waits, a row serves at least this many bursts before it is closed under hits.
  std::uint32_t row_hit_limit = 4;
  /// Writes start to drain at this many waiting when nothing else is left to do (plus one).
  std::uint32_t idle_drain_above = 8;
};

/// A controller with a command queue per bank behind its transaction queues. Each cycle it goes
/// round the banks from the one after the last it served and sends the first command that is ready;
/// then one transaction moves into its bank's queue. Writes move only while draining. Rank refresh
/// stops the rank's queues at once and closes its banks one by one. Reproduces DRAMsim3 (commit
/// 2981759) command by command, its habit included of leaving the last few writes in the buffer for
/// ever unless `unified`; leaves out its merging of equal addresses.
class BankQueueController final : public Controller {
 public:
  BankQueueController(const Device& device, const BankQueueOptions& options);

  bool can_accept(bool is_write) const override {
    return transactions_[list_of(is_write)].size() < options_.queue_depth;
  }
  void accept(DramCycle now, const PendingRequest& request) override;
  void visit(DramCycle now, CompletionSink& sink) override;
  DramCycle next_event(DramCycle from) const override;
  /// True also while writes wait that nothing but further writes will set in motion.
  bool idle() const override;
  const CommandPort& port() const override { return port_; }
  CommandPort& port() override { return port_; }

 private:
  struct Choice {
    CommandKind kind = CommandKind::kActivate;
    PendingQueue::Slot slot = PendingQueue::kNone;
    bool found() const { return slot != PendingQueue::kNone; }
    bool is_column() const { return kind == CommandKind::kRead || kind == CommandKind::kWrite; }
  };

  int list_of(bool is_write) const { return is_write && !options_.unified ? 1 : 0; }
  void advance_refresh(DramCycle now);
  bool issue_refresh(DramCycle now);
  Choice pick(DramCycle now, bool row_bus, bool column_bus);
  Choice first_ready(DramCycle now, std::uint32_t bank, bool row_bus, bool column_bus) const;
  bool may_precharge(std::uint32_t bank) const;
  void send(DramCycle now, const Choice& choice, CompletionSink& sink);
  void row_changed(std::uint32_t bank);

  bool starts_draining() const;
  bool can_move() const { return transactions_[draining_ > 0 ? 1 : 0].any_outside(full_banks_); }
  void move_transaction();
  DramCycle next_of_bank(std::uint32_t bank) const;
  std::uint64_t waiting_banks() const;
  DramCycle next_refresh() const;

  BankQueueOptions options_;
  bool separate_column_bus_;
  std::uint32_t banks_;
  CommandPort port_;
  TransactionList transactions_[2];  ///< [0] reads or all, [1] writes
  PendingQueue commands_;
  std::uint64_t next_order_ = 0;
  std::uint64_t full_banks_ = 0;
  std::vector<std::uint32_t> row_bursts_;  ///< per bank, bursts since its activation
  std::uint32_t last_bank_;
  std::size_t draining_ = 0;  ///< writes still to move
  std::vector<RefreshTimer> refresh_;
  std::vector<std::uint32_t> refresh_order_;  ///< ranks that owe a refresh, first come first
};

}  // namespace tessera::dram
