// Packets under way.
#pragma once

#include <cstdint>
#include <vector>

#include "noc/topology/topology.h"
#include "sim/base/types.h"

namespace tessera::noc {

using PacketId = std::uint32_t;

inline constexpr std::uint32_t kNone = ~std::uint32_t{0};

struct alignas(64) Packet {
  std::uint64_t tag = 0;
  Cycle created = 0;
  Cycle head_left_source = 0;
  NodeId source = 0;
  NodeId destination = 0;      ///< unicast only
  std::uint32_t tree = kNone;  ///< multicast: root in the tree store
  std::uint32_t flits = 0;
  std::uint32_t outstanding = 0;  ///< destinations not reached yet
  std::uint32_t distance = 0;     ///< sum of link latencies so far, unicast only
  std::uint16_t routers = 0;      ///< routers visited so far, unicast only
  std::uint32_t spread = 0;       ///< tail behind head in an empty network, in cycles
  std::uint8_t virtual_network = 0;
  std::uint8_t coin = 0;
  std::uint8_t traffic_class = 0;
  std::uint32_t sum = kNone;  ///< term of this sum
};

/// Packets by number; numbers of delivered packets are used again.
class PacketPool {
 public:
  PacketId add(const Packet& packet) {
    ++alive_;
    if (free_.empty()) {
      packets_.push_back(packet);
      return static_cast<PacketId>(packets_.size() - 1);
    }
    const PacketId id = free_.back();
    free_.pop_back();
    packets_[id] = packet;
    return id;
  }
  void remove(PacketId id) {
    --alive_;
    free_.push_back(id);
  }
  Packet& operator[](PacketId id) { return packets_[id]; }
  const Packet& operator[](PacketId id) const { return packets_[id]; }
  std::uint64_t alive() const { return alive_; }

 private:
  std::vector<Packet> packets_;
  std::vector<PacketId> free_;
  std::uint64_t alive_ = 0;
};

}  // namespace tessera::noc
