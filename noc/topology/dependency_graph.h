// Which channel can wait for which: the check that a topology, a routing function and its virtual
// channel classes cannot deadlock (Dally and Seitz 1987; escape channels: Duato 1993).
#pragma once

#include <string>
#include <vector>

#include "noc/topology/routing.h"
#include "noc/topology/topology.h"

namespace tessera::noc {

/// A channel: one virtual channel class of a link.
struct Channel {
  LinkId link = kNoLink;
  std::uint8_t vc_class = 0;
  bool operator==(const Channel&) const = default;
};

/// Follows every packet from every node to every node and collects, for each channel, the channels
/// a packet that holds it may wait for. With an escape class only class 0 is looked at, and every
/// choice must offer it.
class DependencyGraph {
 public:
  DependencyGraph(const Topology& topology, const Routing& routing);

  /// A circle of channels, each waiting for the next; empty when there is none.
  std::vector<Channel> find_cycle() const;
  std::size_t dependencies() const;

 private:
  struct State {
    Channel held;
    RouterId router;
  };

  void follow(NodeId source, NodeId destination, std::uint8_t coin);
  void follow_from_all(NodeId destination, std::uint8_t coin);
  void drain(RouteQuery query);
  void expand(const RouteQuery& query, const Channel* held);
  void visit(const Channel& channel);
  void depend(const Channel& held, const Channel& wanted);
  std::size_t index(const Channel& channel) const { return channel.link * 2 + channel.vc_class; }
  bool is_relevant(const Channel& channel) const {
    return !routing_.has_escape_class() || channel.vc_class == 0;
  }

  const Topology& topology_;
  const Routing& routing_;
  std::vector<std::vector<std::uint32_t>> wanted_;  // by channel index
  std::vector<std::uint32_t> visited_in_;           // by channel index: pass of the last visit
  std::uint32_t pass_ = 0;
  std::vector<Channel> pending_;
};

/// UserError that names the circle when the combination can deadlock.
void require_deadlock_free(const Topology& topology, const Routing& routing);

}  // namespace tessera::noc
