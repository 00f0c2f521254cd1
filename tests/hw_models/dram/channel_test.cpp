// A channel's timing, statistics and idleness on traces small enough to work out by hand.
// DDR4-2400: tRCD 17, tRP 17, tRAS 39, tRTP 9, CL 17, CWL 12, burst 4, CCD_S 4, CCD_L 6, RD->WR 11,
// WR->RD 19/25, tRFC 420, tREFI 9360. Default policy: a request accepted in cycle t can be served
// in t.
#include "hw_models/dram/channel.h"

#include <gtest/gtest.h>

#include "hw_models/dram/channel_report.h"
#include "hw_models/dram/request_trace.h"
#include "sim/base/error.h"

namespace tessera::dram {
namespace {

constexpr std::uint64_t kBurst = 64;
constexpr std::uint64_t kRow = std::uint64_t{1} << 17;  // mapping B: next row, same bank
constexpr std::uint64_t kGroup = kBurst;                // next bank group
constexpr std::uint64_t kColumn = 4 * kBurst;           // next column, same bank

Channel ddr4(FrFcfsOptions options = {}) {
  return Channel({.device = load_device("ddr4_2400"), .mapping = "B", .fr_fcfs = options});
}

std::vector<DramCycle> ends(Channel& channel, const std::vector<TraceRequest>& requests) {
  return run_trace(channel, requests);
}

TEST(Channel, ReadOfAClosedBankTakesActivationAndColumnLatency) {
  Channel channel = ddr4();
  // ACT 0, RD 17, data 34..38
  EXPECT_EQ(ends(channel, {{false, 0, 0}}), std::vector<DramCycle>{38});
  const BusCycles& bus = channel.stats().bus;
  EXPECT_EQ(bus.data, 4u);
  // Seen from the read command at 17, a command at -17 would have kept the bus busy from cycle 0:
  // 17 cycles without requests, then 17 of tRCD.
  EXPECT_EQ(bus.no_requests, 17u);
  EXPECT_EQ(bus.row, 17u);
  EXPECT_EQ(bus.total(), 38u);
  const LatencySplit& split = channel.stats().latency_split[0];
  EXPECT_EQ(split.queueing, 0u);
  EXPECT_EQ(split.row, 17u);
  EXPECT_EQ(split.bus, 21u);
}

TEST(Channel, HitsOfOneGroupKeepTheLongSpacing) {
  Channel channel = ddr4();
  // RD 17, 23: CCD_L leaves two bus cycles unused between the bursts.
  EXPECT_EQ(ends(channel, {{false, 0, 0}, {false, kColumn, 0}}), (std::vector<DramCycle>{38, 44}));
  EXPECT_EQ(channel.stats().bus.group_spacing, 2u);
  EXPECT_EQ(channel.stats().bus.total(), 44u);
}

TEST(Channel, HitsOfTwoGroupsFillTheBus) {
  Channel channel = ddr4();
  // ACT 0 (group 0), ACT 4 (group 1); RD 17, RD 21: bursts back to back.
  EXPECT_EQ(ends(channel, {{false, 0, 0}, {false, kGroup, 0}}), (std::vector<DramCycle>{38, 42}));
  EXPECT_EQ(channel.stats().bus.group_spacing, 0u);
  EXPECT_EQ(channel.stats().bus.row, 17u);
}

TEST(Channel, RowConflictClosesAndReopens) {
  Channel channel = ddr4();
  // ACT 0, RD 17, PRE max(39, 17 + 9) = 39, ACT 56, RD 73, data end 94
  EXPECT_EQ(ends(channel, {{false, 0, 0}, {false, kRow, 0}}), (std::vector<DramCycle>{38, 94}));
  // The second burst could have followed at 38: its command at 73 came 52 cycles after 21.
  EXPECT_EQ(channel.stats().bus.row, 17u + 52);
  EXPECT_EQ(channel.stats().row_hit_rate(), 0);
}

TEST(Channel, WriteAfterReadTurnsTheBus) {
  Channel channel = ddr4();
  // RD 17, data 34..38; WR 17 + 11 = 28, data 40..44: two turnaround cycles on the bus
  EXPECT_EQ(ends(channel, {{false, 0, 0}, {true, kColumn, 0}}), (std::vector<DramCycle>{38, 44}));
  EXPECT_EQ(channel.stats().bus.turnaround, 2u);
  EXPECT_EQ(channel.stats().bus.total(), 44u);
}

TEST(Channel, RefreshDelaysARequestByItsCycleTime) {
  Channel channel = ddr4();
  // Accepted at 9360, when the refresh falls due on a closed rank: REF 9360, ACT 9780, RD 9797,
  // data end 9818.
  EXPECT_EQ(ends(channel, {{false, 0, 9360}}), std::vector<DramCycle>{9818});
  EXPECT_EQ(channel.stats().latency_split[0].refresh, 420u);
  EXPECT_EQ(channel.stats().latency_split[0].row, 17u);
  EXPECT_EQ(channel.stats().latency_split[0].queueing, 0u);
  EXPECT_EQ(channel.stats().bus.refresh, 420u);
}

TEST(Channel, HitsAlreadyThereAreServedBeforeARefresh) {
  Channel channel = ddr4();
  std::vector<TraceRequest> requests = {{false, 0, 9300}};
  for (std::uint64_t i = 1; i <= 8; ++i) requests.push_back({false, i * kColumn, 9340 + i});
  const auto data_end = ends(channel, requests);
  // Reads every CCD_L = 6 from 9341 on: the eighth at 9383, after the refresh fell due at 9360.
  EXPECT_EQ(data_end.back(), 9383u + 21);
  EXPECT_EQ(channel.stats().count(CommandKind::kActivate), 1u);
}

TEST(Channel, IdleChannelNeedsNoVisitAndCatchesUpItsRefreshes) {
  Channel channel = ddr4();
  EXPECT_EQ(channel.next_visit(), kNever);
  ends(channel, {{false, 0, 0}, {false, 0, 1'000'000}});
  // 1'000'000 / 9360 = 106.8
  EXPECT_EQ(channel.stats().count(CommandKind::kRefresh), 106u);
  EXPECT_EQ(channel.next_visit(), kNever);
  channel.finish(2'000'000);
  EXPECT_EQ(channel.stats().count(CommandKind::kRefresh), 213u);
}

TEST(Channel, PostponedRefreshesWaitForIdleTime) {
  FrFcfsOptions options;
  options.postponed_refreshes = 8;
  Channel channel = ddr4(options);
  // Busy from 9350 to beyond 9360: without postponement the refresh would come first.
  std::vector<TraceRequest> requests;
  for (std::uint64_t i = 0; i < 16; ++i) requests.push_back({false, i * kColumn, 9350});
  const auto data_end = ends(channel, requests);
  // ACT 9350, RD 9367, then every 6: the last at 9457.
  EXPECT_EQ(data_end.back(), 9457u + 21);
  channel.finish(18'000);
  EXPECT_EQ(channel.stats().count(CommandKind::kRefresh), 1u);
}

TEST(Channel, ClosedPageClosesARowNobodyWants) {
  FrFcfsOptions options;
  options.page = PagePolicy::kClosed;
  Channel channel = ddr4(options);
  // The row closes at 39; the request of 100 finds the bank closed: ACT 100, RD 117, end 138.
  EXPECT_EQ(ends(channel, {{false, 0, 0}, {false, kRow, 100}}), (std::vector<DramCycle>{38, 138}));
  channel.finish(200);
  EXPECT_EQ(channel.stats().count(CommandKind::kPrecharge), 2u);
}

TEST(Channel, PerBankRefreshStopsOnlyItsBank) {
  FrFcfsOptions options;
  options.refresh = RefreshMode::kPerBank;
  Channel channel({.device = load_device("lpddr4_3200"), .mapping = "A", .fr_fcfs = options});
  // tREFI / 8 = 780: bank 0 is refreshed at 780 for tRFCpb = 224. Row 0 of bank 1 lies at 2 KiB.
  // Bank 1 at 780: ACT 780 + pb_to_act 16 = 796, RD 825, end 861. Bank 0: ACT 1004, RD 1033, end
  // 1069.
  EXPECT_EQ(ends(channel, {{false, 2048, 780}, {false, 0, 780}}),
            (std::vector<DramCycle>{825 + 36, 1004 + 29 + 36}));
}

TEST(Channel, AgeCapEndsARowsService) {
  FrFcfsOptions options;
  options.age_cap = 100;
  Channel channel = ddr4(options);
  std::vector<TraceRequest> requests = {{false, 0, 0}, {false, kRow, 0}};
  for (std::uint64_t i = 1; i < 60; ++i) requests.push_back({false, i * kColumn % kRow, 0});
  const auto data_end = ends(channel, requests);
  // The conflicting request came in cycle 1 and may close the row at 101: hits went out every 6
  // from 17 to 95, the next would be 101. PRE max(101, 95 + 9) = 104, ACT 121, RD 138, end 159.
  EXPECT_EQ(data_end[1], 159u);
}

TEST(Channel, WritesDrainWhenNoReadWaits) {
  Channel channel = ddr4();
  // ACT 0, WR 17, data 29..33
  EXPECT_EQ(ends(channel, {{true, 0, 0}}), std::vector<DramCycle>{33});
}

TEST(Channel, RefusesAddressesBeyondItsMemory) {
  Channel channel = ddr4();
  const std::uint64_t beyond = channel.mapping().capacity_bytes();
  EXPECT_THROW(run_trace(channel, {{false, beyond, 0}}), UserError);
  EXPECT_THROW(channel.accept(0, {0, false, beyond}), InvariantViolation);
}

TEST(Channel, ReadsDoNotStarveUnderAFloodOfWrites) {
  FrFcfsOptions options;
  Channel channel = ddr4(options);
  // Writes to random places whenever there is room, and one read at a time.
  struct Sink final : CompletionSink {
    void completed(std::uint64_t, bool is_write, DramCycle data_end) override {
      if (!is_write) read_end = data_end;
    }
    DramCycle read_end = 0;
  } sink;
  Random random(1);
  const auto address = [&] { return random.below(1 << 20) * kBurst; };
  std::uint64_t reads = 0;
  DramCycle longest = 0, read_since = kNever;
  for (DramCycle now = 0; now < 400'000; ++now) {
    if (read_since == kNever) {
      channel.accept(now, {0, false, address()});
      read_since = now;
    } else if (channel.can_accept(true)) {
      channel.accept(now, {1, true, address()});
    }
    if (channel.next_visit() <= now) channel.visit(now, sink);
    if (sink.read_end == 0) continue;
    longest = std::max(longest, sink.read_end - read_since);
    read_since = kNever;
    sink.read_end = 0;
    ++reads;
  }
  EXPECT_GT(reads, 100u);
  EXPECT_LE(longest, read_wait_bound(options, channel.device()) + channel.timing().read_latency());
}

TEST(Options, ContradictionsAreRefused) {
  const auto build = [](FrFcfsOptions options) { ddr4(options); };
  FrFcfsOptions options;
  options.write_low = options.write_high;
  EXPECT_THROW(build(options), UserError);
  options = {};
  options.read_depth = 0;
  EXPECT_THROW(build(options), UserError);
  options = {};
  options.refresh = RefreshMode::kPerBank;  // the DDR4 table has no per-bank refresh
  EXPECT_THROW(build(options), UserError);
  options = {};
  options.postponed_refreshes = 9;
  EXPECT_THROW(build(options), UserError);
  EXPECT_THROW(policy_from_name("fcfs"), UserError);
}

TEST(BandwidthSeries, WidensItsWindowInsteadOfGrowing) {
  BandwidthSeries series;
  const DramCycle end = BandwidthSeries::kFirstWindow * BandwidthSeries::kMaxWindows;
  series.add(4, 4);
  series.add(end, 4);
  EXPECT_EQ(series.window_cycles(), BandwidthSeries::kFirstWindow);
  EXPECT_EQ(series.busy_cycles().size(), BandwidthSeries::kMaxWindows);
  series.add(end + 4, 4);
  EXPECT_EQ(series.window_cycles(), 2 * BandwidthSeries::kFirstWindow);
  EXPECT_EQ(series.busy_cycles().front(), 4u);
  EXPECT_EQ(series.busy_cycles()[BandwidthSeries::kMaxWindows / 2 - 1], 4u);
  EXPECT_EQ(series.busy_cycles()[BandwidthSeries::kMaxWindows / 2], 4u);
}

TEST(Report, SplitsAddUp) {
  Channel channel = ddr4();
  RandomRequests source({.count = 5000,
                         .seed = 3,
                         .capacity_bytes = channel.mapping().capacity_bytes(),
                         .burst_bytes = 64});
  run_trace(channel, source);
  const proto::DramResult r = report_of(channel);
  const auto& bus = r.bus_cycles();
  EXPECT_EQ(bus.data() + bus.no_requests() + bus.refresh() + bus.row() + bus.turnaround() +
                bus.group_spacing() + bus.arbitration(),
            r.cycles());
  for (const auto* split :
       {&r.read_latency_split_mean_cycles(), &r.write_latency_split_mean_cycles()}) {
    const double mean = split == &r.read_latency_split_mean_cycles()
                            ? r.read_latency_cycles().mean()
                            : r.write_latency_cycles().mean();
    EXPECT_NEAR(split->queueing() + split->refresh() + split->row() + split->bus(), mean, 1e-6);
  }
  std::uint64_t activations = 0, busy = 0;
  for (const auto& bank : r.banks()) activations += bank.act();
  for (const auto cycles : r.bandwidth_series().busy_cycles()) busy += cycles;
  EXPECT_EQ(activations, r.counts().act());
  EXPECT_EQ(busy, bus.data());
  EXPECT_EQ(r.counts().rd() + r.counts().wr(), 5000u);
}

}  // namespace
}  // namespace tessera::dram
