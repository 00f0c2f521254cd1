// One DRAM channel: devices, address mapping and controller behind a request queue.
#pragma once

#include <memory>
#include <string>

#include "hw_models/dram/address_mapping.h"
#include "hw_models/dram/channel_statistics.h"
#include "hw_models/dram/controller.h"
#include "hw_models/dram/device.h"
#include "hw_models/dram/fr_fcfs_controller.h"

namespace tessera::dram {

enum class Policy {
  kRamulator,        ///< `r`: Ramulator 2.1
  kRamulatorRowHit,  ///< `r-rowhit`: same, precharges wait for older row hits
  kDramsim,          ///< `d`: DRAMsim3 with a read queue and a write buffer
  kDramsimUnified,   ///< `d-unified`: DRAMsim3 with one queue
  kDefault,          ///< `default`: our own, see fr_fcfs_controller.h
};

/// Policy by its name on the command line; UserError lists the names.
Policy policy_from_name(const std::string& name);
/// The inverse.
std::string policy_name(Policy policy);

/// Everything a channel is built from, checked.
struct ChannelConfig {
  Device device;
  std::string mapping = "B";
  Policy policy = Policy::kDefault;
  /// Used by the default policy.
  FrFcfsOptions fr_fcfs = {};
};

/// One burst. The address is a byte address inside the channel.
struct Request {
  std::uint64_t id = 0;
  bool is_write = false;
  std::uint64_t address = 0;
};

/// A DRAM channel with its controller. In every cycle of its clock it may accept one request and
/// then does the controller's work; cycles in which nothing can happen need not be visited.
/// Requests to the same address are neither merged nor forwarded: one request in, one burst out.
class Channel {
 public:
  explicit Channel(const ChannelConfig& config);

  bool can_accept(bool is_write) const { return controller_->can_accept(is_write); }
  /// At most once per cycle, before that cycle's visit, and only when can_accept. `now` never
  /// decreases and is at least next_visit's last visited cycle + 1.
  void accept(DramCycle now, const Request& request);
  /// Next cycle that has to be visited; kNever when no request waits. Refreshes of an idle channel
  /// are caught up, each at its own cycle, when the next request comes or at `finish`.
  DramCycle next_visit() const;
  void visit(DramCycle now, CompletionSink& sink);
  /// Does what an idle channel still owes before cycle `end`: call before reading final statistics.
  /// InvariantViolation when requests wait.
  void finish(DramCycle end);

  const ChannelStats& stats() const { return controller_->port().statistics().stats(); }
  const Device& device() const { return config_.device; }
  Policy policy() const { return config_.policy; }
  const DeviceTiming& timing() const { return config_.device.timing; }
  const AddressMapping& mapping() const { return mapping_; }
  std::uint32_t burst_bytes() const { return config_.device.geometry.burst_bytes; }
  bool idle() const { return controller_->idle(); }
  /// nullptr for none; must outlive its use.
  void set_listener(CommandListener* listener) { controller_->port().set_listener(listener); }

 private:
  void catch_up(DramCycle now);

  ChannelConfig config_;
  AddressMapping mapping_;
  std::unique_ptr<Controller> controller_;
  std::uint64_t next_age_ = 0;
  /// First cycle whose work is not yet done.
  DramCycle unvisited_ = 0;
  mutable DramCycle next_event_ = 0;
  mutable bool next_event_known_ = false;
};

}  // namespace tessera::dram
