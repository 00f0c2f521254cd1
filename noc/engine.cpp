#include "noc/engine.h"

#include <algorithm>
#include <bit>

#include "sim/base/error.h"

namespace tessera::noc {

namespace {

constexpr Cycle kPatience = 100'000;  ///< cycles without any grant before a standstill is reported

}  // namespace

Engine::Engine(const NetworkConfig& config, const Topology& topology, const Routing& routing)
    : config_(config),
      topology_(topology),
      routing_(routing),
      networks_(static_cast<std::uint32_t>(config.virtual_networks.size())),
      plain_(!config.speculative && !config.hold_switch_for_packet),
      simple_(plain_ && config.allocator == AllocatorKind::kIslip),
      runs_(config.packet_runs && !config.hold_switch_for_packet),
      fabric_(config_, topology_),
      trees_(topology_, routing_),
      random_(config.seed),
      active_routers_((topology.routers() + 63) / 64),
      active_sources_((topology.nodes().size() + 63) / 64),
      queues_(topology.nodes().size() * config.virtual_networks.size()),
      sources_(topology.nodes().size()),
      first_adder_(topology.terminals()),
      channel_counters_(fabric_.channels.size()),
      wire_counters_(fabric_.wires.size()),
      class_flits_(config.traffic_classes > 1 ? fabric_.wires.size() * config.traffic_classes : 0) {
  if (is_adder(static_cast<NodeId>(topology.nodes().size() - 1))) {
    first_adder_channel_ = fabric_.channel_of(fabric_.ejection_wires[first_adder_], 0);
    expected_.resize(fabric_.channels.size() - first_adder_channel_);
  }
  wanted_output_.resize(fabric_.channels.size());
  fill_class_tables();
  next_check_ = config.self_check_interval_cycles == 0 ? kNever : config.self_check_interval_cycles;
  for (std::size_t i = 0; i < queues_.size(); ++i) {
    const auto& network = config_.virtual_networks[i % config_.virtual_networks.size()];
    queues_[i].last_vc = network.first_vc + network.vcs - 1;
  }
  for (ChannelId id = 0; id < fabric_.channels.size(); ++id)
    if (!wire_at(id).to_node) at(id).flit_wait = FlitWait::kHead;
  for (auto& source : sources_)
    source.last_network = static_cast<std::uint32_t>(config_.virtual_networks.size() - 1);
}

void Engine::inject(Cycle now, const PacketRequest& request) {
  if (now < now_)
    throw InvariantViolation("network", now_, "packet injected in cycle ", now, ", in the past");
  const auto nodes = topology_.nodes().size();
  if (request.source >= nodes || request.virtual_network >= config_.virtual_networks.size() ||
      request.flits == 0 || request.destinations.empty() ||
      request.traffic_class >= config_.traffic_classes)
    throw InvariantViolation("network", now, "packet of ", request.flits, " flits to ",
                             request.destinations.size(), " destinations from node ",
                             request.source, " on virtual network ", int{request.virtual_network},
                             " of traffic class ", int{request.traffic_class});
  for (const NodeId destination : request.destinations)
    if (destination >= nodes)
      throw InvariantViolation("network", now, "packet to node ", destination, " of ", nodes);
  Packet packet;
  packet.tag = request.tag;
  packet.created = now;
  packet.source = request.source;
  packet.destination = request.destinations[0];
  packet.flits = request.flits;
  packet.outstanding = static_cast<std::uint32_t>(request.destinations.size());
  packet.virtual_network = request.virtual_network;
  packet.spread = request.flits - 1;
  packet.sum = request.sum;
  packet.traffic_class = request.traffic_class;
  if (request.sum != kNoSum) check_term(request);
  if (routing_.coins() > 1)
    packet.coin = static_cast<std::uint8_t>(random_.below(routing_.coins()));
  if (request.destinations.size() > 1) {
    if (!config_.multicast || config_.allocator != AllocatorKind::kIslip ||
        config_.hold_switch_for_packet)
      throw UserError("noc: a packet has ", request.destinations.size(),
                      " destinations; that needs noc.multicast true, noc.allocator ISLIP and "
                      "noc.hold_switch_for_packet false");
    if (request.flits > config_.vc_buffer_flits)
      throw UserError("noc: a multicast packet has ", request.flits, " flits; noc.vc_buffer holds ",
                      config_.vc_buffer_flits, " and must hold it whole");
    packet.tree = trees_.tree(request.source, request.destinations);
  }
  queue_of(request.source, request.virtual_network).push(packets_.add(packet));
  if (packets_.alive() == 1) last_progress_ = now;
  if (observer_ != nullptr) observer_->injected(now, request);
  wheel_.schedule(now_, now + 1, {EventKind::kSource, request.source, 0});
}

Cycle Engine::next_event() const {
  const auto busy = [](std::uint64_t word) { return word != 0; };
  if (std::any_of(active_routers_.begin(), active_routers_.end(), busy) ||
      std::any_of(active_sources_.begin(), active_sources_.end(), busy))
    return now_ + 1;
  return wheel_.next(now_);
}

void Engine::advance(Cycle now, PacketSink& sink) {
  for (Cycle next = next_event(); next <= now; next = next_event()) step(next, sink);
  if (next_event() == kNever && packets_.alive() > 0)
    throw NoProgress("network at cycle ", now_, ": ", packets_.alive(),
                     " packets wait for each other\n", describe_waiting(20));
  now_ = std::max(now_, now);
}

void Engine::step(Cycle cycle, PacketSink& sink) {
  now_ = cycle;
  sources_done_ = false;
  wheel_.take(cycle, due_);
  for (const Event& event : due_) {
    if (event.kind == EventKind::kHead)
      head_event(event.subject);
    else if (event.kind == EventKind::kHorizon)
      run_horizon(event.subject);
    else
      handle(event);
  }
  step_sources();
  sources_done_ = true;
  for (std::size_t word = 0; word < active_routers_.size(); ++word)
    for (std::uint64_t bits = active_routers_[word]; bits != 0; bits &= bits - 1)
      visit(static_cast<RouterId>(word * 64 + std::countr_zero(bits)));
  if (!injected_.empty() || !arrived_.empty()) report(sink);
  if (cycle - last_progress_ > kPatience) watch_progress();
  if (cycle >= next_check_) {
    next_check_ = cycle + config_.self_check_interval_cycles;
    check_conservation();
  }
}

void Engine::handle(const Event& event) {
  switch (event.kind) {
    case EventKind::kHead:
    case EventKind::kHorizon:
      return;  // in step(): most events are these
    case EventKind::kFlit:
      if (event.subject >= first_adder_channel_) return term_event(event.subject);
      return recheck(event.subject, now_);
    case EventKind::kCredit:
      if (wire_at(event.subject).from_node) return activate_source(wire_at(event.subject).driver);
      if (at(event.subject).owner != kNone) recheck(at(event.subject).owner, now_);
      return;
    case EventKind::kRelease:
      return release(event.subject);
    case EventKind::kRoom:
      if (wire_at(event.subject).from_node) return activate_source(wire_at(event.subject).driver);
      return wake_heads(fabric_.wire_of(event.subject), now_);
    case EventKind::kArrival:
      return deliver(event.subject, event.detail);
    case EventKind::kSource:
      return source_event(event.subject);
    case EventKind::kSourceHorizon:
      return source_horizon(event.subject);
  }
}

void Engine::deliver(PacketId id, std::uint32_t detail) {
  Packet& packet = packets_[id];
  NodeId node = detail;
  std::uint32_t routers = packet.routers;
  std::uint32_t distance = packet.distance;
  if (packet.tree != kNone) {
    const TreeBranch& branch = trees_.branch(detail);
    node = branch.node;
    routers = trees_.node(branch.parent).routers;
    distance = trees_.node(branch.parent).distance;
  }
  if (is_adder(node)) {
    check_absorbed(id);
    return packets_.remove(id);
  }
  arrived_.emplace_back(node, packet.tag);
  const bool last = --packet.outstanding == 0;
  if (observer_ != nullptr) {
    const std::uint32_t per_router = config_.routing_delay + (config_.speculative ? 2 : 3);
    Delivery delivery{packet.tag,
                      packet.source,
                      node,
                      packet.flits,
                      packet.virtual_network,
                      routers,
                      packet.created,
                      packet.head_left_source,
                      now_,
                      0};
    delivery.zero_load_cycles = 1 + topology_.nodes()[packet.source].injection_latency_cycles +
                                distance + topology_.nodes()[node].ejection_latency_cycles +
                                Cycle{routers} * per_router + packet.spread;
    observer_->delivered(delivery);  // may inject, which can move all packets
  }
  if (last) packets_.remove(id);
}

void Engine::report(PacketSink& sink) {
  std::sort(injected_.begin(), injected_.end());
  std::sort(arrived_.begin(), arrived_.end());
  // The sink may inject, which touches neither list.
  for (const auto& [node, tag] : injected_) sink.packet_injected(tag, node, now_);
  for (const auto& [node, tag] : arrived_) sink.packet_arrived(tag, node, now_);
  injected_.clear();
  arrived_.clear();
}

void Engine::watch_progress() {
  if (packets_.alive() > 0)
    throw NoProgress("network at cycle ", now_, ": no flit moved for ", kPatience, " cycles\n",
                     describe_waiting(20));
  last_progress_ = now_;
}

void Engine::settle_all() {
  for (ChannelId id = 0; id < fabric_.channels.size(); ++id) {
    if (at(id).sent_running) at(id).sent.record_until(now_);
    if (at(id).freed_running) at(id).freed.record_until(now_);
  }
}

void Engine::check_conservation() {
  for (ChannelId id = 0; id < fabric_.channels.size(); ++id) {
    Channel& channel = at(id);
    const bool running = channel.sent_running || channel.freed_running;
    if (!running && channel.packets == 0 && channel.sent.count() == channel.freed.count()) continue;
    const Wire& wire = wire_at(id);
    if (wire.to_node) continue;
    if (channel.sent_running) channel.sent.record_until(now_);
    if (channel.freed_running) channel.freed.record_until(now_);
    const std::uint64_t occupied = channel.sent.count() - channel.freed.count();
    std::uint64_t expected = 0;
    for (std::uint32_t i = 0; i < channel.packets; ++i)
      expected += packets_[fabric_.queued(id, i).packet].flits;
    expected -= taken_of_front(id) + missing_of_last(id);
    if (occupied != expected || occupied > config_.vc_buffer_flits)
      throw InvariantViolation("network", now_, "virtual channel ", fabric_.vc_of(id), " of wire ",
                               fabric_.wire_of(id), " to router ", wire.sink, " counts ", occupied,
                               " flits under way, its packets have ", expected, " and it holds ",
                               config_.vc_buffer_flits, "; a flit or a credit was lost");
  }
}

std::uint64_t Engine::taken_of_front(ChannelId id) const {
  const Channel& channel = fabric_.channels[id];
  if (channel.state == ChannelState::kIdle) return 0;
  if (channel.fork != kNone) {
    std::uint64_t slowest = kNever;
    for (const Branch& branch : forks_[channel.fork].branches)
      slowest = std::min<std::uint64_t>(slowest, branch.sent);
    return slowest + (channel.freed_running ? now_ - channel.run_start + 1 : 0);
  }
  if (channel.state == ChannelState::kHead) return 0;
  const std::uint64_t in_run = channel.freed_running ? now_ - channel.run_start + 1 : 0;
  return packets_[channel.front.packet].flits - channel.remaining + in_run;
}

std::uint64_t Engine::missing_of_last(ChannelId id) const {
  const Channel& channel = fabric_.channels[id];
  const Wire& wire = fabric_.wires[fabric_.wire_of(id)];
  if (channel.owner == kNone) return 0;
  if (wire.from_node) {
    const SourceState& source = sources_[wire.driver];
    for (std::size_t i = 0; i < config_.virtual_networks.size(); ++i) {
      const SourceQueue& queue = queues_[wire.driver * config_.virtual_networks.size() + i];
      if (queue.channel != id) continue;
      return queue.remaining - (source.running == i ? now_ - source.run_start + 1 : 0);
    }
    return 0;
  }
  const Channel& sender = fabric_.channels[channel.owner];
  const std::uint64_t in_run = sender.freed_running ? now_ - sender.run_start + 1 : 0;
  if (sender.fork == kNone) return sender.remaining - in_run;
  for (const Branch& branch : forks_[sender.fork].branches)
    if (branch.out == id) return forks_[sender.fork].flits - branch.sent - in_run;
  return 0;
}

std::string Engine::describe_waiting(std::size_t limit) const {
  std::string text;
  std::size_t lines = 0;
  for (ChannelId id = 0; id < fabric_.channels.size() && lines < limit; ++id) {
    const Channel& channel = fabric_.channels[id];
    const Wire& wire = fabric_.wires[fabric_.wire_of(id)];
    if (wire.to_node || channel.state == ChannelState::kIdle) continue;
    const WireId out = channel.out_wire;
    const char* reason = channel.state == ChannelState::kHead ? " waits for a free channel"
                         : channel.stalled_since != kNever    ? " waits for a credit"
                                                              : " waits for a flit";
    text += detail::concatenate("  router ", wire.sink, " input ", int{wire.input_port}, " vc ",
                                fabric_.vc_of(id), ": packet to node ",
                                packets_[channel.front.packet].destination, reason);
    if (out != kNone)
      text += detail::concatenate(" towards ", fabric_.wires[out].to_node ? "node " : "router ",
                                  fabric_.wires[out].sink);
    text += "\n";
    ++lines;
  }
  return text + describe_sums(limit - lines);
}

}  // namespace tessera::noc
