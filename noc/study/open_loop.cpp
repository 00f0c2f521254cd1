#include "noc/study/open_loop.h"

#include <algorithm>
#include <cmath>

#include "sim/base/error.h"

namespace tessera::noc {

namespace {

constexpr std::uint64_t kReplyTag = std::uint64_t{1} << 63;

void check_plan(const OpenLoopPlan& plan, const Network& network) {
  const double packets = plan.injection.rate_flits / plan.packet_flits;
  if (!(plan.injection.rate_flits > 0) || packets > 1.0)
    throw UserError("rate ", plan.injection.rate_flits,
                    " flits per node and cycle with packets of ", plan.packet_flits,
                    " flits: allowed are more than 0 and at most one packet");
  if (plan.measure_cycles == 0) throw UserError("cycles 0: measure at least one cycle");
  if (plan.reply_flits > 0 && network.config().virtual_networks.size() < 2)
    throw UserError("replies need a virtual network of their own besides the requests'");
  if (plan.multicast_share <= 0) return;
  if (!network.config().multicast)
    throw UserError("multicast share ", plan.multicast_share,
                    " needs routers that fork packets: noc.multicast true, noc.allocator ISLIP "
                    "and noc.hold_switch_for_packet false");
  if (plan.packet_flits > network.config().vc_buffer_flits)
    throw UserError("multicast share ", plan.multicast_share, " with packets of ",
                    plan.packet_flits, " flits: noc.vc_buffer holds ",
                    network.config().vc_buffer_flits, " and must hold them whole");
}

}  // namespace

OpenLoop::OpenLoop(Network& network, const TrafficPattern& pattern, const OpenLoopPlan& plan)
    : network_(network),
      pattern_(pattern),
      plan_(plan),
      gap_(plan.injection.rate_flits / plan.packet_flits),
      window_end_(plan.warmup_cycles + plan.measure_cycles),
      on_until_(network.topology().terminals(), 0),
      accepted_by_source_(network.topology().terminals(), 0) {
  check_plan(plan, network);
  Random seeds(plan.seed);
  for (std::size_t node = 0; node < on_until_.size(); ++node) randoms_.emplace_back(seeds.next());
  std::vector<NodeId> senders = plan.senders;
  if (senders.empty())
    for (NodeId node = 0; node < pattern_space(network.topology()).nodes; ++node)
      senders.push_back(node);
  senders_ = senders.size();
  for (const NodeId node : senders) schedule_creation(node, 0);
}

Cycle OpenLoop::next_creation(NodeId node, Cycle after) {
  Random& random = randoms_[node];
  const InjectionProcess& process = plan_.injection;
  const bool bursty = process.on_probability > 0 && process.off_probability > 0;
  Cycle next = after + random.geometric(gap_);
  if (!bursty) return next;
  // Time runs for the process only while the node is on.
  while (next > on_until_[node]) {
    const Cycle overrun = next - on_until_[node];
    const Cycle on_again = on_until_[node] + random.geometric(process.on_probability);
    on_until_[node] = on_again + random.geometric(process.off_probability);
    next = on_again + overrun;
  }
  return next;
}

void OpenLoop::create(NodeId node, Cycle cycle) {
  const bool measured = in_window(cycle);
  Random& random = randoms_[node];
  PacketRequest request{node, {}, plan_.packet_flits, plan_.virtual_network, 0};
  const NodeId destination = pattern_.destination(node, random);
  request.destinations = {&destination, 1};
  if (plan_.multicast_share > 0 && !plan_.multicast_groups.empty() &&
      random.bernoulli(plan_.multicast_share))
    request.destinations = plan_.multicast_groups[random.below(plan_.multicast_groups.size())];
  network_.inject(cycle, request);
  if (!measured) return;
  measured_under_way_ += request.destinations.size();
  created_flits_ += plan_.packet_flits * request.destinations.size();
}

void OpenLoop::packet_arrived(std::uint64_t, NodeId, Cycle) {}

void OpenLoop::delivered(const Delivery& delivery) {
  if (in_window(delivery.arrived)) {
    accepted_flits_ += delivery.flits;
    accepted_by_source_[delivery.source] += delivery.flits;
  }
  if (plan_.reply_flits > 0 && delivery.tag == 0) {
    const NodeId back = delivery.source;
    const auto network = static_cast<std::uint8_t>(network_.config().virtual_networks.size() - 1);
    network_.inject(delivery.arrived,
                    {delivery.destination, {&back, 1}, plan_.reply_flits, network, kReplyTag});
    if (in_window(delivery.arrived)) {
      ++measured_under_way_;
      created_flits_ += plan_.reply_flits;
    }
  }
  if (!in_window(delivery.created)) return;
  --measured_under_way_;
  result_.classes[delivery.virtual_network].add(delivery);
  if (plan_.by_flow) result_.flows[{delivery.source, delivery.destination}].add(delivery);
}

void OpenLoop::schedule_creation(NodeId node, Cycle after) {
  creations_.schedule(created_until_, next_creation(node, after), {EventKind::kSource, node, 0});
}

void OpenLoop::advance_to(Cycle end) {
  for (Cycle next = creations_.next(created_until_); next < end;
       next = creations_.next(created_until_)) {
    created_until_ = next;
    creations_.take(next, due_);
    network_.advance(next, *this);
    for (const Event& creation : due_) {
      create(creation.subject, next);
      schedule_creation(creation.subject, next);
    }
  }
  network_.advance(end - 1, *this);
}

// As many packets are under way at the end of the window as at its start, up to chance: three times
// the root of their number.
bool OpenLoop::falls_behind() const {
  const auto created = static_cast<double>(created_flits_);
  const double behind = created - static_cast<double>(accepted_flits_);
  const double under_way = created / plan_.packet_flits * result_.latency.packet.mean() /
                           static_cast<double>(plan_.measure_cycles);
  const double chance = plan_.packet_flits * (1 + 3 * std::sqrt(under_way));
  return behind > 0.05 * created + chance;
}

OpenLoopResult OpenLoop::run() {
  network_.set_observer(this);
  advance_to(window_end_);
  Cycle end = window_end_;
  const Cycle last = window_end_ + plan_.drain_cycles;
  const Cycle step = std::max<Cycle>(100, plan_.drain_cycles / 50);
  while (measured_under_way_ > 0 && end < last) {
    end = std::min(end + step, last);
    advance_to(end);
  }
  network_.set_observer(nullptr);
  for (const auto& [network, record] : result_.classes) result_.latency.merge(record);
  const double node_cycles =
      static_cast<double>(plan_.measure_cycles) * static_cast<double>(senders_);
  result_.cycles = end;
  result_.offered_flits_per_node_cycle = static_cast<double>(created_flits_) / node_cycles;
  result_.accepted_flits_per_node_cycle = static_cast<double>(accepted_flits_) / node_cycles;
  result_.saturated = measured_under_way_ > 0 || falls_behind();
  std::uint64_t least = ~std::uint64_t{0};
  for (const std::uint64_t flits : accepted_by_source_) least = std::min(least, flits);
  result_.least_accepted = static_cast<double>(least) / static_cast<double>(plan_.measure_cycles);
  result_.flit_hops = network_.stats().flit_hops();
  return std::move(result_);
}

}  // namespace tessera::noc
