#include "noc/topology/dependency_graph.h"

#include <algorithm>

#include "sim/base/error.h"

namespace tessera::noc {

DependencyGraph::DependencyGraph(const Topology& topology, const Routing& routing)
    : topology_(topology),
      routing_(routing),
      wanted_(topology.links().size() * 2),
      visited_in_(topology.links().size() * 2, 0) {
  const auto nodes = static_cast<NodeId>(topology.nodes().size());
  for (NodeId destination = 0; destination < nodes; ++destination) {
    const auto& same_router = topology.attached(topology.nodes()[destination].router);
    if (!routing.depends_on_node() && same_router.front() != destination) continue;
    for (std::uint32_t coin = 0; coin < routing.coins(); ++coin) {
      if (routing.memoryless()) {
        follow_tables(destination, static_cast<std::uint8_t>(coin));
        continue;
      }
      if (!routing.depends_on_source()) {
        follow_from_all(destination, static_cast<std::uint8_t>(coin));
        continue;
      }
      for (NodeId source = 0; source < nodes; ++source)
        follow(source, destination, static_cast<std::uint8_t>(coin));
    }
  }
}

void DependencyGraph::follow_from_all(NodeId destination, std::uint8_t coin) {
  ++pass_;
  for (RouterId router = 0; router < topology_.routers(); ++router) {
    if (topology_.attached(router).empty()) continue;
    const NodeId source = topology_.attached(router).front();
    expand({router, kNoLink, kAnyClass, source, destination, coin}, nullptr);
  }
  drain({0, kNoLink, kAnyClass, 0, destination, coin});
}

// Whatever way a packet came, it leaves a router by the same candidates.
void DependencyGraph::follow_tables(NodeId destination, std::uint8_t coin) {
  std::vector<RouteCandidates> next(topology_.routers());
  for (RouterId router = 0; router < topology_.routers(); ++router)
    routing_.route({router, kNoLink, kAnyClass, 0, destination, coin}, next[router]);
  const auto class_of = [](const RouteCandidate& candidate) {
    return candidate.vc_class == kAnyClass ? std::uint8_t{0} : candidate.vc_class;
  };
  for (const RouteCandidates& here : next)
    for (const RouteCandidate& held : here) {
      if (held.link == kEject) continue;
      for (const RouteCandidate& wanted : next[topology_.links()[held.link].to])
        if (wanted.link != kEject)
          depend({held.link, class_of(held)}, {wanted.link, class_of(wanted)});
    }
}

void DependencyGraph::follow(NodeId source, NodeId destination, std::uint8_t coin) {
  ++pass_;
  const RouteQuery query{
      topology_.nodes()[source].router, kNoLink, kAnyClass, source, destination, coin};
  expand(query, nullptr);
  drain(query);
}

void DependencyGraph::drain(RouteQuery query) {
  while (!pending_.empty()) {
    const LinkClass held = pending_.back();
    pending_.pop_back();
    query.router = topology_.links()[held.link].to;
    query.in_link = held.link;
    query.in_class = held.vc_class;
    expand(query, &held);
  }
}

void DependencyGraph::expand(const RouteQuery& query, const LinkClass* held) {
  RouteCandidates candidates;
  routing_.route(query, candidates);
  bool offers_escape = false;
  for (const RouteCandidate& candidate : candidates) {
    if (candidate.link == kEject) return;
    const LinkClass channel{candidate.link,
                            candidate.vc_class == kAnyClass ? std::uint8_t{0} : candidate.vc_class};
    offers_escape |= channel.vc_class == 0;
    if (held != nullptr) depend(*held, channel);
    visit(channel);
  }
  if (routing_.has_escape_class() && !offers_escape)
    throw UserError("routing ", routing_.name(), ": at router ", query.router, " towards node ",
                    query.destination, " no escape channel is offered");
}

void DependencyGraph::visit(const LinkClass& channel) {
  std::uint32_t& last = visited_in_[index(channel)];
  if (last == pass_) return;
  last = pass_;
  pending_.push_back(channel);
}

void DependencyGraph::depend(const LinkClass& held, const LinkClass& wanted) {
  if (!is_relevant(held) || !is_relevant(wanted)) return;
  auto& list = wanted_[index(held)];
  const auto target = static_cast<std::uint32_t>(index(wanted));
  if (std::find(list.begin(), list.end(), target) == list.end()) list.push_back(target);
}

std::size_t DependencyGraph::dependencies() const {
  std::size_t count = 0;
  for (const auto& list : wanted_) count += list.size();
  return count;
}

std::vector<LinkClass> DependencyGraph::find_cycle() const {
  enum : std::uint8_t { kNew, kOpen, kDone };
  std::vector<std::uint8_t> mark(wanted_.size(), kNew);
  std::vector<std::pair<std::uint32_t, std::size_t>> path;  // channel, next wanted to look at
  for (std::uint32_t start = 0; start < wanted_.size(); ++start) {
    if (mark[start] != kNew) continue;
    path.assign(1, {start, 0});
    mark[start] = kOpen;
    while (!path.empty()) {
      auto& [channel, next] = path.back();
      if (next == wanted_[channel].size()) {
        mark[channel] = kDone;
        path.pop_back();
        continue;
      }
      const std::uint32_t target = wanted_[channel][next++];
      if (mark[target] == kNew) {
        mark[target] = kOpen;
        path.emplace_back(target, 0);
      } else if (mark[target] == kOpen) {
        std::vector<LinkClass> cycle;
        auto from = std::find_if(path.begin(), path.end(),
                                 [&](const auto& entry) { return entry.first == target; });
        for (; from != path.end(); ++from)
          cycle.push_back({from->first / 2, static_cast<std::uint8_t>(from->first % 2)});
        return cycle;
      }
    }
  }
  return {};
}

void require_deadlock_free(const Topology& topology, const Routing& routing) {
  const auto cycle = DependencyGraph(topology, routing).find_cycle();
  if (cycle.empty()) return;
  std::string text;
  for (const LinkClass& channel : cycle) {
    const Link& link = topology.links()[channel.link];
    text += std::to_string(link.from) + "->" + std::to_string(link.to);
    if (routing.partition() != VcPartition::kWhole)
      text += " class " + std::to_string(channel.vc_class);
    text += ", ";
  }
  const Link& first = topology.links()[cycle.front().link];
  throw UserError("routing ", routing.name(), " on ", topology.name(),
                  " can deadlock: its channel dependencies form the cycle ", text, "again ",
                  first.from, "->", first.to, "; choose another routing or link latency");
}

}  // namespace tessera::noc
