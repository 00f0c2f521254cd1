// Everything that can be heard of a running machine, in one place.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "hw_models/dram/command.h"
#include "hw_models/memory_interface/dram_interface.h"
#include "hw_models/tile/message.h"
#include "hw_models/tile/tile_observer.h"
#include "noc/statistics.h"

namespace tessera::sim {

/// A packet as it is handed to the network.
struct PacketEvent {
  std::uint64_t id =
      0;  ///< from 1, in the order of sending; copies for several destinations share it
  const hw::Message* message = nullptr;  ///< during the call only
  std::uint32_t flits = 0;
  std::span<const hw::NodeId> destinations;  ///< on arrival the one
  Cycle cycle = 0;
  std::uint32_t copies = 1;  ///< on sending: how often packet_left will be called
};

/// Running totals of the parts that keep them, after everything before `cycle` has happened in the
/// network. DRAM channels are as far as their own clock and commands have come.
struct Sample {
  Cycle cycle = 0;
  bool last = false;  ///< of the run
  const noc::NetworkStats& network;
  const std::vector<std::unique_ptr<hw::DramInterface>>& dram;
};

/// Hears what tiles, network, DRAM and shared buffers do. A machine without observers pays one
/// comparison per event. Calls come in the order of simulation; see the base classes for the
/// meaning of their cycles. Override what is of interest.
class Observer : public hw::TileObserver,
                 public hw::InterfaceObserver,
                 public hw::SharedBufferObserver {
 public:
  /// Handed to the network by its source, whose source queue it joins.
  virtual void packet_sent(const PacketEvent& /*event*/) {}
  /// The tail has left the source queue; once per copy where the network does not fork packets.
  virtual void packet_left(std::uint64_t /*id*/, hw::NodeId /*source*/, Cycle /*cycle*/) {}
  /// The tail has been read by a destination; once per destination.
  virtual void packet_arrived(const PacketEvent& /*event*/) {}
  /// A command went out; its cycle is of the channel's own clock.
  virtual void dram_command(std::size_t /*channel*/, const dram::IssuedCommand& /*command*/) {}
  /// The next cycle before which running totals are wanted; kNever for none. Asked at the start and
  /// after each sample.
  virtual Cycle next_sample() const { return kNever; }
  /// As asked for by next_sample, and once more at the end of the run.
  virtual void sampled(const Sample& /*sample*/) {}
  /// The run is over; nothing happens in `end` or later. Not called for a run that fails.
  virtual void finished(Cycle /*end*/) {}
  /// Whether dram_command is of interest: a listener costs the channel a call per command.
  virtual bool wants_dram_commands() const { return false; }
};

/// Tells several observers in order.
class ObserverList final : public Observer {
 public:
  explicit ObserverList(std::vector<Observer*> observers) : observers_(std::move(observers)) {}

  void instruction_began(const hw::InstructionEvent& event) override;
  void instruction_ended(const hw::InstructionEvent& event) override;
  void spent(mapping::TileId tile, int stage, hw::Cause cause, Cycle begin, Cycle end) override;
  void occupancy(mapping::TileId tile, Cycle now, Bytes bytes) override;
  void shared_occupancy(std::size_t buffer, Cycle now, Bytes bytes) override;
  void order_began(const hw::OrderEvent& event) override;
  void order_ended(const hw::OrderEvent& event) override;
  void packet_sent(const PacketEvent& event) override;
  void packet_left(std::uint64_t id, hw::NodeId source, Cycle cycle) override;
  void packet_arrived(const PacketEvent& event) override;
  void dram_command(std::size_t channel, const dram::IssuedCommand& command) override;
  Cycle next_sample() const override;
  void sampled(const Sample& sample) override;
  void finished(Cycle end) override;
  bool wants_dram_commands() const override;

 private:
  std::vector<Observer*> observers_;
};

}  // namespace tessera::sim
