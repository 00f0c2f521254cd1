#include "noc/reduction_tree.h"

#include "sim/base/error.h"

namespace tessera::noc {

namespace {

class TreeBuilder {
 public:
  TreeBuilder(const Topology& topology, const Routing& routing, const ReductionRequest& request)
      : topology_(topology),
        routing_(routing),
        request_(request),
        end_(topology.nodes()[request.destination].router) {
    next_[end_] = end_;
    for (const NodeId source : request.sources)
      if (source != request.destination) follow(source);
  }

  ReductionTree place(Reduction reduction, const std::set<RouterId>& full) {
    for (const auto& [router, terms] : incoming_)
      if (terms > 1 && !full.contains(router)) add_station(router, reduction);
    const std::size_t last = tree_.stations.size();
    tree_.stations.push_back({request_.destination, end_});
    for (std::size_t i = 0; i < last; ++i) {
      Station& station = tree_.stations[i];
      station.next = station.router == end_ ? last : first_from(next_.at(station.router));
      ++tree_.stations[station.next].terms;
    }
    for (const NodeId source : request_.sources) {
      const std::size_t station =
          source == request_.destination ? last : first_from(topology_.nodes()[source].router);
      if (!tree_.station_of.emplace(source, station).second)
        throw UserError("reduction ", request_.tag, " lists node ", source, " twice");
      ++tree_.stations[station].terms;
    }
    return std::move(tree_);
  }

 private:
  void follow(NodeId source) {
    RouteQuery query{
        topology_.nodes()[source].router, kNoLink, kAnyClass, source, request_.destination, 0};
    RouteCandidates candidates;
    ++incoming_[query.router];
    while (!next_.contains(query.router)) {
      routing_.route(query, candidates);
      const RouterId here = query.router;
      query.in_link = candidates[0].link;
      query.in_class = candidates[0].vc_class;
      query.router = topology_.links()[query.in_link].to;
      next_[here] = query.router;
      ++incoming_[query.router];
    }
  }

  /// The destination's own interface adds whatever reaches it, so it needs no other beside it.
  void add_station(RouterId router, Reduction reduction) {
    const auto adder = topology_.adder(router);
    const bool attached = !topology_.attached(router).empty();
    if (reduction == Reduction::kRouters && adder)
      tree_.stations.push_back({*adder, router, true});
    else if (reduction == Reduction::kInterfaces && router != end_ && attached)
      tree_.stations.push_back({topology_.attached(router).front(), router});
    else
      return;
    station_at_[router] = tree_.stations.size() - 1;
  }

  std::size_t first_from(RouterId router) const {
    for (;; router = next_.at(router)) {
      const auto station = station_at_.find(router);
      if (station != station_at_.end()) return station->second;
      if (router == end_) return tree_.stations.size() - 1;
    }
  }

  const Topology& topology_;
  const Routing& routing_;
  const ReductionRequest& request_;
  const RouterId end_;
  std::map<RouterId, RouterId> next_;           // the destination's router leads to itself
  std::map<RouterId, std::uint32_t> incoming_;  // terms that come from other routers or start here
  std::map<RouterId, std::size_t> station_at_;
  ReductionTree tree_;
};

}  // namespace

ReductionTree reduction_tree(const Topology& topology, const Routing& routing, Reduction reduction,
                             const ReductionRequest& request, const std::set<RouterId>& full) {
  return TreeBuilder(topology, routing, request).place(reduction, full);
}

}  // namespace tessera::noc
