// What tiles and memory interfaces say to each other over the network.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "hw_models/tile/region_values.h"
#include "mapping/dram_runs.h"
#include "mapping/program.h"
#include "sim/base/types.h"
#include "workloads/reference_executor.h"

namespace tessera::hw {

using NodeId = std::uint32_t;

enum class MessageKind : std::uint8_t {
  kReady,         ///< a group member and all below it have room for a granule
  kReadRequest,   ///< a group's root asks a memory or an owner tile for a region
  kData,          ///< part of a granule, to all members of a group or to an owner of sums
  kWriteRequest,  ///< a tile asks a memory for room
  kWriteGrant,    ///< the memory has room
  kWriteData,     ///< part of a granule on its way to a memory
  kSumsGrant,     ///< an owner has room for a partner's sums
  kClose,         ///< a group will not read a part from this owner or shared buffer again
};

/// What kind of node data come from.
enum class Source : std::uint8_t { kTile, kDram, kSharedBuffer };

/// Message classes that must not wait for each other; each has virtual channels of its own.
enum class VirtualNetwork : std::uint8_t { kRequest = 0, kData = 1, kGrant = 2 };

constexpr VirtualNetwork virtual_network(MessageKind kind) {
  switch (kind) {
    case MessageKind::kReadRequest:
    case MessageKind::kWriteRequest:
    case MessageKind::kClose:
      return VirtualNetwork::kRequest;
    case MessageKind::kData:
    case MessageKind::kWriteData:
      return VirtualNetwork::kData;
    default:
      return VirtualNetwork::kGrant;
  }
}

/// What a packet is sent for: kinds that the loads of links are told apart by.
enum class TrafficClass : std::uint8_t {
  kFill,      ///< a memory's data, to the tiles that asked
  kForward,   ///< feature maps from the tiles that hold them
  kRotation,  ///< pieces of a shared operand, from neighbour to neighbour
  kSums,      ///< partial sums on their way to their owner
  kStore,     ///< a tile's data, to a memory
  kControl,   ///< requests, readiness, grants
};
inline constexpr int kTrafficClasses = 6;
inline constexpr std::string_view kTrafficClassNames[kTrafficClasses] = {
    "fill", "forward", "rotation", "sums", "store", "control"};

/// Operand numbers beside those of a layer's inputs.
inline constexpr int kPartnerSums = -1;  ///< sums of a partner, for the owner of the outputs
inline constexpr int kRestoredSums =
    -2;  ///< sums that the tile itself stored when it last visited the outputs

/// Identifies a granule of a slot of a stage; the same on all members of a group.
struct GranuleName {
  int stage = -1;
  mapping::SlotId slot = -1;
  std::int64_t sequence = 0;
};

/// What a request for data or for room to write says. Shared by all packets that answer it.
struct Order {
  GranuleName granule;  ///< destination of a read, source of a write
  int operand = -1;     ///< of the reader's layer
  int part = -1;
  workloads::Region region;        ///< elements that this source or channel contributes
  std::vector<mapping::Run> runs;  ///< memories only: bytes inside the channel
  Bytes bytes = 0;
  std::vector<NodeId> destinations;  ///< of the answer
  Cycle requested = 0;
  /// Outputs that are visited more than once: reads wait for so many writes of the same region
  /// before, and only the last write makes them final.
  std::int64_t visit = 0;
  bool partial = false;
  bool free = false;                           ///< idealisation overlap: moves in no time
  std::shared_ptr<const RegionValues> values;  ///< functional mode, writes only
  std::shared_ptr<const workloads::Accumulators>
      sums;  ///< functional mode, writes that are partial
};

/// What one packet carries. Bytes are of payload: the head flit is the network's.
struct Message {
  MessageKind kind = MessageKind::kReady;
  NodeId source = 0;
  GranuleName granule = {};
  int operand = kPartnerSums;  ///< kReady, kData
  int part = -1;               ///< kClose
  Bytes payload_bytes = 0;     ///< kData, kWriteData
  bool last = false;           ///< last packet of its order
  bool rotates = false;        ///< kData: a piece that neighbours share
  Cycle sent = 0;              ///< when the source handed it to the network
  Source from = Source::kTile;
  bool free = false;  ///< arrives in the cycle in which it is sent
  std::uint64_t ticket =
      0;  ///< of the sending interface, to learn when all packets have left; 0: none
  std::shared_ptr<const Order> order = nullptr;
  std::shared_ptr<const RegionValues> values = nullptr;  ///< functional mode, on the last packet
  std::shared_ptr<const workloads::Accumulators> sums = nullptr;  ///< functional mode, partial sums
  /// Partial sums that the network adds to those of the group's other partners on the way.
  const mapping::Group* partners = nullptr;
  Bytes offset = 0;  ///< of the payload in what goes under the same ticket
  /// Functional mode, after that: what the other partners sent.
  std::vector<std::shared_ptr<const workloads::Accumulators>> added = {};
};

constexpr TrafficClass traffic_class(const Message& message) {
  if (message.kind == MessageKind::kWriteData) return TrafficClass::kStore;
  if (message.kind != MessageKind::kData) return TrafficClass::kControl;
  if (message.from != Source::kTile) return TrafficClass::kFill;
  if (message.rotates) return TrafficClass::kRotation;
  return message.operand == kPartnerSums ? TrafficClass::kSums : TrafficClass::kForward;
}

}  // namespace tessera::hw
