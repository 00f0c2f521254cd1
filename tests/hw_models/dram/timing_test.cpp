// Every timing rule binds: one cycle early is refused, on time is accepted. Limits come from
// validation/reference/dram/timing_rules.csv, which both tools were run with.
#include <gtest/gtest.h>

#include "hw_models/dram/bank_timers.h"
#include "hw_models/dram/request_trace.h"
#include "hw_models/dram/timing_checker.h"
#include "sim/base/csv.h"
#include "sim/base/error.h"

namespace tessera::dram {
namespace {

const std::string kData = TESSERA_SOURCE_DIR "/validation/reference/dram/";
const std::vector<std::string> kHarmonised = {"ddr4_2400", "ddr4_3200", "lpddr4_3200", "hbm2_pc"};

using enum CommandKind;

/// A command on (group, bank) of rank 0 and row 1.
IssuedCommand on(CommandKind kind, int group, int bank, int rank = 0) {
  if (kind == kPrechargeAll || kind == kRefresh) return {0, kind, rank};
  return {0, kind, rank, group, bank, 1, 0};
}

/// Whether the checker accepts `commands`, each at its cycle.
bool accepted(const Device& device, const std::vector<std::pair<DramCycle, IssuedCommand>>& list) {
  TimingChecker checker(device);
  for (auto [cycle, command] : list) {
    command.cycle = cycle;
    checker.issued(command);
  }
  return checker.violations() == 0;
}

/// `history` leads to a state in which `last` is limited by `limit` cycles after the last of them.
void expect_binds(const Device& device, std::vector<std::pair<DramCycle, IssuedCommand>> history,
                  const IssuedCommand& last, DramCycle limit, const std::string& what) {
  SCOPED_TRACE(device.name + ": " + what);
  const DramCycle from = history.back().first;
  ASSERT_GT(limit, 0u);
  history.push_back({from + limit - 1, last});
  EXPECT_FALSE(accepted(device, history)) << "one cycle early";
  history.back().first = from + limit;
  EXPECT_TRUE(accepted(device, history)) << "on time";
}

/// Rows of timing_rules.csv by a short name.
std::map<std::string, DramCycle> limits_of(const std::string& device) {
  const CsvTable table = CsvTable::load(kData + "timing_rules.csv");
  std::map<std::string, DramCycle> limits;
  for (std::size_t i = 0; i < table.rows(); ++i)
    limits[table.at(i, "previous") + " " + table.at(i, "next") + " " + table.at(i, "scope")] =
        static_cast<DramCycle>(table.integer(i, device));
  return limits;
}

/// Far enough apart that only the rule under test can bind.
constexpr DramCycle kLater = 200;

TEST(TimingRules, EachRowRuleBindsAtItsLimit) {
  for (const auto& name : kHarmonised) {
    const Device d = load_device(name);
    auto limit = limits_of(name);
    const int other = d.geometry.bank_groups > 1 ? 1 : 0;  // another group, if there is one
    const IssuedCommand act = on(kActivate, 0, 0);
    expect_binds(d, {{0, act}}, on(kActivate, other, 1), limit["ACT ACT same rank"], "tRRD_S");
    if (other != 0)
      expect_binds(d, {{0, act}}, on(kActivate, 0, 1), limit["ACT ACT same bank group"], "tRRD_L");
    expect_binds(d, {{0, act}}, on(kRead, 0, 0), limit["ACT RD same bank"], "tRCDRD");
    expect_binds(d, {{0, act}}, on(kWrite, 0, 0), limit["ACT WR same bank"], "tRCDWR");
    expect_binds(d, {{0, act}}, on(kPrecharge, 0, 0), limit["ACT PRE same bank"], "tRAS");
    expect_binds(d, {{0, act}}, on(kPrechargeAll, 0, 0), limit["ACT PRE same bank"], "tRAS");
    expect_binds(d, {{0, act}, {kLater, on(kPrecharge, 0, 0)}}, act, limit["PRE ACT same bank"],
                 "tRP");
    expect_binds(d, {{0, act}, {kLater, on(kPrecharge, 0, 0)}}, on(kRefresh, 0, 0),
                 limit["PRE REF same rank"], "tRP before REF");
    expect_binds(d, {{0, act}, {kLater, on(kPrechargeAll, 0, 0)}}, act, limit["PRE ACT same bank"],
                 "tRP after PREA");
    expect_binds(d, {{0, on(kRefresh, 0, 0)}}, act, limit["REF ACT same rank"], "tRFC");
    expect_binds(d, {{0, on(kRefresh, 0, 0)}}, on(kRefresh, 0, 0), limit["REF REF same rank"],
                 "tRFC before REF");
    // tRC binds beyond tRAS + tRP only where it is longer; equal in these tables.
    EXPECT_EQ(d.rules.act_act_bank, limit["ACT ACT same bank"]);
  }
}

TEST(TimingRules, FourActivateWindowBinds) {
  for (const auto& name : kHarmonised) {
    const Device d = load_device(name);
    const DramCycle window = limits_of(name)["ACT ACT same rank, 4th previous"];
    const DramCycle step = d.rules.act_act_group;
    std::vector<std::pair<DramCycle, IssuedCommand>> history;
    for (int bank = 0; bank < 4; ++bank) history.push_back({bank * step, on(kActivate, 0, bank)});
    const IssuedCommand fifth =
        d.geometry.bank_groups > 1 ? on(kActivate, 1, 0) : on(kActivate, 0, 4);
    // In the LPDDR4 and HBM2 tables four tRRD already fill the window: it coincides with tRRD.
    if (3 * step + d.rules.act_act_rank >= window) {
      EXPECT_EQ(4 * d.rules.act_act_rank, window) << name;
      continue;
    }
    history.push_back({window - 1, fifth});
    EXPECT_FALSE(accepted(d, history)) << name;
    history.back().first = std::max(window, 3 * step + d.rules.act_act_rank);
    EXPECT_TRUE(accepted(d, history)) << name;
  }
}

TEST(TimingRules, EachColumnRuleBindsAtItsLimit) {
  for (const auto& name : kHarmonised) {
    const Device d = load_device(name);
    auto limit = limits_of(name);
    const bool grouped = d.geometry.bank_groups > 1;
    const int group = grouped ? 1 : 0;
    const std::vector<std::pair<DramCycle, IssuedCommand>> open = {
        {0, on(kActivate, 0, 0)}, {100, on(kActivate, 0, 1)}, {kLater, on(kActivate, group, 2)}};
    const auto after = [&](CommandKind kind) {
      auto history = open;
      history.push_back({2 * kLater, on(kind, 0, 0)});
      return history;
    };
    const IssuedCommand read_group = on(kRead, 0, 1), read_rank = on(kRead, group, 2);
    const IssuedCommand write_group = on(kWrite, 0, 1), write_rank = on(kWrite, group, 2);
    expect_binds(d, after(kRead), read_rank, limit["RD RD same rank"], "tCCD_S reads");
    expect_binds(d, after(kWrite), write_rank, limit["WR WR same rank"], "tCCD_S writes");
    expect_binds(d, after(kRead), read_group,
                 limit[grouped ? "RD RD same bank group" : "RD RD same rank"], "tCCD_L reads");
    expect_binds(d, after(kWrite), write_group,
                 limit[grouped ? "WR WR same bank group" : "WR WR same rank"], "tCCD_L writes");
    expect_binds(d, after(kRead), write_rank, limit["RD WR same rank"], "read to write");
    expect_binds(d, after(kWrite), read_rank, limit["WR RD same rank"], "tWTR_S");
    expect_binds(d, after(kWrite), read_group,
                 limit[grouped ? "WR RD same bank group" : "WR RD same rank"], "tWTR_L");
    expect_binds(d, after(kRead), on(kPrecharge, 0, 0), limit["RD PRE same bank"], "tRTP");
    expect_binds(d, after(kWrite), on(kPrecharge, 0, 0), limit["WR PRE same bank"], "tWR");
    expect_binds(d, after(kRead), on(kPrechargeAll, 0, 0), limit["RD PRE same bank"], "tRTP");
    expect_binds(d, after(kWrite), on(kPrechargeAll, 0, 0), limit["WR PRE same bank"], "tWR");
  }
}

TEST(TimingRules, JedecLpddr4AddsItsTerms) {
  const Device d = load_device("lpddr4_3200_jedec");
  // RL + tDQSCK + BL/2 - WL + tWPRE + tRPST = 28 + 6 + 8 - 14 + 2 + 0
  EXPECT_EQ(d.rules.read_write_rank, 30u);
  // WL + 1 + BL/2 + tWTR = 14 + 1 + 8 + 16
  EXPECT_EQ(d.rules.write_read_rank, 39u);
  // tRTP + BL/2 - 6 = 12 + 8 - 6
  EXPECT_EQ(d.rules.read_pre, 14u);
  // 2 + WL + 1 + BL/2 + tWR = 2 + 14 + 1 + 8 + 29
  EXPECT_EQ(d.rules.write_pre, 54u);
  // tRAS + 2, tRPpb - 2, tRPab - 2, tRFCab - 2, tRCpb + 2
  EXPECT_EQ(d.rules.act_pre, 70u);
  EXPECT_EQ(d.rules.pre_act, 27u);
  EXPECT_EQ(d.rules.prea_act, 32u);
  EXPECT_EQ(d.rules.ref_act, 446u);
  EXPECT_EQ(d.rules.act_ref, 99u);
  EXPECT_EQ(d.timing.read_latency(), 28u + 6 + 8);
  // ACT occupies the bus for four cycles, PRE for two, and precharges keep tPPD = 4.
  const IssuedCommand act = on(kActivate, 0, 0);
  expect_binds(d, {{0, on(kActivate, 0, 1)}, {kLater, act}}, on(kRead, 0, 1), 4, "ACT length");
  expect_binds(d, {{0, act}, {kLater, on(kActivate, 0, 1)}, {2 * kLater, on(kPrecharge, 0, 0)}},
               on(kPrecharge, 0, 1), 4, "tPPD");
  expect_binds(d, {{0, act}, {kLater, on(kActivate, 0, 1)}, {2 * kLater, on(kPrecharge, 0, 0)}},
               on(kRead, 0, 1), 2, "PRE length");
}

TEST(TimingRules, JedecHbm2ActTakesEffectInItsSecondCycle) {
  const Device d = load_device("hbm2_pc_jedec");
  EXPECT_EQ(d.rules.act_read, 15u);
  EXPECT_EQ(d.rules.act_write, 13u);
  EXPECT_EQ(d.rules.act_pre, 35u);
  EXPECT_EQ(d.rules.pre_act, 13u);
  EXPECT_EQ(d.rules.ref_act, 259u);
  // The row bus is taken for two cycles, the column bus is not.
  const std::vector<std::pair<DramCycle, IssuedCommand>> open = {
      {0, on(kActivate, 0, 0)}, {100, on(kActivate, 1, 0)}, {kLater, on(kActivate, 2, 0)}};
  expect_binds(d, open, on(kPrecharge, 1, 0), 2, "ACT length");
  auto same_cycle = open;
  same_cycle.push_back({kLater, on(kRead, 0, 0)});
  EXPECT_TRUE(accepted(d, same_cycle));
}

TEST(TimingRules, PerBankRefreshBinds) {
  for (const char* name : {"lpddr4_3200", "hbm2_pc", "lpddr5_6400"}) {
    const Device d = load_device(name);
    const IssuedCommand refresh = on(kRefreshBank, 0, 0);
    expect_binds(d, {{0, refresh}}, on(kActivate, 0, 0), d.timing.rfc_pb, "tRFCpb");
    expect_binds(d, {{0, refresh}}, on(kRefreshBank, 0, 1), d.timing.pb_to_pb, "REFPB to REFPB");
    expect_binds(d, {{0, refresh}}, on(kActivate, 0, 1), d.timing.pb_to_act, "REFPB to ACT");
    expect_binds(d, {{0, on(kActivate, 0, 1)}}, refresh, d.rules.act_refpb_rank, "ACT to REFPB");
  }
}

TEST(TimingRules, RanksKeepTheBusTurnaround) {
  const Device d = load_device("ddr4_2400", {.ranks = 2});
  std::vector<std::pair<DramCycle, IssuedCommand>> open = {{0, on(kActivate, 0, 0, 0)},
                                                           {kLater, on(kActivate, 0, 0, 1)}};
  const auto after = [&](CommandKind kind) {
    auto history = open;
    history.push_back({2 * kLater, on(kind, 0, 0, 0)});
    return history;
  };
  // BL/2 + tRTRS = 4 + 2; CL + BL/2 + tRTRS - CWL = 11; CWL + BL/2 + tRTRS - CL = 1
  expect_binds(d, after(kRead), on(kRead, 0, 0, 1), 6, "RD to RD");
  expect_binds(d, after(kWrite), on(kWrite, 0, 0, 1), 6, "WR to WR");
  expect_binds(d, after(kRead), on(kWrite, 0, 0, 1), 11, "RD to WR");
  expect_binds(d, after(kWrite), on(kRead, 0, 0, 1), 1, "WR to RD");
}

TEST(TimingChecker, ReportsWrongRowStates) {
  const Device d = load_device("ddr4_2400");
  EXPECT_FALSE(accepted(d, {{0, on(kRead, 0, 0)}}));
  EXPECT_FALSE(accepted(d, {{0, on(kActivate, 0, 0)}, {kLater, on(kActivate, 0, 0)}}));
  EXPECT_FALSE(accepted(d, {{0, on(kActivate, 0, 0)}, {kLater, on(kRefresh, 0, 0)}}));
  IssuedCommand other_row = on(kRead, 0, 0);
  other_row.row = 2;
  EXPECT_FALSE(accepted(d, {{0, on(kActivate, 0, 0)}, {kLater, other_row}}));
}

TEST(TimingChecker, ReportsOwedRefreshes) {
  const Device d = load_device("ddr4_2400");
  // At 10 tREFI nine refreshes may be owed but not ten.
  EXPECT_TRUE(accepted(d, {{0, on(kActivate, 0, 0)}, {10 * 9360 - 1, on(kRead, 0, 0)}}));
  EXPECT_FALSE(accepted(d, {{0, on(kActivate, 0, 0)}, {10 * 9360, on(kRead, 0, 0)}}));
}

TEST(BankTimers, AgreeWithTheCheckerOnRandomTraffic) {
  for (const auto& name : list_devices()) {
    for (const char* policy : {"r", "r-rowhit", "d", "d-unified", "default"}) {
      for (const std::uint32_t ranks : {1u, 2u}) {
        SCOPED_TRACE(name + " " + policy);
        const Device device = load_device(name, {.ranks = ranks});
        if (device.geometry.banks() > 32 && ranks == 2) continue;
        Channel channel({.device = device, .mapping = "B", .policy = policy_from_name(policy)});
        TimingChecker checker(device);
        channel.set_listener(&checker);
        RandomRequests source({.count = 20000,
                               .seed = 11,
                               .capacity_bytes = channel.mapping().capacity_bytes(),
                               .burst_bytes = channel.burst_bytes()});
        const TraceSummary summary = run_trace(channel, source);
        EXPECT_EQ(checker.violations(), 0u)
            << (checker.messages().empty() ? "" : checker.messages().front());
        // Policy d leaves up to eight writes behind, the others none.
        EXPECT_GE(summary.completed + (std::string(policy) == "d" ? 8 : 0), summary.offered);
        EXPECT_EQ(channel.stats().bus.total(), channel.stats().last_data_end);
      }
    }
  }
}

TEST(BankTimers, AgreeWithTheCheckerUnderEveryRefreshAndPagePolicy) {
  for (const char* name :
       {"lpddr4_3200_jedec", "hbm2_pc_jedec", "lpddr5_6400", "hbm3_pc", "gddr6"}) {
    for (const RefreshMode refresh : {RefreshMode::kAllBank, RefreshMode::kPerBank}) {
      for (const PagePolicy page : {PagePolicy::kOpen, PagePolicy::kClosed}) {
        for (const std::uint32_t postponed : {0u, 8u}) {
          SCOPED_TRACE(name);
          ChannelConfig config{.device = load_device(name), .mapping = "B"};
          config.fr_fcfs.refresh = refresh;
          config.fr_fcfs.page = page;
          config.fr_fcfs.postponed_refreshes = postponed;
          Channel channel(config);
          TimingChecker checker(config.device);
          channel.set_listener(&checker);
          RandomRequests source({.count = 20000,
                                 .seed = 5,
                                 .capacity_bytes = channel.mapping().capacity_bytes(),
                                 .burst_bytes = channel.burst_bytes(),
                                 .mean_gap_cycles = postponed > 0 ? 20.0 : 0.0});
          const TraceSummary summary = run_trace(channel, source);
          EXPECT_EQ(checker.violations(), 0u)
              << (checker.messages().empty() ? "" : checker.messages().front());
          EXPECT_EQ(summary.completed, summary.offered);
          const auto refreshes = channel.stats().count(
              refresh == RefreshMode::kPerBank ? CommandKind::kRefreshBank : CommandKind::kRefresh);
          EXPECT_GT(refreshes, 0u);
        }
      }
    }
  }
}

}  // namespace
}  // namespace tessera::dram
