#include "noc/multicast_tree.h"

#include <algorithm>

#include "sim/base/error.h"

namespace tessera::noc {

std::uint32_t TreeStore::tree(NodeId source, std::span<const NodeId> destinations) {
  auto key = std::pair(source, std::vector<NodeId>(destinations.begin(), destinations.end()));
  const auto known = roots_.find(key);
  if (known != roots_.end()) return known->second;
  const std::uint32_t root = build(source, destinations);
  roots_.emplace(std::move(key), root);
  return root;
}

std::uint32_t TreeStore::build(NodeId source, std::span<const NodeId> destinations) {
  std::vector<NodeId> sorted(destinations.begin(), destinations.end());
  std::sort(sorted.begin(), sorted.end());
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  if (twice != sorted.end())
    throw UserError("noc: a multicast packet of node ", source, " lists node ", *twice, " twice");
  const RouterId router = topology_.nodes()[source].router;
  const std::uint32_t root = add_node(router, 1, 0);
  std::vector<Visit> pending;
  pending.push_back({{router, kNoLink, kAnyClass, source, 0, 0}, std::move(sorted), root});
  while (!pending.empty()) {
    Visit visit = std::move(pending.back());
    pending.pop_back();
    expand(std::move(visit), pending);
  }
  return root;
}

std::uint32_t TreeStore::add_node(RouterId router, std::uint32_t routers, std::uint32_t distance) {
  nodes_.push_back({router, 0, 0, routers, distance, true});
  return static_cast<std::uint32_t>(nodes_.size() - 1);
}

void TreeStore::expand(Visit visit, std::vector<Visit>& pending) {
  std::vector<TreeBranch> branches;
  std::vector<std::vector<NodeId>> reached;
  RouteCandidates candidates;
  for (const NodeId destination : visit.destinations) {
    visit.query.destination = destination;
    routing_.route(visit.query, candidates);
    const RouteCandidate choice = candidates[0];
    const auto same = std::find_if(branches.begin(), branches.end(), [&](const auto& branch) {
      return choice.link != kEject && branch.link == choice.link &&
             branch.vc_class == choice.vc_class;
    });
    if (same != branches.end()) {
      reached[same - branches.begin()].push_back(destination);
    } else {
      branches.push_back({choice.link, choice.vc_class, destination, kNone, visit.node});
      reached.push_back({destination});
    }
  }
  const TreeNode here = nodes_[visit.node];
  for (std::size_t i = 0; i < branches.size(); ++i) {
    if (branches[i].link == kEject) continue;
    const Link& link = topology_.links()[branches[i].link];
    branches[i].child = add_node(link.to, here.routers + 1, here.distance + link.latency_cycles);
    RouteQuery query = visit.query;
    query.router = link.to;
    query.in_link = branches[i].link;
    query.in_class = branches[i].vc_class;
    pending.push_back({query, std::move(reached[i]), branches[i].child});
  }
  nodes_[visit.node].first_branch = static_cast<std::uint32_t>(branches_.size());
  nodes_[visit.node].branches = static_cast<std::uint32_t>(branches.size());
  for (std::size_t i = 1; i < branches.size(); ++i)
    for (std::size_t k = 0; k < i; ++k)
      if (branches[i].link != kEject && branches[i].link == branches[k].link)
        nodes_[visit.node].one_per_link = false;
  branches_.insert(branches_.end(), branches.begin(), branches.end());
}

}  // namespace tessera::noc
