// Closed-loop replay of a message trace.
#pragma once

#include <functional>
#include <map>
#include <queue>
#include <set>
#include <vector>

#include "noc/network.h"
#include "noc/reduction.h"
#include "noc/study/latency_record.h"
#include "noc/study/message_trace.h"

namespace tessera::noc {

struct ReplayResult {
  LatencyRecord latency;
  Cycle cycles = 0;  ///< arrival of the last message
  std::uint64_t messages = 0;
  std::vector<Cycle> arrived;  ///< by message, at its last destination
  std::map<std::pair<NodeId, NodeId>, LatencyRecord> flows;
  std::map<std::uint8_t, LatencyRecord> classes;  ///< by virtual network
};

/// Sends each message when its time has come and everything it waits for has arrived, so a slower
/// network delays what depends on it. Latencies are those of ordinary messages.
class Replay : public SumSink, public DeliveryObserver {
 public:
  /// UserError when a message names a node or virtual network the network does not have.
  Replay(Network& network, const std::vector<TraceMessage>& messages);

  ReplayResult run();

  void packet_injected(std::uint64_t, NodeId, Cycle) override {}
  void packet_arrived(std::uint64_t, NodeId, Cycle) override {}
  void sum_arrived(std::uint64_t tag, NodeId destination, Cycle cycle) override;
  void delivered(const Delivery& delivery) override;

 private:
  struct Start {
    Cycle at;
    std::size_t message;
    bool operator>(const Start& other) const {
      return at != other.at ? at > other.at : message > other.message;
    }
  };

  void check(const TraceMessage& message) const;
  void check_multicast(const TraceMessage& message) const;
  void start_when_free(std::size_t message);
  void release(std::size_t message, Cycle arrived);
  void reached(std::size_t message, NodeId destination, Cycle cycle);
  void check_sums() const;
  void open_sum(std::uint64_t number);
  void start(std::size_t message, Cycle cycle);
  bool is_destination(const TraceMessage& message, NodeId node) const;

  Network& network_;
  const std::vector<TraceMessage>& messages_;
  std::vector<std::vector<std::size_t>> dependants_;
  std::vector<std::size_t> waiting_for_;   // messages that have not arrived yet
  std::vector<std::size_t> destinations_;  // not reached yet
  std::vector<Cycle> ready_;               // latest arrival of what it waits for
  std::priority_queue<Start, std::vector<Start>, std::greater<>> starts_;
  Reducer reducer_;
  std::map<std::uint64_t, std::vector<std::size_t>> sums_;  // messages by number
  std::set<std::uint64_t> opened_;                          // sums
  ReplayResult result_;
};

}  // namespace tessera::noc
