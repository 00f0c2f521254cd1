#include "noc/reduction.h"

#include <algorithm>

#include "sim/base/error.h"

namespace tessera::noc {

namespace {

constexpr std::uint64_t kTerm = std::uint64_t{1} << 63;
constexpr std::uint64_t kOwn = std::uint64_t{1} << 62;  // sent by one of the sources
constexpr std::uint32_t kStationBits = 24;

std::uint64_t term_tag(std::size_t reduction, std::size_t station) {
  return kTerm | std::uint64_t{reduction} << kStationBits | station;
}

std::size_t reduction_of(std::uint64_t tag) { return (tag & ~(kTerm | kOwn)) >> kStationBits; }
std::size_t station_of(std::uint64_t tag) { return tag & ((1u << kStationBits) - 1); }

}  // namespace

Reducer::Reducer(Network& network, SumSink& sink, Cycle add_cycles)
    : network_(network),
      sink_(sink),
      add_cycles_(add_cycles),
      entries_(network.topology().routers()) {
  if (add_cycles == 0) throw UserError("reduction: adding takes 0 cycles; allowed is 1 or more");
}

void Reducer::open(const ReductionRequest& request) {
  if (open_.contains(request.tag))
    throw UserError("reduction ", request.tag, " is under way already");
  const auto tree = tree_of(request);
  std::size_t slot = reductions_.size();
  if (free_.empty()) {
    reductions_.emplace_back();
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  Reduction& reduction = reductions_[slot];
  reduction = {tree, request.flits, request.virtual_network, request.traffic_class, request.tag, {},
               {}};
  for (const Station& station : tree->stations) reduction.missing.push_back(station.terms);
  reduction.sums.assign(tree->stations.size(), kNoSum);
  for (std::size_t station = 0; station < tree->stations.size(); ++station) open_sum(slot, station);
  open_[request.tag] = slot;
  stats_.terms += request.sources.size();
}

/// The usual tree, or one round the adders that have no entry left.
std::shared_ptr<const ReductionTree> Reducer::tree_of(const ReductionRequest& request) {
  const auto build = [&](const std::set<RouterId>& full) {
    return std::make_shared<const ReductionTree>(reduction_tree(
        network_.topology(), network_.routing(), network_.config().reduction, request, full));
  };
  auto& usual = trees_[{request.destination, {request.sources.begin(), request.sources.end()}}];
  if (usual == nullptr) usual = build({});
  std::set<RouterId> full;
  for (const Station& station : usual->stations)
    if (station.adder && !has_entry(station)) full.insert(station.router);
  stats_.skipped += full.size();
  return full.empty() ? usual : build(full);
}

bool Reducer::has_entry(const Station& station) const {
  return entries_[station.router] < network_.config().reduction_entries;
}

/// Those further on first: an adder has to know the next one's sum.
void Reducer::open_sum(std::size_t slot, std::size_t index) {
  const Station& station = reductions_[slot].tree->stations[index];
  if (!station.adder || reductions_[slot].sums[index] != kNoSum) return;
  const Station& next = reductions_[slot].tree->stations[station.next];
  open_sum(slot, station.next);
  const Reduction& reduction = reductions_[slot];
  reductions_[slot].sums[index] = network_.open_sum(
      {station.node, station.terms, reduction.flits, next.node, reduction.virtual_network,
       reduction.sums[station.next], term_tag(slot, station.next), reduction.traffic_class});
  std::uint32_t& used = entries_[station.router];
  stats_.most_entries = std::max(stats_.most_entries, ++used);
  stats_.passed_flits += reduction.flits;
}

void Reducer::contribute(Cycle now, std::uint64_t tag, NodeId source) {
  const std::size_t reduction = open_.at(tag);
  const Reduction& sum = reductions_[reduction];
  const auto& tree = *sum.tree;
  if (network_.observer() != nullptr)
    network_.observer()->term_injected(
        now, tag, {source, {&tree.stations.back().node, 1}, sum.flits, sum.virtual_network, tag});
  send(now, reduction, source, tree.station_of.at(source), true);
}

/// A term starts; the interface's own is there at once.
void Reducer::send(Cycle now, std::size_t reduction, NodeId source, std::size_t station, bool own) {
  const Reduction& sum = reductions_[reduction];
  const NodeId target = sum.tree->stations[station].node;
  if (target == source) {
    if (own) sink_.term_injected(sum.tag, source, now);
    return take_in(reduction, station, now);
  }
  stats_.sent_flits += sum.flits;
  network_.inject(now, {source,
                        {&target, 1},
                        sum.flits,
                        sum.virtual_network,
                        term_tag(reduction, station) | (own ? kOwn : 0),
                        sum.sums[station],
                        sum.traffic_class});
}

void Reducer::take_in(std::size_t reduction, std::size_t station, Cycle cycle) {
  if (--reductions_[reduction].missing[station] > 0) return;
  const Station& here = reductions_[reduction].tree->stations[station];
  due_.push({cycle + (here.terms > 1 ? add_cycles_ : 0), reduction, station});
}

void Reducer::pass_on(const Due& due) {
  Reduction& sum = reductions_[due.reduction];
  const Station here = sum.tree->stations[due.station];
  if (due.station + 1 < sum.tree->stations.size())
    return send(due.at, due.reduction, here.node, here.next, false);
  const std::uint64_t tag = sum.tag;
  open_.erase(tag);
  free_.push_back(due.reduction);
  ++stats_.sums;
  if (network_.observer() != nullptr) network_.observer()->sum_delivered(due.at, tag, here.node);
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

/// An adder's entry is free when the tail of its sum has left.
void Reducer::packet_injected(std::uint64_t tag, NodeId source, Cycle cycle) {
  if (!is_term(tag)) return sink_.packet_injected(tag, source, cycle);
  if ((tag & kOwn) != 0)
    sink_.term_injected(reductions_[reduction_of(tag)].tag, source, cycle);
  else if (network_.topology().nodes()[source].adder)
    --entries_[network_.topology().nodes()[source].router];
}

void Reducer::packet_arrived(std::uint64_t tag, NodeId destination, Cycle cycle) {
  if (!is_term(tag)) return sink_.packet_arrived(tag, destination, cycle);
  take_in(reduction_of(tag), station_of(tag), cycle);
}

}  // namespace tessera::noc
