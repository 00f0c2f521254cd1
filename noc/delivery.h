// What happens at the edge of the network, for those who inject and for those who only watch.
#pragma once

#include <cstdint>
#include <span>

#include "noc/topology/topology.h"
#include "sim/base/types.h"

namespace tessera::noc {

using SumId = std::uint32_t;
inline constexpr SumId kNoSum = ~SumId{0};

/// One packet; `destinations` has one entry for unicast, several for multicast.
struct PacketRequest {
  NodeId source = 0;
  std::span<const NodeId> destinations;
  std::uint32_t flits = 1;
  std::uint8_t virtual_network = 0;
  std::uint64_t tag = 0;
  SumId sum = kNoSum;              ///< a term of this sum; the destination is its adder
  std::uint8_t traffic_class = 0;  ///< below `traffic_classes` of the configuration
};

/// Packets of the same length that the adder of a router adds up; the sum leaves it as one packet.
struct SumRequest {
  NodeId adder = 0;
  std::uint32_t terms = 2;
  std::uint32_t flits = 1;
  NodeId destination = 0;  ///< a node, or the next adder
  std::uint8_t virtual_network = 0;
  SumId into = kNoSum;  ///< the sum is itself a term of this one
  std::uint64_t tag = 0;
  std::uint8_t traffic_class = 0;
};

/// Receives what happens to packets, in ascending cycles; within a cycle first the injections, then
/// the arrivals, each by node. It may inject further packets from inside a call. Adders inject the
/// sums they make; that they have read a term is not reported.
class PacketSink {
 public:
  virtual ~PacketSink() = default;
  /// The tail flit left the source queue.
  virtual void packet_injected(std::uint64_t tag, NodeId source, Cycle cycle) = 0;
  /// The tail flit was read by the node.
  virtual void packet_arrived(std::uint64_t tag, NodeId destination, Cycle cycle) = 0;
};

/// The life of a packet as its destination sees it, in cycles.
struct Delivery {
  std::uint64_t tag = 0;
  NodeId source = 0;
  NodeId destination = 0;
  std::uint32_t flits = 0;
  std::uint8_t virtual_network = 0;
  std::uint32_t routers_visited = 0;
  Cycle created = 0;           ///< cycle of inject()
  Cycle head_left_source = 0;  ///< head flit left the source queue
  Cycle arrived = 0;           ///< tail flit read by the destination
  Cycle zero_load_cycles = 0;  ///< from creation to arrival in an empty network

  Cycle latency() const { return arrived - created; }
  /// Cycles in the source queue beyond the one every packet spends there.
  Cycle source_queueing() const { return head_left_source - created - 1; }
  Cycle contention() const { return latency() - source_queueing() - zero_load_cycles; }
};

/// Watches packets come and go; the network runs the same with and without. Packets on behalf of
/// reductions (tags of Reducer::is_term) are seen too.
class DeliveryObserver {
 public:
  virtual ~DeliveryObserver() = default;
  /// A packet joins its source queue.
  virtual void injected(Cycle, const PacketRequest&) {}
  virtual void delivered(const Delivery& delivery) = 0;
  /// A term of reduction `tag` joins its source queue.
  virtual void term_injected(Cycle, std::uint64_t /*tag*/, const PacketRequest&) {}
  /// All terms of reduction `tag` have been added up at the node that wants them.
  virtual void sum_delivered(Cycle, std::uint64_t /*tag*/, NodeId) {}
};

}  // namespace tessera::noc
