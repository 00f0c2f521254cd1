// Which channel can wait for which: the check that a topology, a routing function and its virtual
// channel classes cannot deadlock (Dally and Seitz 1987; escape channels: Duato 1993).
#pragma once

#include <string>
#include <vector>

#include "noc/topology/routing.h"
#include "noc/topology/topology.h"

namespace tessera::noc {

/// A channel: one virtual channel class of a link.
struct LinkClass {
  LinkId link = kNoLink;
  std::uint8_t vc_class = 0;
  bool operator==(const LinkClass&) const = default;
};

/// Follows every packet from every node to every node and collects, for each channel, the channels
/// a packet that holds it may wait for. With an escape class only class 0 is looked at, and every
/// choice must offer it.
class DependencyGraph {
 public:
  DependencyGraph(const Topology& topology, const Routing& routing);

  /// A circle of channels, each waiting for the next; empty when there is none.
  std::vector<LinkClass> find_cycle() const;
  std::size_t dependencies() const;

 private:
  struct State {
    LinkClass held;
    RouterId router;
  };

  void follow(NodeId source, NodeId destination, std::uint8_t coin);
  void follow_from_all(NodeId destination, std::uint8_t coin);
  void follow_tables(NodeId destination, std::uint8_t coin);
  void drain(RouteQuery query);
  void expand(const RouteQuery& query, const LinkClass* held);
  void visit(const LinkClass& channel);
  void depend(const LinkClass& held, const LinkClass& wanted);
  std::size_t index(const LinkClass& channel) const { return channel.link * 2 + channel.vc_class; }
  bool is_relevant(const LinkClass& channel) const {
    return !routing_.has_escape_class() || channel.vc_class == 0;
  }

  const Topology& topology_;
  const Routing& routing_;
  std::vector<std::vector<std::uint32_t>> wanted_;  // by channel index
  std::vector<std::uint32_t> visited_in_;           // by channel index: pass of the last visit
  std::uint32_t pass_ = 0;
  std::vector<LinkClass> pending_;
};

/// UserError that names the circle when the combination can deadlock.
void require_deadlock_free(const Topology& topology, const Routing& routing);

}  // namespace tessera::noc
