// The network with either its latency or its contention taken away.
#pragma once

#include <map>
#include <memory>
#include <queue>
#include <vector>

#include "noc/network.h"

namespace tessera::sim {

/// Packets follow the routes of the real network (the first candidate of every router). Without
/// contention a packet arrives after the zero-load latency of its route, whatever else is under
/// way. Without latency it takes all wires of its route at once, those of a multicast tree
/// together, from the first cycle in which they and the ports at both ends are free, for as long as
/// its flits need. Left out: virtual channels, buffers, credits.
class IdealTransport {
 public:
  enum class Kind { kNoContention, kNoLatency };

  IdealTransport(Kind kind, const noc::NetworkConfig& config, const noc::Topology& topology,
                 const noc::Routing& routing);

  void inject(Cycle now, const noc::PacketRequest& request);
  Cycle next_event() const { return events_.empty() ? kNever : events_.top().at; }
  /// Everything up to and including cycle `now`.
  void advance(Cycle now, noc::PacketSink& sink);

 private:
  struct Route {
    std::vector<noc::LinkId> links;
    Cycle head_cycles = 0;  ///< of a head flit from creation to arrival at zero load
  };
  struct Event {
    Cycle at = 0;
    std::uint64_t number = 0;  ///< in order of injection
    bool arrival = false;
    std::uint64_t tag = 0;
    noc::NodeId node = 0;
    bool operator>(const Event& other) const {
      return at != other.at ? at > other.at : number > other.number;
    }
  };

  const Route& route(noc::NodeId source, noc::NodeId destination);
  Cycle reserve(Cycle now, const noc::PacketRequest& request);
  void add(Cycle at, bool arrival, std::uint64_t tag, noc::NodeId node);

  Kind kind_;
  const noc::NetworkConfig& config_;
  const noc::Topology& topology_;
  const noc::Routing& routing_;
  std::map<std::pair<noc::NodeId, noc::NodeId>, Route> routes_;
  std::vector<Cycle> link_free_, source_free_, destination_free_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::uint64_t next_number_ = 0;
};

}  // namespace tessera::sim
