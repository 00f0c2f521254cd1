// Policy R: scheduling as Ramulator 2.1 does it.
#pragma once

#include <vector>

#include "hw_models/dram/controller.h"
#include "hw_models/dram/refresh_timer.h"

namespace tessera::dram {

/// Depths and thresholds of the request buffers.
struct OpenListOptions {
  std::uint32_t read_depth = 32;
  std::uint32_t write_depth = 32;
  /// Writes are served from `write_high` buffered writes on, until at most `write_low` are left.
  std::uint32_t write_high = 26;
  std::uint32_t write_low = 6;
  /// A precharge waits while an older request of its buffer hits the open row.
  bool row_hit_guard = false;
};

/// A controller with a read and a write buffer and first-ready, first-come scheduling by readiness
/// and age alone: row hits get no priority of their own. A request whose activation went out leaves
/// its buffer for the list of opened requests, which is served first, and protects its row until
/// its column command. All-bank refresh; new work of a rank waits as soon as its refresh is due.
/// Reproduces Ramulator 2.1 (commit c5b1c3a) command by command; leaves out its write forwarding.
class OpenListController final : public Controller {
 public:
  OpenListController(const Device& device, const OpenListOptions& options);

  bool can_accept(bool is_write) const override { return !buffers_[is_write].full(); }
  void accept(DramCycle now, const PendingRequest& request) override;
  void visit(DramCycle now, CompletionSink& sink) override;
  DramCycle next_event(DramCycle from) const override;
  bool idle() const override { return buffers_[0].empty() && buffers_[1].empty() && opened_ == 0; }
  const CommandPort& port() const override { return port_; }
  CommandPort& port() override { return port_; }

 private:
  struct Choice {
    CommandKind kind = CommandKind::kActivate;
    PendingQueue::Slot slot = PendingQueue::kNone;
    std::uint64_t age = ~std::uint64_t{0};
  };

  bool issue_opened(DramCycle now, CompletionSink& sink);
  bool issue_refresh(DramCycle now);
  bool issue_buffered(DramCycle now, bool rows, bool columns, CompletionSink& sink);
  Choice choose(DramCycle now, bool rows, bool columns) const;
  void send(DramCycle now, const Choice& choice, CompletionSink& sink);
  void row_changed(std::uint32_t bank);

  bool may_precharge(std::uint32_t bank, const PendingQueue& buffer) const;
  DramCycle next_buffered(const PendingQueue& buffer, bool is_write) const;
  DramCycle next_refresh() const;
  DramCycle next_opened() const;

  void advance_refresh(DramCycle now);
  bool decided_write_mode() const;
  void decide_mode();
  /// The buffers changed; the next decision of the mode falls to cycle `from`.
  void mode_outdated(DramCycle from);
  void catch_up_mode(DramCycle now);
  bool reaches_buffers() const { return refreshing_ != all_banks_; }

  OpenListOptions options_;
  bool separate_column_bus_;
  std::uint64_t all_banks_;
  CommandPort port_;
  PendingQueue buffers_[2];                      ///< [0] reads, [1] writes
  std::vector<PendingRequest> opened_requests_;  ///< by bank, valid where `opened_` has a bit
  std::uint64_t opened_ = 0;
  std::vector<RefreshTimer> refresh_;
  std::uint64_t refreshing_ = 0;  ///< banks whose rank owes a refresh
  bool write_mode_ = false;
  bool mode_is_current_ = false;
  DramCycle mode_outdated_since_ = 0;
};

}  // namespace tessera::dram
