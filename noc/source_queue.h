// The sending side of a node: a queue per virtual network and one flit per cycle.
#pragma once

#include <cstdint>
#include <vector>

#include "noc/packet.h"

namespace tessera::noc {

/// Unbounded queue of packets of one virtual network at one node.
struct SourceQueue {
  std::vector<PacketId> packets;
  std::size_t first = 0;
  std::uint32_t channel = kNone;  ///< of the packet being sent
  std::uint32_t remaining = 0;    ///< flits of it still to send
  std::uint32_t last_vc = 0;      ///< channel taken last: search starts after it

  bool empty() const { return first == packets.size(); }
  PacketId front() const { return packets[first]; }
  void push(PacketId packet) { packets.push_back(packet); }
  void pop() {
    if (++first == packets.size()) {
      packets.clear();
      first = 0;
    } else if (first > 64 && 2 * first > packets.size()) {
      packets.erase(packets.begin(), packets.begin() + static_cast<std::ptrdiff_t>(first));
      first = 0;
    }
  }
};

/// Injection port of a node.
struct SourceState {
  std::uint32_t last_network = 0;  ///< virtual network that sent last
  std::uint32_t running = kNone;   ///< virtual network whose packet moves as a run
  Cycle run_start = 0;
  Cycle horizon = kNever;
  Cycle tail_sent = kNever;  ///< cycle in which a run sent its tail
};

}  // namespace tessera::noc
