// Message traces recorded from whatever uses a network.
#pragma once

#include <map>
#include <vector>

#include "noc/delivery.h"
#include "noc/study/message_trace.h"

namespace tessera::noc {

/// Watches a network and writes down every packet as a message. What a node sends is taken to wait
/// for the packet that arrived there last, and for the time the node took since (the usual
/// assumption of dependency traces: Hestness, Grot and Keckler, NoCArc 2010). So a replay on the
/// same network repeats the run cycle by cycle, and on a slower one everything moves back. Left
/// out: what packets say, and waiting for more than the last arrival.
class TraceRecorder final : public DeliveryObserver {
 public:
  /// For a network with so many nodes.
  explicit TraceRecorder(std::size_t nodes) : last_arrival_(nodes) {}

  void injected(Cycle cycle, const PacketRequest& request) override;
  void delivered(const Delivery& delivery) override;
  void term_injected(Cycle cycle, std::uint64_t tag, const PacketRequest& request) override;
  void sum_delivered(Cycle cycle, std::uint64_t tag, NodeId destination) override;

  const std::vector<TraceMessage>& messages() const { return messages_; }

 private:
  struct Arrival {
    std::uint64_t message = 0;  ///< 0: nothing arrived yet
    Cycle cycle = 0;
  };

  TraceMessage& note(Cycle cycle, const PacketRequest& request);

  std::vector<TraceMessage> messages_;
  std::vector<Arrival> last_arrival_;                                     // by node
  std::map<std::pair<std::uint64_t, NodeId>, std::uint64_t> travelling_;  // tag, destination
  std::map<std::uint64_t, std::uint64_t> summing_;  // tag of a reduction: last of its terms
  std::uint64_t sums_ = 0;
};

}  // namespace tessera::noc
