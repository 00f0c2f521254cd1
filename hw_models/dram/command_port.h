// The way out of a controller: commands leave here, and timers, statistics and listener learn of
// them.
#pragma once

#include "hw_models/dram/bank_timers.h"
#include "hw_models/dram/channel_statistics.h"
#include "hw_models/dram/command.h"
#include "hw_models/dram/pending_queue.h"

namespace tessera::dram {

/// Command pins of one channel. Every command passes through once; the caller has checked that it
/// is ready.
class CommandPort {
 public:
  explicit CommandPort(const Device& device);

  const BankTimers& timers() const { return timers_; }
  StatisticsCollector& statistics() { return statistics_; }
  const StatisticsCollector& statistics() const { return statistics_; }
  /// nullptr for none. The listener must outlive its use.
  void set_listener(CommandListener* listener) { listener_ = listener; }

  void activate(DramCycle now, const Location& at);
  /// On behalf of a request; the trace then carries its row and column.
  void precharge(DramCycle now, const Location& at);
  /// For refresh or by page policy; the trace carries no row and column.
  void precharge_bank(DramCycle now, std::uint32_t bank);
  void precharge_all(DramCycle now, std::uint32_t rank);
  /// Returns the cycle after the last data beat.
  DramCycle column(DramCycle now, const PendingRequest& request);
  void refresh(DramCycle now, std::uint32_t rank);
  void refresh_bank(DramCycle now, std::uint32_t bank);

 private:
  void after_precharge(DramCycle now, std::uint32_t rank);
  void tell(DramCycle now, CommandKind kind, const Location& at);
  IssuedCommand bank_command(DramCycle now, CommandKind kind, std::uint32_t bank) const;

  Geometry geometry_;
  DeviceTiming timing_;
  TimingRules rules_;
  BankTimers timers_;
  StatisticsCollector statistics_;
  CommandListener* listener_ = nullptr;
};

}  // namespace tessera::dram
