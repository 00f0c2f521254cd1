// The event-driven channel against a tick-every-cycle implementation on random devices and traces.
#include "tests/hw_models/dram/oracle.h"

#include <gtest/gtest.h>

#include "hw_models/dram/timing_checker.h"
#include "sim/base/random.h"

namespace tessera::dram {
namespace {

std::uint32_t pick(Random& random, std::uint32_t low, std::uint32_t high) {
  return static_cast<std::uint32_t>(random.between(low, high));
}

/// Small devices with odd timings and refreshes every few hundred cycles, so that short traces meet
/// every rule.
proto::Device random_device(Random& random) {
  proto::Device d;
  d.set_name("random");
  auto& g = *d.mutable_geometry();
  g.set_ranks(random.bernoulli(0.3) ? 2 : 1);
  g.set_bank_groups(1u << pick(random, 0, 2));
  g.set_banks_per_group(1u << pick(random, 0, 2));
  g.set_rows(8);
  g.set_bursts_per_row(8);
  g.set_burst_bytes(64);
  g.set_bus_bits(64);
  g.set_device_bits(8);
  g.set_separate_column_bus(random.bernoulli(0.4));
  auto& t = *d.mutable_timing();
  t.set_clock_ps(1000);
  t.set_burst(random.bernoulli(0.5) ? 4 : 2);
  t.set_cl(pick(random, 8, 20));
  t.set_cwl(pick(random, 4, 8));
  t.set_rcd_rd(pick(random, 4, 16));
  t.set_rcd_wr(pick(random, 4, 16));
  t.set_rp(pick(random, 4, 16));
  t.set_ras(t.rcd_rd() + pick(random, 2, 20));
  t.set_rc(t.ras() + pick(random, 0, 16));
  t.set_rrd_s(pick(random, 1, 6));
  t.set_rrd_l(t.rrd_s() + pick(random, 0, 4));
  t.set_faw(t.rrd_s() * 4 + pick(random, 0, 12));
  t.set_ccd_s(pick(random, 2, 4));
  t.set_ccd_l(t.ccd_s() + pick(random, 0, 4));
  t.set_wtr_s(pick(random, 1, 6));
  t.set_wtr_l(t.wtr_s() + pick(random, 0, 6));
  t.set_wr(pick(random, 4, 16));
  t.set_rtp(pick(random, 2, 8));
  t.set_rtrs(pick(random, 1, 3));
  t.set_rfc(pick(random, 30, 80));
  t.set_refi(pick(random, 300, 600));
  t.set_rfc_pb(pick(random, 10, 30));
  t.set_pb_to_pb(pick(random, 4, 30));
  t.set_pb_to_act(pick(random, 1, 8));
  if (random.bernoulli(0.5)) {
    auto& x = *d.mutable_bus_terms();
    x.set_act_length(pick(random, 1, 4));
    x.set_pre_length(pick(random, 1, 2));
    x.set_refresh_length(pick(random, 1, 2));
    x.set_act_to_column(pick(random, 0, 2));
    x.set_act_to_pre(pick(random, 0, 2));
    x.set_pre_to_act(-static_cast<int>(pick(random, 0, 2)));
    x.set_read_to_pre(pick(random, 0, 2));
    x.set_write_to_pre(pick(random, 0, 3));
    x.set_read_to_write(pick(random, 0, 4));
    x.set_write_to_read(pick(random, 0, 2));
    x.set_rp_all_bank(pick(random, 0, 4));
    x.set_pre_to_pre(pick(random, 0, 4));
    x.set_read_data_delay(pick(random, 0, 3));
  }
  auto& c = *d.mutable_currents();
  c.set_access_pj_per_bit(1);
  c.set_source("none");
  return d;
}

std::vector<TraceRequest> random_trace(Random& random, const Device& device) {
  const std::uint32_t count = pick(random, 20, 160);
  const double write_fraction = random.uniform();
  const std::uint64_t region = device.geometry.capacity_bytes() / 64 >> pick(random, 0, 3);
  const double gap = random.bernoulli(0.5) ? 0 : 1 + 20 * random.uniform();
  const double sequential = random.uniform();
  std::vector<TraceRequest> requests;
  DramCycle now = 0;
  std::uint64_t burst = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    burst = random.bernoulli(sequential) ? (burst + 1) % region : random.below(region);
    requests.push_back({random.bernoulli(write_fraction), burst * 64, now});
    if (gap > 0) now += random.geometric(1 / gap);
    if (random.bernoulli(0.01)) now += 1500;  // idle long enough for several refreshes
  }
  return requests;
}

FrFcfsOptions random_options(Random& random) {
  FrFcfsOptions o;
  o.read_depth = pick(random, 4, 40);
  o.write_depth = pick(random, 4, 40);
  o.write_high = pick(random, 2, o.write_depth);
  o.write_opportune = pick(random, 1, o.write_depth);
  o.write_low = pick(random, 0, o.write_high - 1);
  o.read_phase = pick(random, 1, 20);
  o.age_cap = pick(random, 20, 400);
  o.page = random.bernoulli(0.3) ? PagePolicy::kClosed : PagePolicy::kOpen;
  o.refresh = random.bernoulli(0.3) ? RefreshMode::kPerBank : RefreshMode::kAllBank;
  o.postponed_refreshes = random.bernoulli(0.3) ? pick(random, 1, 8) : 0;
  return o;
}

class Recorder final : public CommandListener {
 public:
  void issued(const IssuedCommand& command) override { commands.push_back(command); }
  std::vector<IssuedCommand> commands;
};

std::string text_of(const IssuedCommand& c) {
  return std::to_string(c.cycle) + " " + command_name(c.kind) + " " + std::to_string(c.rank) + " " +
         std::to_string(c.bank_group) + " " + std::to_string(c.bank) + " " + std::to_string(c.row) +
         " " + std::to_string(c.column);
}

/// First difference as text, empty when one is a prefix of the other up to `end`.
std::string difference(const std::vector<IssuedCommand>& fast,
                       const std::vector<IssuedCommand>& slow) {
  for (std::size_t i = 0; i < std::max(fast.size(), slow.size()); ++i) {
    const std::string a = i < fast.size() ? text_of(fast[i]) : "nothing";
    const std::string b = i < slow.size() ? text_of(slow[i]) : "nothing";
    if (a == b) continue;
    std::string before;
    for (std::size_t k = i - std::min<std::size_t>(i, 12); k < i; ++k)
      before += "\n  " + text_of(slow[k]);
    return "command " + std::to_string(i) + ": " + a + " instead of " + b + " after" + before;
  }
  return "";
}

const char* const kMappings[] = {"A", "B", "C", "row,rank,bank^row,group^row@1,column"};

void compare(Policy policy, std::uint64_t traces, std::uint64_t seed) {
  constexpr DramCycle kLimit = 200'000;
  for (std::uint64_t trace = 0; trace < traces; ++trace) {
    SCOPED_TRACE("trace " + std::to_string(trace));
    Random random(seed + trace);
    ChannelConfig config;
    config.device = device_from_proto(random_device(random), "random device");
    config.mapping = kMappings[random.below(4)];
    config.policy = policy;
    config.fr_fcfs = random_options(random);
    const auto requests = random_trace(random, config.device);
    Channel channel(config);
    Recorder recorder;
    channel.set_listener(&recorder);
    run_trace(channel, requests);
    const auto slow = oracle::run(config, requests, kLimit);
    // A channel that has become idle leaves refreshes for later; the other ticks its last cycle
    // out.
    if (!slow.empty()) channel.finish(slow.back().cycle + 1);
    ASSERT_EQ(difference(recorder.commands, slow), "")
        << config.device.geometry.ranks << " ranks, separate "
        << config.device.geometry.separate_column_bus;
    EXPECT_EQ(channel.stats().bus.total(), channel.stats().last_data_end);
  }
}

TEST(AgainstOracle, PolicyR) { compare(Policy::kRamulator, 1000, 1000000); }
TEST(AgainstOracle, PolicyRRowHit) { compare(Policy::kRamulatorRowHit, 500, 2000000); }
TEST(AgainstOracle, PolicyD) { compare(Policy::kDramsim, 3000, 3000000); }
TEST(AgainstOracle, PolicyDUnified) { compare(Policy::kDramsimUnified, 500, 4000000); }
TEST(AgainstOracle, PolicyDefault) { compare(Policy::kDefault, 3000, 5000000); }

}  // namespace
}  // namespace tessera::dram
