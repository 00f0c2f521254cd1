#include "hw_models/dram/fr_fcfs_options.h"

#include <algorithm>

#include "sim/base/error.h"

namespace tessera::dram {

namespace {

void require(bool holds, const char* option, std::uint64_t value, const char* allowed) {
  if (!holds) throw UserError("DRAM option ", option, " = ", value, ": ", allowed);
}

}  // namespace

PagePolicy page_policy_from_name(const std::string& name) {
  if (name == "open") return PagePolicy::kOpen;
  if (name == "closed") return PagePolicy::kClosed;
  throw UserError("DRAM page policy '", name, "': allowed: open, closed");
}

RefreshMode refresh_mode_from_name(const std::string& name) {
  if (name == "all-bank") return RefreshMode::kAllBank;
  if (name == "per-bank") return RefreshMode::kPerBank;
  throw UserError("DRAM refresh '", name, "': allowed: all-bank, per-bank");
}

void set_write_depth(FrFcfsOptions& options, std::uint32_t depth) {
  const FrFcfsOptions defaults;
  options.write_depth = depth;
  options.write_high = std::max(1u, depth * defaults.write_high / defaults.write_depth);
  options.write_low = depth * defaults.write_low / defaults.write_depth;
  options.write_opportune = std::max(1u, depth * defaults.write_opportune / defaults.write_depth);
}

void check_options(const FrFcfsOptions& o, const Device& device) {
  constexpr std::uint32_t kDeepest = 1024;
  require(o.read_depth > 0 && o.read_depth <= kDeepest, "read_depth", o.read_depth, "1 to 1024");
  require(o.write_depth > 0 && o.write_depth <= kDeepest, "write_depth", o.write_depth,
          "1 to 1024");
  require(o.write_high > 0 && o.write_high <= o.write_depth, "write_high", o.write_high,
          "1 to write_depth");
  require(o.write_opportune > 0, "write_opportune", o.write_opportune, "must be above 0");
  require(o.write_low < o.write_high, "write_low", o.write_low, "must be below write_high");
  require(o.read_phase > 0, "read_phase", o.read_phase, "must be above 0");
  require(o.postponed_refreshes <= 8, "postponed_refreshes", o.postponed_refreshes, "0 to 8");
  require(o.refresh == RefreshMode::kAllBank || device.timing.rfc_pb > 0, "refresh per bank",
          device.timing.rfc_pb, "needs a device with rfc_pb");
}

DramCycle read_wait_bound(const FrFcfsOptions& o, const Device& device) {
  const TimingRules& r = device.rules;
  const DramCycle turn = std::max({r.read_write_rank, r.write_read_group, r.write_read_rank});
  const DramCycle row_cycle =
      std::max<DramCycle>(r.act_act_bank, r.act_write + r.write_pre + r.pre_act) + turn;
  const DramCycle write_phases = ceil_div(o.read_depth, o.read_phase) + 1;
  const DramCycle bursts = o.read_depth + write_phases * o.write_depth;
  const DramCycle busy = o.age_cap + bursts * row_cycle;
  // While a refresh is due, its hits drain and it executes; nothing else is promised in that time.
  const DramCycle refresh = r.prea_ref + r.ref_act + o.read_depth * turn;
  const DramCycle refreshes =
      (busy / (device.timing.refi - device.timing.rfc) + 2) * (1 + o.postponed_refreshes);
  return busy + refreshes * refresh;
}

}  // namespace tessera::dram
