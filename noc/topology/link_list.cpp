#include "noc/topology/builders.h"
#include "sim/base/error.h"

namespace tessera::noc {

namespace {

std::vector<Node> nodes_of(const proto::LinkList& list) {
  std::vector<Node> nodes;
  for (const auto& node : list.nodes())
    nodes.push_back({node.router(), node.has_injection_latency() ? node.injection_latency() : 1,
                     node.has_ejection_latency() ? node.ejection_latency() : 1});
  if (nodes.empty())
    for (RouterId router = 0; router < list.routers(); ++router) nodes.push_back({router, 1, 1});
  return nodes;
}

std::optional<NodeGrid> node_grid_of(const proto::LinkList& list, std::size_t nodes,
                                     const std::string& origin) {
  if (list.columns() == 0) return std::nullopt;
  if (nodes % list.columns() != 0)
    throw UserError(origin, ": columns ", list.columns(), " does not divide the ", nodes, " nodes");
  return NodeGrid{list.columns(), static_cast<std::uint32_t>(nodes / list.columns())};
}

}  // namespace

Topology build_link_list(const proto::LinkList& list, const std::string& origin) {
  std::vector<Link> links;
  for (const auto& link : list.links())
    links.push_back({link.from(), link.to(), link.has_latency() ? link.latency() : 1,
                     link.width_bytes(), link.length_mm()});
  auto nodes = nodes_of(list);
  const auto node_grid = node_grid_of(list, nodes.size(), origin);
  return Topology(origin, list.routers(), std::move(nodes), std::move(links), std::nullopt,
                  node_grid);
}

}  // namespace tessera::noc
