// What a channel counts, and where its bandwidth and its requests' time go.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "hw_models/dram/bank_timers.h"
#include "hw_models/dram/command.h"
#include "hw_models/dram/pending_queue.h"
#include "sim/base/statistics.h"

namespace tessera::dram {

struct BankStats {
  std::uint64_t activations = 0, precharges = 0, reads = 0, writes = 0;
};

/// Data-bus cycles from cycle 0 to the last data beat, by what the bus did or waited for. Their sum
/// is exactly that cycle, so dividing by it splits the peak bandwidth.
///
/// Of every idle stretch between two bursts, a cycle (seen from the column command that ends the
/// stretch) counts as the first of these that holds: no request waited in the channel; the rank (or
/// bank) was draining for or executing a refresh; the row was not yet open long enough; the bus had
/// to turn around (read/write or rank); the bank group's own spacing. What is left is arbitration:
/// the command bus was taken, an older request came first, or the policy held the request back.
struct BusCycles {
  std::uint64_t data = 0;
  std::uint64_t no_requests = 0, refresh = 0, row = 0, turnaround = 0, group_spacing = 0;
  std::uint64_t arbitration = 0;

  std::uint64_t total() const {
    return data + no_requests + refresh + row + turnaround + group_spacing + arbitration;
  }
};

/// Sum over requests of their latency from acceptance to the last data beat, in four parts that add
/// up: waiting for others, waiting for a refresh, preparing the row on the request's own behalf,
/// and the column latency with the burst.
struct LatencySplit {
  std::uint64_t queueing = 0, refresh = 0, row = 0, bus = 0;
};

/// Busy data-bus cycles per window. The window doubles when there are more than kMaxWindows, so a
/// run of any length keeps a bounded series.
class BandwidthSeries {
 public:
  static constexpr std::size_t kMaxWindows = 1024;
  static constexpr DramCycle kFirstWindow = 256;

  /// `count` busy bus cycles that end at `end`; they are attributed to the window of the last one.
  void add(DramCycle end, std::uint32_t count);
  DramCycle window_cycles() const { return window_; }
  const std::vector<std::uint64_t>& busy_cycles() const { return busy_; }

 private:
  void widen();

  DramCycle window_ = kFirstWindow;
  std::vector<std::uint64_t> busy_;
};

/// Latencies above this are counted, but percentiles beyond it read as the maximum.
inline constexpr std::uint64_t kLatencyLimit = 65536;

/// Counters of one channel. Index [0] is reads, [1] writes. All times in the channel's clock.
struct ChannelStats {
  std::array<std::uint64_t, kCommandKinds> commands{};
  std::array<std::uint64_t, 2> accepted{};
  std::array<Histogram, 2> latency{Histogram(kLatencyLimit), Histogram(kLatencyLimit)};
  std::array<LatencySplit, 2> latency_split{};
  std::vector<BankStats> banks;
  BusCycles bus;
  BandwidthSeries series;
  /// Last data beat of the run so far.
  DramCycle last_data_end = 0;
  /// Per rank, cycles with at least one row open, up to the last row change.
  std::vector<DramCycle> row_open_cycles;
  /// Per rank, since when a row has been open; kNever when all are closed.
  std::vector<DramCycle> row_open_since;

  std::uint64_t count(CommandKind kind) const { return commands[static_cast<int>(kind)]; }
  std::uint64_t bursts() const { return count(CommandKind::kRead) + count(CommandKind::kWrite); }
  /// 1 - activations / bursts; slightly negative when refresh closes rows not yet used.
  double row_hit_rate() const;
  /// Cycles of [0, end) in which the rank had a row open.
  DramCycle row_open_until(std::uint32_t rank, DramCycle end) const;
};

/// Turns the commands of a channel into ChannelStats.
class StatisticsCollector {
 public:
  explicit StatisticsCollector(const Device& device);

  const ChannelStats& stats() const { return stats_; }

  /// `was_idle`: nothing waited in the channel before this request.
  void accepted(DramCycle now, PendingRequest& request, bool was_idle);
  void row_command(CommandKind kind, std::uint32_t bank);
  /// Call before the timers learn of the command, and once the bank is known to be ready.
  void column_command(DramCycle now, const PendingRequest& request, const BankTimers& timers);
  void rank_command(CommandKind kind) { ++stats_.commands[static_cast<int>(kind)]; }
  void rows_open(DramCycle now, std::uint32_t rank, bool any_open);

  /// From `now` on a refresh keeps the requests of these banks waiting.
  void refresh_begins(DramCycle now, std::uint64_t banks);
  /// The banks may be activated again from `end` on.
  void refresh_ends(DramCycle end, std::uint64_t banks);

 private:
  using Signed = std::int64_t;
  /// The latest refresh of a bank and the sum of all before it.
  struct RefreshLog {
    DramCycle from = 0, until = 0, before = 0;
  };

  void explain_gap(DramCycle now, const PendingRequest& request, const BankTimers& timers,
                   Signed from);
  Signed refresh_overlap(std::uint32_t bank, Signed from, Signed to) const;
  DramCycle refresh_elapsed(std::uint32_t bank, DramCycle now) const;
  void split_latency(DramCycle now, const PendingRequest& request, const BankTimers& timers,
                     DramCycle data_end);

  ChannelStats stats_;
  DeviceTiming timing_;
  std::vector<RefreshLog> refreshes_;
  DramCycle busy_since_ = 0;
};

}  // namespace tessera::dram
