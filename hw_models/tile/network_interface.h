// The interface of a node to the network: cuts messages into packets and learns when they have
// left.
#pragma once

#include <map>
#include <span>
#include <utility>

#include "hw_models/tile/message.h"

namespace tessera::hw {

/// Where packets go. Implemented by the machine; one flit of head per packet, the rest payload.
class PacketPort {
 public:
  virtual ~PacketPort() = default;
  /// One packet to all destinations, as a multicast where the network forks packets and one copy
  /// each otherwise. The number of copies tells how often the sender will hear that a packet left.
  virtual int send(Cycle now, Message message, std::span<const NodeId> destinations) = 0;
};

/// Packetises what its node sends and counts what has left; the queue that packets wait in is the
/// network model's and has no end. Leaves out: assembling on the receiving side, where a message is
/// seen when its tail has been read.
class NetworkInterface {
 public:
  NetworkInterface(NodeId node, Bytes max_payload_bytes, PacketPort& port)
      : node_(node), max_payload_bytes_(max_payload_bytes), port_(port) {}

  void send_control(Cycle now, Message message, NodeId destination) {
    send_control(now, std::move(message), {&destination, 1});
  }
  void send_control(Cycle now, Message message, std::span<const NodeId> destinations);

  /// Sends `bytes` of payload in packets; `values` travel on the last. Returns a ticket for `left`.
  std::uint64_t send_payload(Cycle now, Message message, Bytes bytes,
                             std::span<const NodeId> destinations);

  /// A packet with this ticket has left the source queue.
  void packet_left(std::uint64_t ticket);
  /// True until all packets of the ticket have left.
  bool leaving(std::uint64_t ticket) const { return packets_.contains(ticket); }

  NodeId node() const { return node_; }
  Bytes payload_sent() const { return payload_sent_; }

 private:
  NodeId node_;
  Bytes max_payload_bytes_;
  PacketPort& port_;
  std::uint64_t next_ticket_ = 1;
  std::map<std::uint64_t, int> packets_;  ///< per ticket, packets that have not left
  Bytes payload_sent_ = 0;
};

}  // namespace tessera::hw
