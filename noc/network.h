// The network-on-chip as the machine sees it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "noc/config.h"
#include "noc/delivery.h"
#include "noc/statistics.h"
#include "noc/time_series.h"
#include "noc/topology/routing.h"
#include "noc/topology/topology.h"
#include "sim/base/types.h"

namespace tessera::noc {

class Engine;

/// All routers, links and node interfaces of one network: wormhole switching with virtual channels,
/// credit flow control and separable allocators, exact to the cycle (see README.md for the
/// pipeline). Left out: flit payloads, errors on links, power states; each link and router runs at
/// one clock.
class Network {
 public:
  /// Checks the configuration and that the channel dependencies have no cycle; UserError otherwise.
  /// The topology is copied, the routing must outlive the network.
  Network(const NetworkConfig& config, const Topology& topology, const Routing& routing);
  ~Network();
  Network(Network&&) noexcept;
  Network& operator=(Network&&) noexcept;

  /// Joins the source queue of the node and virtual network; its head can leave from cycle now + 1
  /// on. `now` is not before the last cycle advanced to. UserError when a multicast packet does not
  /// fit.
  void inject(Cycle now, const PacketRequest& request);
  /// Reserves a sum at the adder of a router; its terms are injected after that, in any order.
  SumId open_sum(const SumRequest& request);
  /// Earliest cycle in which something can happen; kNever when nothing is under way.
  Cycle next_event() const;
  /// Everything up to and including cycle `now`. NoProgress when packets wait for each other.
  void advance(Cycle now, PacketSink& sink);

  std::uint64_t packets_under_way() const;
  /// Counters up to the last cycle advanced to; valid until the next call.
  const NetworkStats& stats() const;
  /// What every wire did over time, the unfinished last bin included. UserError unless
  /// `bin_cycles` of the configuration is set.
  TimeSeries time_series() const;
  void set_observer(DeliveryObserver* observer);
  DeliveryObserver* observer() const;
  const Topology& topology() const;
  const NetworkConfig& config() const;
  const Routing& routing() const;

  /// One line per packet that cannot move, for diagnosis.
  std::string describe_waiting(std::size_t limit) const;
  /// InvariantViolation unless flits and credits of every virtual channel add up.
  void check_conservation() const;

  /// Fault injection: forgets one flit or credit on a virtual channel of a link.
  void lose_flit(LinkId link, std::uint32_t vc);
  void lose_credit(LinkId link, std::uint32_t vc);
  /// On the way from a router to its node or adder.
  void lose_flit_to(NodeId node, std::uint32_t vc);

 private:
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<NetworkStats> stats_;
  std::optional<TimeSeries> series_;
};

}  // namespace tessera::noc
