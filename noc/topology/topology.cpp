#include "noc/topology/topology.h"

#include <algorithm>

#include "sim/base/error.h"

namespace tessera::noc {

Topology::Topology(std::string name, std::uint32_t routers, std::vector<Node> nodes,
                   std::vector<Link> links, std::optional<Grid> grid,
                   std::optional<NodeGrid> node_grid)
    : name_(std::move(name)),
      routers_(routers),
      nodes_(std::move(nodes)),
      links_(std::move(links)),
      grid_(grid),
      node_grid_(node_grid),
      outgoing_(routers),
      incoming_(routers),
      attached_(routers) {
  if (routers_ == 0) throw UserError(name_, ": a network needs at least one router");
  if (nodes_.empty()) throw UserError(name_, ": a network needs at least one node");
  for (std::size_t i = 0; i < links_.size(); ++i) check_link(i);
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    check_node(i);
    attached_[nodes_[i].router].push_back(static_cast<NodeId>(i));
    terminals_ += nodes_[i].adder ? 0 : 1;
  }
  order_ports();
  for (RouterId router = 0; router < routers_; ++router) check_ports(router);
}

void Topology::check_link(std::size_t index) const {
  const Link& link = links_[index];
  if (link.from >= routers_ || link.to >= routers_)
    throw UserError(name_, ": link ", index, " connects router ", link.from, " to ", link.to,
                    "; routers are 0 to ", routers_ - 1);
  if (link.from == link.to)
    throw UserError(name_, ": link ", index, " connects router ", link.from, " to itself");
  if (link.latency_cycles < 1 || link.latency_cycles > kMaxLinkLatency)
    throw UserError(name_, ": link ", index, " (", link.from, " to ", link.to, ") has latency ",
                    link.latency_cycles, "; allowed are 1 to ", kMaxLinkLatency);
  if (!(link.length_mm >= 0.0))
    throw UserError(name_, ": link ", index, " has length ", link.length_mm,
                    " mm; write 0 or more");
}

void Topology::check_node(std::size_t index) const {
  const Node& node = nodes_[index];
  if (node.router >= routers_)
    throw UserError(name_, ": node ", index, " is attached to router ", node.router,
                    "; routers are 0 to ", routers_ - 1);
  const auto [low, high] = std::minmax(node.injection_latency_cycles, node.ejection_latency_cycles);
  if (low < 1 || high > kMaxNodeLatency)
    throw UserError(name_, ": node ", index, " has injection latency ",
                    node.injection_latency_cycles, " and ejection latency ",
                    node.ejection_latency_cycles, "; allowed are 1 to ", kMaxNodeLatency);
}

void Topology::check_ports(RouterId router) const {
  const std::size_t ports =
      std::max(outgoing_[router].size(), incoming_[router].size()) + attached_[router].size();
  if (ports > kMaxPorts)
    throw UserError(name_, ": router ", router, " has ", ports, " ports; allowed are up to ",
                    kMaxPorts);
}

void Topology::order_ports() {
  for (LinkId id = 0; id < links_.size(); ++id) {
    outgoing_[links_[id].from].push_back(id);
    incoming_[links_[id].to].push_back(id);
  }
  for (RouterId router = 0; router < routers_; ++router) {
    const auto& out = outgoing_[router];
    const auto position = [&](LinkId in) {
      const auto same = [&](LinkId o) { return links_[o].to == links_[in].from; };
      return std::find_if(out.begin(), out.end(), same) - out.begin();
    };
    std::stable_sort(incoming_[router].begin(), incoming_[router].end(),
                     [&](LinkId a, LinkId b) { return position(a) < position(b); });
  }
}

NodeId Topology::attach(const Node& node) {
  nodes_.push_back(node);
  const auto id = static_cast<NodeId>(nodes_.size() - 1);
  check_node(id);
  attached_[node.router].push_back(id);
  check_ports(node.router);
  terminals_ += node.adder ? 0 : 1;
  return id;
}

std::optional<NodeId> Topology::adder(RouterId router) const {
  const auto& nodes = attached_[router];
  if (nodes.empty() || !nodes_[nodes.back()].adder) return std::nullopt;
  return nodes.back();
}

void Topology::attach_adders() {
  for (RouterId router = 0; router < routers_; ++router) attach({router, 1, 1, true});
}

}  // namespace tessera::noc
