// What DRAM interfaces and shared buffers tell those who watch them.
#pragma once

#include "hw_models/tile/message.h"

namespace tessera::hw {

/// A read or write of one granule's share of a channel. Cycles of the chip clock.
struct OrderEvent {
  std::size_t channel = 0;
  std::uint64_t number = 0;  ///< of the order at this interface, from 1
  bool is_write = false;
  const Order* order = nullptr;  ///< during the call only
  Cycle cycle = 0;
};

/// Hears of the orders of a DRAM interface; commands are told to the channel's own
/// dram::CommandListener.
class InterfaceObserver {
 public:
  virtual ~InterfaceObserver() = default;
  /// The order's first burst went into the channel's queue.
  virtual void order_began(const OrderEvent& /*event*/) {}
  /// Its last burst has been transferred.
  virtual void order_ended(const OrderEvent& /*event*/) {}
};

/// Hears of what a shared buffer holds.
class SharedBufferObserver {
 public:
  virtual ~SharedBufferObserver() = default;
  /// From `now` on, `bytes` have been written whose last reader is not done with them. Told when
  /// they change.
  virtual void shared_occupancy(std::size_t /*buffer*/, Cycle /*now*/, Bytes /*bytes*/) {}
};

}  // namespace tessera::hw
