#include "sim/machine/ideal_transport.h"

#include <algorithm>
#include <set>

namespace tessera::sim {

using noc::LinkId;
using noc::NodeId;

IdealTransport::IdealTransport(Kind kind, const noc::NetworkConfig& config,
                               const noc::Topology& topology, const noc::Routing& routing)
    : kind_(kind),
      config_(config),
      topology_(topology),
      routing_(routing),
      link_free_(topology.links().size(), 0),
      source_free_(topology.nodes().size(), 0),
      destination_free_(topology.nodes().size(), 0) {}

/// The network's own sum (noc/engine.cpp): one cycle in the source queue, the ports at both ends,
/// wires, and a pipeline per router.
const IdealTransport::Route& IdealTransport::route(NodeId source, NodeId destination) {
  const auto [entry, added] = routes_.try_emplace({source, destination});
  Route& route = entry->second;
  if (!added) return route;
  const Cycle per_router = config_.routing_delay + (config_.speculative ? 2 : 3);
  noc::RouteQuery query;
  query.router = topology_.nodes()[source].router;
  query.source = source;
  query.destination = destination;
  route.head_cycles = 1 + topology_.nodes()[source].injection_latency_cycles +
                      topology_.nodes()[destination].ejection_latency_cycles + per_router;
  noc::RouteCandidates candidates;
  for (;;) {
    candidates.clear();
    routing_.route(query, candidates);
    const LinkId link = candidates[0].link;
    if (link == noc::kEject) return route;
    route.links.push_back(link);
    route.head_cycles += topology_.links()[link].latency_cycles + per_router;
    query.router = topology_.links()[link].to;
    query.in_link = link;
    query.in_class = candidates[0].vc_class;
  }
}

void IdealTransport::inject(Cycle now, const noc::PacketRequest& request) {
  if (kind_ == Kind::kNoContention) {
    const Cycle spread = request.flits - 1;
    add(now + 1 + spread, false, request.tag, request.source);
    for (const NodeId node : request.destinations)
      add(now + route(request.source, node).head_cycles + spread, true, request.tag, node);
    return;
  }
  const Cycle end = reserve(now, request);
  add(end, false, request.tag, request.source);
  for (const NodeId node : request.destinations) add(end, true, request.tag, node);
}

/// Cycle of the last flit; wires are used by one flit a cycle.
Cycle IdealTransport::reserve(Cycle now, const noc::PacketRequest& request) {
  std::set<LinkId> links;
  Cycle start = std::max(now + 1, source_free_[request.source]);
  for (const NodeId node : request.destinations) {
    const auto& route_links = route(request.source, node).links;
    links.insert(route_links.begin(), route_links.end());
    start = std::max(start, destination_free_[node]);
  }
  for (const LinkId link : links) start = std::max(start, link_free_[link]);
  const Cycle free = start + request.flits;
  for (const LinkId link : links) link_free_[link] = free;
  for (const NodeId node : request.destinations) destination_free_[node] = free;
  source_free_[request.source] = free;
  return free - 1;
}

void IdealTransport::add(Cycle at, bool arrival, std::uint64_t tag, NodeId node) {
  events_.push({at, next_number_++, arrival, tag, node});
}

void IdealTransport::advance(Cycle now, noc::PacketSink& sink) {
  while (!events_.empty() && events_.top().at <= now) {
    const Event event = events_.top();
    events_.pop();
    if (event.arrival)
      sink.packet_arrived(event.tag, event.node, event.at);
    else
      sink.packet_injected(event.tag, event.node, event.at);
  }
}

}  // namespace tessera::sim
