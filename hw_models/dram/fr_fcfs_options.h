// What can be chosen about the default policy.
#pragma once

#include <cstdint>

#include "hw_models/dram/command.h"
#include "hw_models/dram/device.h"

namespace tessera::dram {

enum class PagePolicy {
  kOpen,   ///< a row stays open until another row of its bank is wanted
  kClosed  ///< a row is closed as soon as no waiting request hits it
};

enum class RefreshMode {
  kAllBank,  ///< one REF per interval closes and stops the whole rank
  kPerBank   ///< banks take turns, each stopping only itself
};

/// Buffers, thresholds and refresh of FrFcfsController. The defaults gave at least the bandwidth of
/// the better of Ramulator 2.1 and DRAMsim3 on 127 of the 139 validation traces; see docs/dram.md.
struct FrFcfsOptions {
  std::uint32_t read_depth = 64;
  std::uint32_t write_depth = 64;
  /// A write phase begins when this many writes wait, or no read, or when `write_opportune` writes
  /// wait and no more reads than that.
  std::uint32_t write_high = 60;
  std::uint32_t write_opportune = 16;
  /// With reads waiting, a write phase ends when this few writes wait or it has served
  /// `write_depth`.
  std::uint32_t write_low = 4;
  /// A read phase serves at least this many waiting reads, so that a flood of writes cannot stop
  /// them.
  std::uint32_t read_phase = 16;
  /// Cycles after which a request no longer waits for younger ones.
  DramCycle age_cap = 2048;
  PagePolicy page = PagePolicy::kOpen;
  RefreshMode refresh = RefreshMode::kAllBank;
  /// Refreshes that may be put off while requests wait; JEDEC allows up to 8. Per-bank refreshes
  /// count as fractions of one.
  std::uint32_t postponed_refreshes = 0;
};

/// By name: open, closed; all-bank, per-bank. UserError lists the names.
PagePolicy page_policy_from_name(const std::string& name);
RefreshMode refresh_mode_from_name(const std::string& name);

/// Changes the depth of the write buffer; watermarks keep their share of it.
void set_write_depth(FrFcfsOptions& options, std::uint32_t depth);

/// UserError naming the option when the options contradict each other or the device.
void check_options(const FrFcfsOptions& options, const Device& device);

/// Cycles within which the default policy serves any read, from acceptance to its column command,
/// no matter what else is offered. A worst case by counting: after `age_cap` cycles at most
/// `read_depth` reads and the write phases between them come first, each taking a full row cycle in
/// one bank, and refreshes take their share of the time.
DramCycle read_wait_bound(const FrFcfsOptions& options, const Device& device);

}  // namespace tessera::dram
