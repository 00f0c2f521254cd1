// Our own scheduling policy: row hits first, then age.
#pragma once

#include <vector>

#include "hw_models/dram/controller.h"
#include "hw_models/dram/fr_fcfs_options.h"
#include "hw_models/dram/refresh_timer.h"

namespace tessera::dram {

/// First-ready, first-come-first-served with row hits first. Each cycle sends a column command for
/// the current direction or, when none is ready, the oldest activation or precharge (both, on
/// devices with two command buses).
///
/// A row stays open while hits wait for it. Among ready hits those come first whose bank has the
/// oldest request for another row: finishing one bank at a time lets its next row be opened while
/// the other banks keep the bus busy. Reads and writes have buffers of their own; writes drain in
/// phases, see FrFcfsOptions. Banks that the current direction does not need are prepared for the
/// other direction meanwhile. Before a refresh the hits that are already there are served.
///
/// Nothing starves: a request that has waited for `age_cap` cycles closes the row it conflicts with
/// and precedes younger hits, and phases of either direction are limited. See `read_wait_bound`.
class FrFcfsController final : public Controller {
 public:
  FrFcfsController(const Device& device, const FrFcfsOptions& options);

  bool can_accept(bool is_write) const override { return !buffers_[is_write].full(); }
  void accept(DramCycle now, const PendingRequest& request) override;
  void visit(DramCycle now, CompletionSink& sink) override;
  DramCycle next_event(DramCycle from) const override;
  bool idle() const override { return buffers_[0].empty() && buffers_[1].empty(); }
  const CommandPort& port() const override { return port_; }
  CommandPort& port() override { return port_; }

 private:
  using Slot = PendingQueue::Slot;
  /// Refresh bookkeeping of a rank.
  struct RankRefresh {
    RefreshTimer timer;
    std::uint64_t banks;          ///< all banks of the rank
    std::uint64_t pending = 0;    ///< banks kept free for the refresh in progress
    DramCycle since = 0;          ///< when it began; older hits are served before it
    std::uint32_t next_bank = 0;  ///< per-bank refresh: whose turn it is
  };

  /// Cycles before which no command of a class can go out, as long as no request comes. A visit
  /// skips the classes that are not due.
  struct Due {
    DramCycle column = 0, row = 0, refresh = 0;
  };

  bool issue_column(DramCycle now, CompletionSink& sink);
  std::uint64_t column_rank(DramCycle now, std::uint32_t bank, Slot hit) const;
  Slot servable_hit(DramCycle now, std::uint32_t bank) const;
  bool any_servable_hit(DramCycle now, std::uint64_t banks) const;

  bool issue_row(DramCycle now);
  bool issue_row_for(DramCycle now, bool is_write, std::uint64_t banks);
  template <typename Work>
  void for_each_row_work(bool is_write, std::uint64_t banks, Work work) const;
  void send_row(DramCycle now, CommandKind kind, std::uint32_t bank, bool is_write);
  bool close_unused(DramCycle now);
  std::uint64_t unused_open_banks() const;
  void row_changed(std::uint32_t bank);

  void start_refreshes(DramCycle now);
  bool must_start(const RankRefresh& rank) const;
  std::uint64_t next_refresh_banks(const RankRefresh& rank) const;
  bool issue_refresh(DramCycle now);
  bool close_for_refresh(DramCycle now, std::uint32_t rank);

  void update_direction();
  std::uint64_t occupied_banks(bool is_write) const;
  /// Banks on which the other direction's requests may prepare rows.
  std::uint64_t banks_left_over() const;

  DramCycle next_column(DramCycle from) const;
  DramCycle next_row() const;
  DramCycle next_refresh(DramCycle from) const;
  DramCycle next_refresh_command(DramCycle from, std::uint32_t rank) const;
  /// When the next request in these banks reaches the age cap and may end its row's service.
  DramCycle next_ageing(DramCycle from, std::uint64_t banks) const;

  FrFcfsOptions options_;
  bool separate_column_bus_;
  CommandPort port_;
  PendingQueue buffers_[2];  ///< [0] reads, [1] writes
  bool writing_ = false;
  std::uint32_t phase_bursts_ = 0;  ///< served since the direction last changed
  std::vector<RankRefresh> refresh_;
  std::uint64_t refreshing_ = 0;  ///< union of RankRefresh::pending
  mutable Due due_;               ///< found by next_event
  mutable bool due_is_known_ = false;
};

}  // namespace tessera::dram
