// Partial sums added on their way.
#pragma once

#include <map>
#include <memory>
#include <queue>
#include <span>
#include <vector>

#include "noc/network.h"
#include "noc/reduction_tree.h"

namespace tessera::noc {

/// Receives sums besides ordinary packets.
class SumSink : public PacketSink {
 public:
  /// The tail of a source's term left its source queue, or was taken in where it was made.
  virtual void term_injected(std::uint64_t /*tag*/, NodeId /*source*/, Cycle /*cycle*/) {}
  /// All terms have been added at the destination.
  virtual void sum_arrived(std::uint64_t tag, NodeId destination, Cycle cycle) = 0;
};

/// What a reducer did since the start.
struct ReductionStats {
  std::uint64_t sums = 0;          ///< finished
  std::uint64_t terms = 0;         ///< of their sources
  std::uint64_t sent_flits = 0;    ///< by nodes: terms, and sums that an interface passed on
  std::uint64_t passed_flits = 0;  ///< by adders
  std::uint64_t skipped = 0;       ///< places for an adder that had no entry left
  std::uint32_t most_entries = 0;  ///< in use at the same time in one router
};

/// Adds up packets for one node where `reduction` of the network's configuration says. With
/// `kRouters`, in adders beside the crossbars (noc/adders.cpp): each holds `reduction_entries`
/// sums at a time, and terms pass a router that has none left on their way to the next. With
/// `kInterfaces`, in the interface of a node of the router, which takes whole packets in and sends
/// one on. What still reaches the destination as several packets is added by its interface, with
/// `kNone` all of it. Interfaces take in whatever comes and entries are reserved before a term
/// leaves, so no packet in the network waits for another term. Left out: the messages that reserve
/// entries, and a limit on how many sums an interface holds.
class Reducer : public PacketSink {
 public:
  /// Forwards what concerns other packets to `sink` and tells it of finished sums. A sum of
  /// whatever many terms leaves an interface `add_cycles` (at least 1) after the last of them was
  /// read.
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
  const ReductionStats& stats() const { return stats_; }

  void packet_injected(std::uint64_t tag, NodeId source, Cycle cycle) override;
  void packet_arrived(std::uint64_t tag, NodeId destination, Cycle cycle) override;

 private:
  struct Reduction {
    std::shared_ptr<const ReductionTree> tree;
    std::uint32_t flits = 0;
    std::uint8_t virtual_network = 0;
    std::uint8_t traffic_class = 0;
    std::uint64_t tag = 0;
    std::vector<std::uint32_t> missing;  ///< by station: terms not here yet, for interfaces
    std::vector<SumId> sums;             ///< by station, for adders
  };
  struct Due {
    Cycle at;
    std::size_t reduction;
    std::size_t station;
    auto operator<=>(const Due&) const = default;
  };

  std::shared_ptr<const ReductionTree> tree_of(const ReductionRequest& request);
  bool has_entry(const Station& station) const;
  void open_sum(std::size_t reduction, std::size_t station);
  void send(Cycle now, std::size_t reduction, NodeId source, std::size_t station, bool own);
  void take_in(std::size_t reduction, std::size_t station, Cycle cycle);
  void pass_on(const Due& due);

  Network& network_;
  SumSink& sink_;
  const Cycle add_cycles_;
  std::map<std::pair<NodeId, std::vector<NodeId>>, std::shared_ptr<const ReductionTree>> trees_;
  std::vector<std::uint32_t> entries_;  ///< in use, by router
  std::vector<Reduction> reductions_;
  std::vector<std::size_t> free_;
  std::map<std::uint64_t, std::size_t> open_;  // by tag
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
  ReductionStats stats_;
};

}  // namespace tessera::noc
