#include "noc/reduction.h"

#include <algorithm>

#include "sim/base/error.h"

namespace tessera::noc {

namespace {

constexpr std::uint64_t kTerm = std::uint64_t{1} << 63;
constexpr std::uint32_t kStationBits = 24;

std::uint64_t term_tag(std::size_t reduction, std::size_t station) {
  return kTerm | std::uint64_t{reduction} << kStationBits | station;
}

}  // namespace

/// The union of the paths: the first source to visit a router decides where it leads.
struct Reducer::Tree {
  std::map<RouterId, RouterId> next;           // the destination's router leads to itself
  std::map<RouterId, std::uint32_t> incoming;  // terms that come from other routers or start here
};

Reducer::Reducer(Network& network, SumSink& sink, Cycle add_cycles)
    : network_(network), sink_(sink), add_cycles_(add_cycles) {
  if (add_cycles == 0) throw UserError("reduction: adding takes 0 cycles; allowed is 1 or more");
}

void Reducer::open(const ReductionRequest& request) {
  if (open_.contains(request.tag))
    throw UserError("reduction ", request.tag, " is under way already");
  Reduction reduction;
  reduction.destination = request.destination;
  reduction.flits = request.flits;
  reduction.virtual_network = request.virtual_network;
  reduction.tag = request.tag;
  place_stations(follow_paths(request), request, reduction);
  std::size_t slot = reductions_.size();
  if (free_.empty()) {
    reductions_.emplace_back();
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  reductions_[slot] = std::move(reduction);
  open_[request.tag] = slot;
}

Reducer::Tree Reducer::follow_paths(const ReductionRequest& request) const {
  const Topology& topology = network_.topology();
  const RouterId end = topology.nodes()[request.destination].router;
  Tree tree;
  tree.next[end] = end;
  for (const NodeId source : request.sources) {
    RouteQuery query{
        topology.nodes()[source].router, kNoLink, kAnyClass, source, request.destination, 0};
    RouteCandidates candidates;
    ++tree.incoming[query.router];
    while (!tree.next.contains(query.router)) {
      network_.routing().route(query, candidates);
      const RouterId here = query.router;
      query.in_link = candidates[0].link;
      query.in_class = candidates[0].vc_class;
      query.router = topology.links()[query.in_link].to;
      tree.next[here] = query.router;
      ++tree.incoming[query.router];
    }
  }
  return tree;
}

void Reducer::place_stations(const Tree& tree, const ReductionRequest& request,
                             Reduction& reduction) const {
  const Topology& topology = network_.topology();
  const RouterId end = topology.nodes()[request.destination].router;
  std::map<RouterId, std::size_t> station_at;
  for (const auto& [router, terms] : tree.incoming) {
    if (router == end || terms < 2 || topology.attached(router).empty()) continue;
    station_at[router] = reduction.stations.size();
    reduction.stations.push_back({topology.attached(router).front()});
  }
  const std::size_t last = reduction.stations.size();
  reduction.stations.push_back({request.destination});
  const auto first_from = [&](RouterId router) {
    for (; router != end; router = tree.next.at(router))
      if (station_at.contains(router)) return station_at.at(router);
    return last;
  };
  for (const auto& [router, station] : station_at)
    ++reduction.stations[reduction.stations[station].next = first_from(tree.next.at(router))].terms;
  for (const NodeId source : request.sources) {
    const std::size_t station = first_from(topology.nodes()[source].router);
    if (!reduction.station_of.emplace(source, station).second)
      throw UserError("reduction ", request.tag, " lists node ", source, " twice");
    ++reduction.stations[station].terms;
  }
  for (Station& station : reduction.stations) station.missing = station.terms;
}

void Reducer::contribute(Cycle now, std::uint64_t tag, NodeId source) {
  const std::size_t reduction = open_.at(tag);
  send(now, reduction, source, reductions_[reduction].station_of.at(source));
}

/// A term starts; the interface's own is there at once.
void Reducer::send(Cycle now, std::size_t reduction, NodeId source, std::size_t station) {
  const Reduction& sum = reductions_[reduction];
  const NodeId target = sum.stations[station].node;
  if (target == source) return take_in(reduction, station, now);
  network_.inject(
      now, {source, {&target, 1}, sum.flits, sum.virtual_network, term_tag(reduction, station)});
}

void Reducer::take_in(std::size_t reduction, std::size_t station, Cycle cycle) {
  Station& here = reductions_[reduction].stations[station];
  if (--here.missing > 0) return;
  due_.push({cycle + (here.terms > 1 ? add_cycles_ : 0), reduction, station});
}

void Reducer::pass_on(const Due& due) {
  Reduction& sum = reductions_[due.reduction];
  const Station here = sum.stations[due.station];
  if (due.station + 1 < sum.stations.size())
    return send(due.at, due.reduction, here.node, here.next);
  const std::uint64_t tag = sum.tag;
  open_.erase(tag);
  free_.push_back(due.reduction);
  sink_.sum_arrived(tag, here.node, due.at);
}

Cycle Reducer::next_event() const {
  const Cycle due = due_.empty() ? kNever : due_.top().at;
  return std::min(due, network_.next_event());
}

void Reducer::advance(Cycle now) {
  for (Cycle next = next_event(); next <= now; next = next_event()) {
    network_.advance(next, *this);
    while (!due_.empty() && due_.top().at <= next) {
      const Due due = due_.top();
      due_.pop();
      pass_on(due);
    }
  }
  network_.advance(now, *this);
}

void Reducer::packet_injected(std::uint64_t tag, NodeId source, Cycle cycle) {
  if (!is_term(tag)) sink_.packet_injected(tag, source, cycle);
}

void Reducer::packet_arrived(std::uint64_t tag, NodeId destination, Cycle cycle) {
  if (!is_term(tag)) return sink_.packet_arrived(tag, destination, cycle);
  const std::uint64_t number = tag & ~kTerm;
  take_in(number >> kStationBits, number & ((1u << kStationBits) - 1), cycle);
}

}  // namespace tessera::noc
