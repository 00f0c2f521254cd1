// Partial sums added on their way.
#pragma once

#include <map>
#include <queue>
#include <span>
#include <vector>

#include "noc/network.h"

namespace tessera::noc {

/// Packets of the same length from several nodes, of which one node wants the sum.
struct ReductionRequest {
  std::span<const NodeId> sources;
  NodeId destination = 0;
  std::uint32_t flits = 1;
  std::uint8_t virtual_network = 0;
  std::uint64_t tag = 0;  ///< unique among reductions under way, below 2^63
};

/// Receives sums besides ordinary packets.
class SumSink : public PacketSink {
 public:
  /// All terms have been added at the destination.
  virtual void sum_arrived(std::uint64_t tag, NodeId destination, Cycle cycle) = 0;
};

/// Adders in the network interfaces: where the paths of the terms meet, the interface of that
/// router takes them in, adds them and sends one packet on, so that every link of the tree carries
/// one packet. An interface always takes in what arrives, so nothing in the routers waits for
/// another term and reductions add no channel dependency to unicast traffic. Left out: adding flit
/// by flit inside the router (a whole packet is taken in first), and a limit on how many sums an
/// interface holds.
class Reducer : public PacketSink {
 public:
  /// Forwards what concerns other packets to `sink` and tells it of finished sums. A sum of
  /// whatever many terms leaves `add_cycles` (at least 1) after the last of them was read.
  Reducer(Network& network, SumSink& sink, Cycle add_cycles = 1);

  /// Announces a reduction; its terms follow in any order. UserError when a source is listed twice.
  void open(const ReductionRequest& request);
  /// The term of one source joins its source queue.
  void contribute(Cycle now, std::uint64_t tag, NodeId source);
  Cycle next_event() const;
  /// Like Network::advance.
  void advance(Cycle now);
  /// Is this the tag of a packet of this class, as observers of the network see it?
  static bool is_term(std::uint64_t tag) { return (tag >> 63) != 0; }

  void packet_injected(std::uint64_t tag, NodeId source, Cycle cycle) override;
  void packet_arrived(std::uint64_t tag, NodeId destination, Cycle cycle) override;

 private:
  /// A node that takes terms in; the last one is the destination.
  struct Station {
    NodeId node = 0;
    std::size_t next = 0;       ///< station its sum goes to; the last has none
    std::uint32_t terms = 0;    ///< to add
    std::uint32_t missing = 0;  ///< not here yet
  };
  struct Reduction {
    NodeId destination = 0;
    std::uint32_t flits = 0;
    std::uint8_t virtual_network = 0;
    std::uint64_t tag = 0;
    std::vector<Station> stations;
    std::map<NodeId, std::size_t> station_of;  ///< of each source
  };
  struct Due {
    Cycle at;
    std::size_t reduction;
    std::size_t station;
    auto operator<=>(const Due&) const = default;
  };
  struct Tree;

  Tree follow_paths(const ReductionRequest& request) const;
  void place_stations(const Tree& tree, const ReductionRequest& request,
                      Reduction& reduction) const;
  void send(Cycle now, std::size_t reduction, NodeId source, std::size_t station);
  void take_in(std::size_t reduction, std::size_t station, Cycle cycle);
  void pass_on(const Due& due);

  Network& network_;
  SumSink& sink_;
  const Cycle add_cycles_;
  std::vector<Reduction> reductions_;
  std::vector<std::size_t> free_;
  std::map<std::uint64_t, std::size_t> open_;  // by tag
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
};

}  // namespace tessera::noc
