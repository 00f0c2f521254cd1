// Between components and the network model: packets out, tails and departures back, each to whom it
// concerns.
#pragma once

#include <map>
#include <memory>
#include <tuple>
#include <vector>

#include "hw_models/tile/network_interface.h"
#include "noc/network.h"
#include "noc/reduction.h"
#include "sim/machine/ideal_transport.h"
#include "sim/machine/observer.h"

namespace tessera::sim {

/// Takes packets from all nodes and hands arrivals to a listener. Holds what packets say while they
/// travel: the network moves flits, not meaning.
class PacketSwitch final : public hw::PacketPort, public noc::SumSink {
 public:
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void arrived(hw::NodeId node, const hw::Message& message, Cycle cycle) = 0;
    virtual void left(hw::NodeId node, std::uint64_t ticket, Cycle cycle) = 0;
    virtual void injected(Cycle cycle) = 0;
  };

  PacketSwitch(noc::Network& network, Bytes flit_bytes, bool multicast, std::size_t stages,
               Listener& listener)
      : network_(network),
        flit_bytes_(flit_bytes),
        multicast_(multicast),
        listener_(listener),
        stage_traffic_(stages) {}

  /// Adds up what has to be; packets of partners that share a sum wait for each other otherwise.
  void set_reducer(noc::Reducer* reducer) { reducer_ = reducer; }
  /// Packets go here instead of the network.
  void set_ideal(IdealTransport* ideal) { ideal_ = ideal; }
  /// Packets arrive in the cycle in which they are sent: a network without latency or contention.
  void set_instant() { instant_ = true; }

  int send(Cycle now, hw::Message message, std::span<const hw::NodeId> destinations) override;
  void packet_injected(std::uint64_t tag, noc::NodeId source, Cycle cycle) override;
  void packet_arrived(std::uint64_t tag, noc::NodeId destination, Cycle cycle) override;
  void term_injected(std::uint64_t tag, noc::NodeId source, Cycle cycle) override;
  void sum_arrived(std::uint64_t tag, noc::NodeId destination, Cycle cycle) override;

  /// Traffic on behalf of one stage's operands.
  struct StageTraffic {
    std::uint64_t delivered_flits = 0;
  };
  const std::vector<StageTraffic>& stage_traffic() const { return stage_traffic_; }

  /// nullptr for none; must outlive its use.
  void set_observer(Observer* observer) { observer_ = observer; }

  bool empty() const { return travelling_ == 0 && sums_.empty(); }
  Cycle last_arrival() const { return last_arrival_; }
  std::uint64_t packets() const { return packets_; }
  std::uint64_t flits_sent() const { return flits_sent_; }
  std::uint64_t flits_sent_to_all() const { return flits_sent_to_all_; }  ///< x destinations
  Bytes payload_sent() const { return payload_sent_; }                    ///< x destinations
  Bytes payload_delivered() const { return payload_delivered_; }

 private:
  struct Travelling {
    hw::Message message;
    std::uint64_t id = 0;
    std::uint32_t events_left = 0;  ///< departures and arrivals that will still be reported
  };

  /// One packet of a granule of partial sums, from all partners of a group.
  struct Sum {
    struct Term {
      noc::NodeId source;
      std::uint64_t id, ticket;
    };
    hw::Message message;  ///< what the owner receives
    std::vector<Term> terms;
    std::size_t missing = 0;  ///< terms that have not been handed over
  };
  /// Stage, owner, granule and place in it.
  using SumKey = std::tuple<int, hw::NodeId, std::int64_t, Bytes>;

  int send_term(Cycle now, const hw::Message& message, hw::NodeId owner);
  std::uint64_t sum_of(const hw::Message& message, hw::NodeId owner);
  static SumKey key_of(const hw::Message& message, hw::NodeId owner) {
    return {message.granule.stage, owner, message.granule.sequence, message.offset};
  }
  static void add_term(const hw::Message& message, Sum& sum);
  void hand_over(hw::NodeId node, const hw::Message& message, Cycle cycle);
  void finish_sum(std::uint64_t number, hw::NodeId owner, Cycle cycle);
  std::uint64_t store(hw::Message message, std::uint32_t events);
  int deliver_at_once(Cycle now, const hw::Message& message,
                      std::span<const hw::NodeId> destinations);
  void inject(Cycle now, std::uint64_t tag, std::span<const hw::NodeId> destinations);
  void count_down(std::uint64_t tag);
  std::uint8_t class_of(const hw::Message& message) const;
  std::uint32_t flits(const hw::Message& message) const {
    return static_cast<std::uint32_t>(1 + ceil_div(message.payload_bytes, flit_bytes_));
  }

  noc::Network& network_;
  IdealTransport* ideal_ = nullptr;
  bool instant_ = false;
  Bytes flit_bytes_;
  bool multicast_;
  Listener& listener_;
  std::vector<StageTraffic> stage_traffic_;
  noc::Reducer* reducer_ = nullptr;
  std::map<std::uint64_t, Sum> sums_;        // by number
  std::map<SumKey, std::uint64_t> sums_of_;  // numbers
  std::uint64_t last_sum_ = 0;
  std::vector<Travelling> pool_;
  std::vector<std::uint64_t> free_;
  std::uint64_t travelling_ = 0;
  std::uint64_t packets_ = 0;
  std::uint64_t last_id_ = 0;
  std::uint64_t flits_sent_ = 0, flits_sent_to_all_ = 0;
  Cycle last_arrival_ = 0;
  Bytes payload_sent_ = 0, payload_delivered_ = 0;
  Observer* observer_ = nullptr;
};

}  // namespace tessera::sim
