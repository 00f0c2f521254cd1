// Heads: the way they may go and the virtual channel they get there.
#include <algorithm>

#include "noc/engine.h"

namespace tessera::noc {

namespace {

constexpr std::uint32_t kMoreChoices = 3;  ///< beyond the first, for adaptive routing

std::uint64_t range_mask(std::uint32_t first, std::uint32_t count) {
  return count == 0 ? 0 : (~std::uint64_t{0} >> (64 - count)) << first;
}

std::uint32_t lower_class_size(VcPartition partition, std::uint32_t vcs) {
  switch (partition) {
    case VcPartition::kWhole:
      return vcs;
    case VcPartition::kHalves:
      return vcs / 2;
    case VcPartition::kEscapeAndRest:
      return 1;
  }
  return vcs;
}

}  // namespace

void Engine::fill_class_tables() {
  for (const auto& network : config_.virtual_networks) {
    const std::uint32_t lower = lower_class_size(routing_.partition(), network.vcs);
    class_vcs_.push_back(range_mask(network.first_vc, lower));
    class_vcs_.push_back(range_mask(network.first_vc + lower, network.vcs - lower));
    class_vcs_.push_back(range_mask(network.first_vc, network.vcs));
    for (std::uint32_t vc = 0; vc < network.vcs; ++vc) vc_class_.push_back(vc < lower ? 0 : 1);
  }
  more_choices_.resize(fabric_.channels.size() * kMoreChoices);
  // Routes that depend on router and node alone are remembered as they are first asked for.
  constexpr std::size_t kMostRemembered = std::size_t{32} << 20;
  const std::size_t pairs = std::size_t{topology_.routers()} * topology_.nodes().size();
  const bool memoryless =
      routing_.memoryless() && routing_.coins() == 1 && routing_.partition() == VcPartition::kWhole;
  if (memoryless && pairs <= kMostRemembered) next_port_.assign(pairs, kUnknownPort);
}

void Engine::set_head(ChannelId in) {
  Wire& wire = wire_at(in);
  wire.head_vcs |= bit(in);
  fabric_.routers[wire.sink].head_ports |= std::uint64_t{1} << wire.input_port;
  activate(wire.sink);
}

void Engine::clear_head(ChannelId in) { clear_head(wire_at(in), bit(in)); }

void Engine::clear_head(Wire& wire, std::uint64_t vc) {
  wire.head_vcs &= ~vc;
  if (wire.head_vcs == 0)
    fabric_.routers[wire.sink].head_ports &= ~(std::uint64_t{1} << wire.input_port);
}

// A head was announced for this cycle; the run that was to bring it may have been stopped
// meanwhile.
void Engine::head_event(ChannelId in) {
  const Channel& channel = at(in);
  if (channel.state != ChannelState::kIdle) return;
  if (channel.contiguous && channel.packets == 1) return head_ready(in);
  const Cycle arrived = now_ - config_.routing_delay;
  if (flits_available(in, arrived) == 0) return wait_for_flit(in, arrived, FlitWait::kHead);
  // Only after a flit was lost: one is left in the books that belongs to no packet.
  if (at(in).packets == 0) return;
  head_ready(in);
}

void Engine::head_ready(ChannelId in) {
  Channel& channel = at(in);
  const Packet& packet = packets_[at(in).front.packet];
  channel.state = ChannelState::kHead;
  channel.stalled_since = kNever;
  if (packet.tree == kNone)
    route_unicast(in, packet);
  else
    route_fork(in, packet);
  set_head(in);
}

void Engine::route_unicast(ChannelId in, const Packet& packet) {
  if (next_port_.empty()) return ask_routing(in, packet);
  const RouterId router = wire_at(in).sink;
  const std::size_t slot = std::size_t{router} * topology_.nodes().size() + packet.destination;
  const std::uint8_t port = next_port_[slot];
  if (port == kUnknownPort) return remember_route(in, packet);
  Channel& channel = at(in);
  channel.choices = 1;
  channel.out_wire = fabric_.output_wires[fabric_.routers[router].first_output + port];
  channel.out_vcs = vcs_of(packet.virtual_network, kAnyClass);
}

void Engine::remember_route(ChannelId in, const Packet& packet) {
  ask_routing(in, packet);
  const Channel& channel = at(in);
  if (channel.choices > 1) return;
  const std::size_t router = wire_at(in).sink;
  next_port_[router * topology_.nodes().size() + packet.destination] =
      fabric_.wires[channel.out_wire].output_port;
}

void Engine::ask_routing(ChannelId in, const Packet& packet) {
  const Wire& wire = wire_at(in);
  RouteQuery query{wire.sink, kNoLink, kAnyClass, packet.source, packet.destination, packet.coin};
  if (!wire.from_node) {
    query.in_link = wire.link;
    query.in_class = vc_class_[fabric_.vc_of(in)];
  }
  RouteCandidates candidates;
  routing_.route(query, candidates);
  Channel& channel = at(in);
  channel.choices = static_cast<std::uint8_t>(candidates.size());
  for (std::uint32_t i = 0; i < candidates.size(); ++i) {
    const RouteCandidate& candidate = candidates[i];
    const bool eject = candidate.link == kEject;
    const Choice choice{
        eject ? fabric_.ejection_wires[packet.destination] : fabric_.link_wires[candidate.link],
        vcs_of(packet.virtual_network, candidate.vc_class)};
    if (i == 0) {
      channel.out_wire = choice.wire;
      channel.out_vcs = choice.vcs;
    } else {
      more_choices_[in * kMoreChoices + i - 1] = choice;
    }
  }
}

void Engine::route_fork(ChannelId in, const Packet& packet) {
  Channel& channel = at(in);
  const TreeNode& node = trees_.node(at(in).front.tree_node);
  channel.fork = new_fork();
  Fork& fork = forks_[channel.fork];
  fork.base = channel.freed.count();
  fork.flits = packet.flits;
  fork.arrived = 0;
  fork.one_per_wire = node.one_per_link;
  fork.with_channel = 0;
  fork.branches.resize(node.branches);
  for (std::uint32_t i = 0; i < node.branches; ++i) {
    const TreeBranch& way = trees_.branch(node.first_branch + i);
    const WireId wire =
        way.link == kEject ? fabric_.ejection_wires[way.node] : fabric_.link_wires[way.link];
    fork.branches[i] = {vcs_of(packet.virtual_network, way.vc_class), wire, kNone, 0,
                        node.first_branch + i};
  }
  channel.out_wire = fork.branches.front().wire;
}

std::uint32_t Engine::new_fork() {
  if (free_forks_.empty()) {
    forks_.emplace_back();
    return static_cast<std::uint32_t>(forks_.size() - 1);
  }
  const std::uint32_t id = free_forks_.back();
  free_forks_.pop_back();
  return id;
}

Engine::Choice Engine::choice(ChannelId in, std::uint32_t index) const {
  const Channel& channel = fabric_.channels[in];
  if (index == 0) return {channel.out_wire, channel.out_vcs};
  return more_choices_[in * kMoreChoices + index - 1];
}

void Engine::match_heads(RouterId router) {
  wins_.clear();
  heads_.clear();
  if (fabric_.routers[router].head_ports == 0) return;
  collect_heads(router);
  allocate_heads(router);
}

void Engine::collect_heads(RouterId router) {
  const RouterPorts& ports = fabric_.routers[router];
  for (std::uint64_t inputs = ports.head_ports; inputs != 0; inputs &= inputs - 1) {
    const WireId wire = ports.first_input + std::countr_zero(inputs);
    for (std::uint64_t vcs = fabric_.wires[wire].head_vcs; vcs != 0; vcs &= vcs - 1) {
      const ChannelId in = fabric_.channel_of(wire, std::countr_zero(vcs));
      if (at(in).fork == kNone)
        collect_unicast(in);
      else
        collect_fork(in);
    }
  }
}

void Engine::collect_unicast(ChannelId in) {
  const std::size_t before = heads_.size();
  const std::uint32_t choices = at(in).choices;
  bool emptying = false;
  for (std::uint32_t i = 0; i < choices; ++i) {
    const Choice way = choice(in, i);
    std::uint64_t free = way.vcs & ~fabric_.wires[way.wire].owned_vcs;
    if (routing_.has_escape_class() && !fabric_.wires[way.wire].to_node) {
      const std::uint64_t empty = empty_or_escape(in, way.wire, free);
      emptying |= empty != free;
      free = empty;
    }
    if (free != 0) heads_.push_back({in, kNone, way.wire, free, at(in).accept_pointer});
  }
  if (heads_.size() != before || emptying) return;
  for (std::uint32_t i = 0; i < choices; ++i)
    fabric_.wires[choice(in, i).wire].waiting_ports |= std::uint64_t{1} << wire_at(in).input_port;
  sleep(in);
}

// Next to an escape channel, the others are taken only when empty: a head behind another packet
// could not turn to its escape channel, and circles of such packets would wait for ever.
std::uint64_t Engine::empty_or_escape(ChannelId in, WireId wire, std::uint64_t free) {
  const std::uint8_t network = packets_[at(in).front.packet].virtual_network;
  std::uint64_t kept = free & vcs_of(network, 0);
  for (std::uint64_t rest = free & ~kept; rest != 0; rest &= rest - 1) {
    const std::uint32_t vc = std::countr_zero(rest);
    if (credits(fabric_.channel_of(wire, vc), now_) == config_.vc_buffer_flits)
      kept |= std::uint64_t{1} << vc;
  }
  return kept;
}

void Engine::collect_fork(ChannelId in) {
  Fork& fork = forks_[at(in).fork];
  const std::size_t before = heads_.size();
  bool may_sleep = true;
  for (std::uint32_t i = 0; i < fork.branches.size(); ++i) {
    const Branch& branch = fork.branches[i];
    if (branch.out != kNone) continue;
    std::uint64_t roomy = 0;
    std::uint64_t free = branch.vcs & ~fabric_.wires[branch.wire].owned_vcs;
    for (; free != 0; free &= free - 1) {
      const std::uint32_t vc = std::countr_zero(free);
      if (credits(fabric_.channel_of(branch.wire, vc), now_) >= fork.flits)
        roomy |= std::uint64_t{1} << vc;
    }
    if (roomy != 0)
      heads_.push_back({in, i, branch.wire, roomy, at(in).accept_pointer});
    else
      may_sleep &= wait_for_room(branch);
  }
  if (heads_.size() != before || !may_sleep) return;
  for (const Branch& branch : fork.branches)
    if (branch.out == kNone)
      fabric_.wires[branch.wire].waiting_ports |= std::uint64_t{1} << wire_at(in).input_port;
  sleep(in);
}

// False when credits are on their way: the head then asks again in the next cycle.
bool Engine::wait_for_room(const Branch& branch) {
  const Wire& wire = fabric_.wires[branch.wire];
  for (std::uint64_t free = branch.vcs & ~wire.owned_vcs; free != 0; free &= free - 1) {
    const ChannelId out = fabric_.channel_of(branch.wire, std::countr_zero(free));
    Channel& channel = at(out);
    if (wire.to_node || channel.freed_running) return false;
    if (channel.freed.next_after(now_, wire.credit_lag) != kNever) return false;
    channel.room_wait = true;
  }
  return true;
}

void Engine::sleep(ChannelId in) {
  clear_head(in);
  wire_at(in).asleep_vcs |= bit(in);
  at(in).stalled_since = now_;
}

void Engine::allocate_heads(RouterId router) {
  if (heads_.empty()) return;
  const RouterPorts& ports = fabric_.routers[router];
  if (heads_compete()) return allocate_contested(ports);
  for (const HeadRequest& request : heads_) allocate_uncontested(request, ports);
}

bool Engine::heads_compete() const {
  if (config_.allocator == AllocatorKind::kWavefront) return true;
  for (std::size_t i = 1; i < heads_.size(); ++i)
    for (std::size_t k = 0; k < i; ++k)
      if (heads_[i].wire == heads_[k].wire ||
          (heads_[i].in == heads_[k].in && heads_[i].branch == kNone))
        return true;
  return false;
}

// All free channels are granted to the only head that asks; it accepts the next in turn.
void Engine::allocate_uncontested(const HeadRequest& request, const RouterPorts& ports) {
  const Wire& out = fabric_.wires[request.wire];
  const std::uint32_t vcs = fabric_.vcs;
  const std::uint32_t pointer = request.pointer;
  std::uint64_t from = request.free;
  if (pointer / vcs == out.output_port) from &= ~std::uint64_t{0} << (pointer % vcs);
  const std::uint32_t vc = std::countr_zero(from != 0 ? from : request.free);
  const std::uint32_t input = wire_at(request.in).input_port * vcs + fabric_.vc_of(request.in);
  const std::uint32_t output = out.output_port * vcs + vc;
  const std::uint32_t inputs = ports.inputs * vcs;
  const std::uint32_t outputs = ports.outputs * vcs;
  at(fabric_.channel_of(request.wire, vc)).grant_pointer =
      static_cast<std::uint16_t>(input + 1 == inputs ? 0 : input + 1);
  at(request.in).accept_pointer =
      static_cast<std::uint16_t>(output + 1 == outputs ? 0 : output + 1);
  win(request, vc);
}

void Engine::allocate_contested(const RouterPorts& ports) {
  const std::uint32_t vcs = fabric_.vcs;
  matching_.clear();
  for (std::uint32_t i = 0; i < heads_.size(); ++i) {
    const HeadRequest& request = heads_[i];
    const std::uint32_t port = fabric_.wires[request.wire].output_port;
    for (std::uint64_t free = request.free; free != 0; free &= free - 1) {
      const std::uint32_t vc = std::countr_zero(free);
      MatchRequest& wish = matching_.emplace_back();
      wish.input = wire_at(request.in).input_port * vcs + fabric_.vc_of(request.in);
      wish.output = port * vcs + vc;
      wish.group = request.branch == kNone ? 0 : request.branch;
      wish.payload = i;
      wish.grant_pointer = &at(fabric_.channel_of(request.wire, vc)).grant_pointer;
      wish.accept_pointer = &at(request.in).accept_pointer;
    }
  }
  match(config_.allocator, {ports.inputs * vcs, ports.outputs * vcs}, now_, matching_);
  for (const MatchRequest& wish : matching_)
    if (wish.matched) win(heads_[wish.payload], wish.output % vcs);
  for (const HeadRequest& request : heads_) {
    const auto won = [&](const HeadWin& w) {
      return w.in == request.in && w.branch == request.branch;
    };
    if (std::none_of(wins_.begin(), wins_.end(), won)) ++wire_counters_[request.wire].vc_losses;
  }
}

void Engine::win(const HeadRequest& request, std::uint32_t vc) {
  wins_.push_back({request.in, request.branch, fabric_.channel_of(request.wire, vc), false});
}

void Engine::commit_heads() {
  for (const HeadWin& won : wins_) {
    if (!won.committed) commit_head(won);
  }
  for (const HeadWin& won : wins_)
    if (!won.committed) start_transfer(won.in);
}

void Engine::start_transfer(ChannelId in) {
  if (at(in).freed_running) return;
  if (runs_) {
    const bool started = at(in).fork == kNone ? start_run(in) : try_fork_start(in);
    if (started) return;
  }
  recheck(in, now_ + 1);
}

void Engine::commit_head(const HeadWin& won) {
  if (won.branch == kNone)
    commit_unicast_head(passage(won.in, won.out));
  else
    commit_branch(won.in, won.branch, won.out);
}

void Engine::commit_unicast_head(const Passage& way) {
  const PacketId id = way.channel.front.packet;
  Packet& packet = packets_[id];
  way.to.owned_vcs |= bit(way.out);
  way.next.owner = way.in;
  ++way.to.vc_grants;
  count_class(fabric_.wire_of(way.out), packet);
  ++packet.routers;
  if (way.to.interval > 1 || packet.spread + 1 != packet.flits) spread(packet, way.to.interval);
  if (!way.to.to_node) {
    packet.distance += way.to.flit_lag - 2u;
    way.next.contiguous = false;
    fabric_.push(way.out, {id, kNone});
  } else if (way.out >= first_adder_channel_) {
    expect_term(id, way.out);
  }
  way.channel.state = ChannelState::kActive;
  wanted_output_[way.in] = way.to.interval == 1 ? way.to.output_port : kSeveralOutputs;
  way.channel.out = way.out;
  way.channel.out_wire = fabric_.wire_of(way.out);
  way.channel.remaining = packet.flits;
  clear_head(way.from, bit(way.in));
}

/// The head waits for its route and channel, so the tail catches up; a narrow link spreads flits.
void Engine::spread(Packet& packet, std::uint32_t interval) const {
  const std::uint32_t head_wait = config_.routing_delay + (config_.speculative ? 0 : 1);
  packet.spread =
      std::max(packet.spread - std::min(packet.spread, head_wait), (packet.flits - 1) * interval);
}

void Engine::commit_branch(ChannelId in, std::uint32_t index, ChannelId out) {
  Wire& wire = wire_at(out);
  Fork& fork = forks_[at(in).fork];
  Branch& branch = fork.branches[index];
  wire.owned_vcs |= bit(out);
  at(out).owner = in;
  ++wire.vc_grants;
  count_class(fabric_.wire_of(out), packets_[at(in).front.packet]);
  branch.out = out;
  at(out).contiguous = false;
  if (!wire.to_node)
    fabric_.push(out, {at(in).front.packet, trees_.branch(branch.tree_branch).child});
  at(in).state = ChannelState::kActive;
  wanted_output_[in] = kSeveralOutputs;
  if (++fork.with_channel < fork.branches.size()) return;
  clear_head(in);
  if (fork.branches.size() == 1) pass_through(in);
}

/// Where a multicast packet has one way only it moves like any other: its room is certain.
void Engine::pass_through(ChannelId in) {
  Channel& channel = at(in);
  const Fork& fork = forks_[channel.fork];
  channel.out = fork.branches.front().out;
  channel.out_wire = fork.branches.front().wire;
  wanted_output_[in] = fabric_.wires[channel.out_wire].interval == 1
                           ? fabric_.wires[channel.out_wire].output_port
                           : kSeveralOutputs;
  channel.remaining = fork.flits;
  free_fork(in);
}

}  // namespace tessera::noc
