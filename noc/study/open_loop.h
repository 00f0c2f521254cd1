// Open-loop measurement: nodes create packets at a given rate whatever the network does.
#pragma once

#include <memory>
#include <vector>

#include "noc/event_wheel.h"
#include "noc/network.h"
#include "noc/study/latency_record.h"
#include "noc/study/traffic_pattern.h"

namespace tessera::noc {

/// When a node creates packets.
struct InjectionProcess {
  double rate_flits = 0.1;  ///< flits per node and cycle, while on
  /// Bursts (two-state Markov process): probability per cycle to switch on and off; 0 and 0: always
  /// on.
  double on_probability = 0.0;
  double off_probability = 0.0;
};

struct OpenLoopPlan {
  InjectionProcess injection;
  std::uint32_t packet_flits = 4;
  std::uint8_t virtual_network = 0;
  std::uint64_t seed = 1;
  Cycle warmup_cycles = 1000;
  Cycle measure_cycles = 5000;
  /// Cycles after the measurement that measured packets may take to arrive before the run counts as
  /// saturated; packets keep being created meanwhile.
  Cycle drain_cycles = 20000;
  std::vector<NodeId> senders;  ///< empty: every node of the pattern
  /// Share of packets that go to a whole group instead, and the groups.
  double multicast_share = 0.0;
  std::vector<std::vector<NodeId>> multicast_groups;
  /// Every message is answered by one of this length on the last virtual network; 0: no replies.
  std::uint32_t reply_flits = 0;
  bool by_flow = false;  ///< keep a record per source and destination
};

/// What one run measured over the packets created in its measurement window.
struct OpenLoopResult {
  LatencyRecord latency;
  double offered_flits_per_node_cycle = 0;   ///< created, in the window
  double accepted_flits_per_node_cycle = 0;  ///< arrived, in the window
  double least_accepted = 0;                 ///< smallest share of a sender, in flits per cycle
  std::uint64_t flit_hops = 0;               ///< whole run
  Cycle cycles = 0;                          ///< whole run
  bool saturated =
      false;  ///< arrivals fall behind creation by more than 5 % or packets do not arrive
  std::map<std::pair<NodeId, NodeId>, LatencyRecord> flows;
  std::map<std::uint8_t, LatencyRecord> classes;  ///< by virtual network
};

/// Creates packets at each node by a Bernoulli (or bursty) process and measures them.
class OpenLoop : public PacketSink, public DeliveryObserver {
 public:
  OpenLoop(Network& network, const TrafficPattern& pattern, const OpenLoopPlan& plan);

  OpenLoopResult run();

  void packet_injected(std::uint64_t, NodeId, Cycle) override {}
  void packet_arrived(std::uint64_t tag, NodeId destination, Cycle cycle) override;
  void delivered(const Delivery& delivery) override;

 private:
  void advance_to(Cycle end);
  void create(NodeId node, Cycle cycle);
  void schedule_creation(NodeId node, Cycle after);
  Cycle next_creation(NodeId node, Cycle after);
  bool falls_behind() const;
  bool in_window(Cycle cycle) const { return cycle >= plan_.warmup_cycles && cycle < window_end_; }

  Network& network_;
  const TrafficPattern& pattern_;
  const OpenLoopPlan plan_;
  const Geometric gap_;  ///< cycles between two packets of a node
  Cycle window_end_;
  std::vector<Random> randoms_;  // per node, so that nodes do not influence each other
  std::vector<Cycle> on_until_;  // bursts
  EventWheel creations_;         // subject: node
  Cycle created_until_ = 0;      // last cycle whose packets have been created
  std::vector<Event> due_;
  std::vector<std::uint64_t> accepted_by_source_;
  std::uint64_t measured_under_way_ = 0;
  std::uint64_t created_flits_ = 0;
  std::uint64_t accepted_flits_ = 0;
  std::uint64_t senders_ = 0;
  OpenLoopResult result_;
};

}  // namespace tessera::noc
