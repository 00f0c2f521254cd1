// A second, slow implementation of the three policies that ticks every cycle: requests in plain
// lists, readiness by looking back at every recent command. What the event-driven channel is
// compared with.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "hw_models/dram/channel.h"
#include "hw_models/dram/request_trace.h"

namespace tessera::dram::oracle {

struct Waiting {
  std::uint64_t age = 0;
  DramCycle accepted = 0;
  bool is_write = false;
  Location at;
};

/// Devices by history: a command is legal when every pair with an earlier command keeps its gap.
class Devices {
 public:
  explicit Devices(const Device& device) : device_(device), open_(device.geometry.banks(), -1) {}

  bool legal(const IssuedCommand& command) const;
  void issue(const IssuedCommand& command);

  std::int64_t open_row(std::uint32_t bank) const { return open_[bank]; }
  std::uint32_t banks() const { return static_cast<std::uint32_t>(open_.size()); }
  std::uint32_t rank_of(std::uint32_t bank) const {
    return bank / device_.geometry.banks_per_rank();
  }
  bool any_open(std::uint32_t rank) const;
  IssuedCommand on_bank(CommandKind kind, std::uint32_t bank) const;
  const std::vector<IssuedCommand>& log() const { return log_; }
  const Device& device() const { return device_; }

 private:
  Device device_;
  std::vector<std::int64_t> open_;
  std::vector<IssuedCommand> log_;
};

class Policy {
 public:
  explicit Policy(const Device& device) : devices_(device) {}
  virtual ~Policy() = default;
  virtual bool room(bool is_write) const = 0;
  virtual void accept(DramCycle now, const Waiting& request) = 0;
  virtual void tick(DramCycle now) = 0;
  virtual bool drained() const = 0;
  const Devices& devices() const { return devices_; }

 protected:
  bool send(DramCycle now, CommandKind kind, const Location& at);
  bool send(DramCycle now, IssuedCommand command);

  Devices devices_;
};

std::unique_ptr<Policy> make_policy(const ChannelConfig& config);

/// Runs until nothing is left to do, or `limit`.
std::vector<IssuedCommand> run(const ChannelConfig& config,
                               const std::vector<TraceRequest>& requests, DramCycle limit);

}  // namespace tessera::dram::oracle
