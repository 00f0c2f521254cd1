// The network's state as flat arrays: wires (links, injection and ejection) and their virtual
// channels.
#pragma once

#include <cstdint>
#include <vector>

#include "noc/config.h"
#include "noc/grant_log.h"
#include "noc/packet.h"
#include "noc/topology/topology.h"

namespace tessera::noc {

using WireId = std::uint32_t;
using ChannelId = std::uint32_t;  // wire << vc_bits, plus vc

/// A link between routers, or between a node and its router, with the allocation state of the
/// output port that drives it and of the input port it ends at.
struct alignas(64) Wire {
  std::uint64_t owned_vcs = 0;      ///< output: virtual channels held by a packet
  std::uint64_t switch_vcs = 0;     ///< input: channels that can use the switch in this cycle
  std::uint64_t head_vcs = 0;       ///< input: heads that request an output channel in this cycle
  std::uint64_t asleep_vcs = 0;     ///< input: heads that wait until an output channel becomes free
  std::uint64_t waiting_ports = 0;  ///< output: input ports with heads asleep for it
  Cycle free_at = 0;                ///< output: first cycle a narrow link takes its next flit
  LinkId link = kNoLink;            ///< of the topology; none for injection and ejection
  std::uint32_t driver = kNone;     ///< router, or node of an injection wire
  std::uint32_t sink = kNone;       ///< router, or node of an ejection wire
  std::uint32_t run_out = kNone;    ///< output: input channel whose run uses it
  std::uint32_t run_in = kNone;     ///< input: channel whose run it feeds to the switch
  std::uint32_t held_in = kNone;    ///< input: channel that holds the switch
  std::uint32_t held_out = kNone;   ///< output: input channel that holds it
  std::uint16_t grant_pointer = 0;  ///< output: next input port in turn
  std::uint16_t accept_pointer = 0;  ///< input: next output port in turn
  std::uint16_t vc_pointer = 0;      ///< input: next of its channels in turn for one output
  std::uint16_t interval = 1;        ///< cycles a flit occupies the link
  std::uint8_t flit_lag = 0;         ///< cycles from grant to arrival at the other end
  std::uint8_t credit_lag = 0;       ///< cycles from grant at the other end to a usable credit
  std::uint8_t output_port = 0;      ///< port number at the driving router
  std::uint8_t input_port = 0;       ///< port number at the receiving router
  std::uint64_t vc_grants = 0;       ///< output: heads that were given a channel
  bool from_node = false;
  bool to_node = false;  ///< credits follow from its own grants: credit_lag counts from those
};

enum class ChannelState : std::uint8_t { kIdle, kHead, kActive };
enum class FlitWait : std::uint8_t { kNo, kBody, kHead };

struct QueuedPacket {
  PacketId packet = kNone;
  std::uint32_t tree_node = kNone;
};

/// One virtual channel of a wire: what went in, what came out, and the packet at its front.
struct alignas(64) Channel {
  GrantLog sent;   ///< flits granted into the wire
  GrantLog freed;  ///< flits granted out of the buffer at its end
  // The packet at the front of the buffer, as the receiving router handles it.
  std::uint64_t out_vcs = 0;         ///< candidate virtual channels of `out_wire`
  Cycle horizon = kNever;            ///< running: cycle in which the run is looked at again
  Cycle run_start = 0;               ///< running: cycle of its first flit
  Cycle stalled_since = kNever;      ///< has a flit and no credit since
  WireId out_wire = kNone;           ///< first choice
  ChannelId out = kNone;             ///< output channel, when active and unicast
  std::uint32_t remaining = 0;       ///< flits of the packet not yet granted
  std::uint32_t flits_known = 0;     ///< active: at least so many flits are in the buffer
  std::uint32_t credits_known = 0;   ///< active: at least so many credits are left
  std::uint32_t fork = kNone;        ///< multicast: entry of the fork store
  std::uint32_t owner = kNone;       ///< input channel (or source) whose packet holds this channel
  std::uint16_t grant_pointer = 0;   ///< as output channel
  std::uint16_t accept_pointer = 0;  ///< as input channel
  std::uint8_t choices = 0;          ///< candidates, the first inline
  ChannelState state = ChannelState::kIdle;
  FlitWait flit_wait = FlitWait::kNo;
  bool credit_wait = false;
  bool room_wait = false;
  bool sent_running = false;
  bool run_to_tail = false;    ///< running: the horizon comes after the tail
  bool freed_running = false;  ///< a run takes flits out of the buffer
  /// The flits of the packet that went in last follow its head cycle by cycle, as far as one can
  /// know.
  bool contiguous = false;
  std::uint16_t input_index = 0;   ///< port and number among the input channels of its router
  std::uint16_t output_index = 0;  ///< the same among the output channels
  // Packets in the buffer or on their way to it: the oldest here, the others in the fabric's ring.
  QueuedPacket front;
  std::uint32_t ring_front = 0;
  std::uint32_t packets = 0;
};

/// Ports of one router as ranges of wires.
struct RouterPorts {
  std::uint32_t first_input = 0;  ///< input wires are consecutive
  std::uint32_t inputs = 0;
  std::uint32_t first_output = 0;  ///< into Fabric::output_wires
  std::uint32_t outputs = 0;
  std::uint64_t switch_ports = 0;  ///< inputs with channels that can use the switch
  std::uint64_t head_ports = 0;    ///< inputs with heads that request a channel
};

/// Flat arrays built from a topology; behaviour is in the engine.
struct Fabric {
  Fabric(const NetworkConfig& config, const Topology& topology);

  WireId wire_of(ChannelId channel) const { return channel >> vc_bits; }
  std::uint32_t vc_of(ChannelId channel) const { return channel & ((1u << vc_bits) - 1); }
  ChannelId channel_of(WireId wire, std::uint32_t vc) const { return (wire << vc_bits) + vc; }

  void push(ChannelId channel, QueuedPacket packet);
  void pop(ChannelId channel);
  /// Packet number `index` of a channel, 0 the oldest.
  QueuedPacket queued(ChannelId channel, std::uint32_t index) const;

  std::uint32_t vcs;
  std::uint32_t vc_bits;  ///< channels are padded to a power of two per wire
  std::uint32_t ring_capacity;
  std::vector<RouterPorts> routers;
  std::vector<Wire> wires;  // inputs of all routers, then ejection wires in node order
  std::vector<Channel> channels;
  std::vector<WireId> output_wires;
  std::vector<QueuedPacket> rings;
  std::vector<WireId> link_wires;       // by link
  std::vector<WireId> injection_wires;  // by node
  std::vector<WireId> ejection_wires;   // by node

 private:
  void add_inputs(const Topology& topology, RouterId router);
  void add_outputs(const NetworkConfig& config, const Topology& topology, RouterId router);
  void set_link_lags(const NetworkConfig& config, const Link& link, WireId wire);
};

}  // namespace tessera::noc
