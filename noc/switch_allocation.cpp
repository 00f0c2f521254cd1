// The switch: at most one flit leaves each input port and enters each output port per cycle. A flit
// that several branches of a multicast packet want is read once.
#include <algorithm>

#include "noc/engine.h"

namespace tessera::noc {

// Heads see the channels as they are before this cycle's tails free theirs; what heads win they use
// from the next cycle on.
void Engine::visit(RouterId router) {
  RouterPorts& ports = fabric_.routers[router];
  if (simple_) {
    visit_plain(router, ports);
  } else {
    match_heads(router);
    if (ports.switch_ports != 0 || config_.speculative) arbitrate(ports);
    commit_heads();
  }
  if ((ports.switch_ports | ports.head_ports) == 0)
    active_routers_[router / 64] &= ~(std::uint64_t{1} << (router % 64));
}

void Engine::visit_plain(RouterId router, const RouterPorts& ports) {
  ChannelId only_head = kNone;
  const bool heads = ports.head_ports != 0;
  if (heads) {
    only_head = allocate_only_head(ports);
    if (only_head == kNone) match_heads(router);
  }
  if (ports.switch_ports != 0) arbitrate_plain(ports);
  if (only_head != kNone)
    start_transfer(only_head);
  else if (heads)
    commit_heads();
}

void Engine::arbitrate(RouterPorts& ports) {
  collect_switch(ports);
  if (config_.hold_switch_for_packet) step_held(ports);
  if (requests_.empty()) return;
  allocate_switch(ports);
  commit_switch();
}

void Engine::collect_switch(RouterPorts& ports) {
  do {
    requests_.clear();
    merged_.clear();
    for (std::uint64_t inputs = ports.switch_ports; inputs != 0; inputs &= inputs - 1)
      collect_port(ports.first_input + std::countr_zero(inputs));
    if (config_.speculative) request_speculatively();
  } while (stop_competing_runs());
}

// A run that a new request competes with becomes a request itself.
bool Engine::stop_competing_runs() {
  if (!runs_) return false;
  bool stopped = false;
  for (const SwitchRequest& request : requests_)
    stopped |= stop_runs_against(request.in_wire, request.out_wire);
  return stopped;
}

bool Engine::stop_runs_against(WireId in_wire, WireId out_wire) {
  bool stopped = false;
  for (const ChannelId run : {fabric_.wires[in_wire].run_in, fabric_.wires[out_wire].run_out})
    if (run != kNone) stopped |= stop_competing_run(run);
  return stopped;
}

void Engine::collect_port(WireId in_wire) {
  const Wire& wire = fabric_.wires[in_wire];
  const std::uint64_t below = (std::uint64_t{1} << (wire.vc_pointer % 64)) - 1;
  std::uint64_t outputs = 0;
  for (std::uint64_t vcs : {wire.switch_vcs & ~below, wire.switch_vcs & below})
    for (; vcs != 0; vcs &= vcs - 1) {
      const ChannelId in = fabric_.channel_of(in_wire, std::countr_zero(vcs));
      if (at(in).fork == kNone)
        request_switch(in, in_wire, outputs);
      else
        request_fork(in, in_wire, outputs);
    }
}

bool Engine::may_request(const Wire& in_wire, const Wire& out_wire) const {
  if (out_wire.interval > 1 && now_ < out_wire.free_at) return false;
  return in_wire.held_in == kNone && out_wire.held_out == kNone;
}

// Of several channels of one input that want the same output, the first in turn requests it.
void Engine::request_switch(ChannelId in, WireId in_wire, std::uint64_t& outputs) {
  const WireId out_wire = at(in).out_wire;
  const Wire& out = fabric_.wires[out_wire];
  const std::uint64_t port = std::uint64_t{1} << out.output_port;
  if (!may_request(fabric_.wires[in_wire], out)) return;
  if ((outputs & port) != 0) {
    merged_.push_back(at(in).out);
    return;
  }
  outputs |= port;
  requests_.push_back({in, kNone, in_wire, out_wire, 0});
}

void Engine::request_fork(ChannelId in, WireId in_wire, std::uint64_t& outputs) {
  Fork& fork = forks_[at(in).fork];
  const std::uint32_t arrived = fork_arrived(in, fork, now_);
  for (std::uint32_t i = 0; i < fork.branches.size(); ++i) {
    const Branch& branch = fork.branches[i];
    if (branch.out == kNone || branch.sent == fork.flits || branch.sent >= arrived) continue;
    const Wire& out = fabric_.wires[branch.wire];
    const std::uint64_t port = std::uint64_t{1} << out.output_port;
    if (!may_request(fabric_.wires[in_wire], out)) continue;
    if ((outputs & port) != 0) {
      merged_.push_back(branch.out);
      continue;
    }
    outputs |= port;
    requests_.push_back({in, i, in_wire, branch.wire, branch.sent});
  }
}

// A head asks for the switch while it asks for a channel, if one with a credit is free. An active
// channel of the same input has precedence at an output, other inputs are equals.
void Engine::request_speculatively() {
  for (const HeadRequest& head : heads_) {
    if (head.branch != kNone) continue;
    const WireId in_wire = fabric_.wire_of(head.in);
    if (!may_request(fabric_.wires[in_wire], fabric_.wires[head.wire])) continue;
    bool credit = false;
    for (std::uint64_t free = head.free; free != 0 && !credit; free &= free - 1)
      credit = credits(fabric_.channel_of(head.wire, std::countr_zero(free)), now_) > 0;
    if (!credit) continue;
    const auto rival = std::find_if(requests_.begin(), requests_.end(), [&](const auto& request) {
      return request.in_wire == in_wire && request.out_wire == head.wire;
    });
    const SwitchRequest wish{head.in, kNone, in_wire, head.wire, 0, true};
    if (rival == requests_.end()) {
      requests_.push_back(wish);
    } else if (rival->speculative) {
      const std::uint32_t pointer = fabric_.wires[in_wire].vc_pointer;
      if (turn(fabric_.vc_of(head.in), pointer, fabric_.vcs) <
          turn(fabric_.vc_of(rival->in), pointer, fabric_.vcs))
        *rival = wish;
    }
  }
}

void Engine::allocate_switch(const RouterPorts& ports) {
  if (requests_.size() > 1) return match_requests(ports);
  SwitchRequest& only = requests_.front();
  only.matched = true;
  Wire& in = fabric_.wires[only.in_wire];
  Wire& out = fabric_.wires[only.out_wire];
  out.grant_pointer =
      static_cast<std::uint16_t>(in.input_port + 1u == ports.inputs ? 0 : in.input_port + 1);
  in.accept_pointer =
      static_cast<std::uint16_t>(out.output_port + 1u == ports.outputs ? 0 : out.output_port + 1);
}

void Engine::match_requests(const RouterPorts& ports) {
  matching_.clear();
  for (std::uint32_t i = 0; i < requests_.size(); ++i) {
    Wire& in = fabric_.wires[requests_[i].in_wire];
    Wire& out = fabric_.wires[requests_[i].out_wire];
    MatchRequest& wish = matching_.emplace_back();
    wish.input = in.input_port;
    wish.output = out.output_port;
    wish.payload = i;
    wish.grant_pointer = &out.grant_pointer;
    wish.accept_pointer = &in.accept_pointer;
  }
  match(config_.allocator, {ports.inputs, ports.outputs}, now_, matching_);
  for (const MatchRequest& wish : matching_) requests_[wish.payload].matched = wish.matched;
  match_companions(ports);
}

// The flit an input reads for one branch goes to every other branch at the same flit whose output
// granted this input as well. The accept pointer moves past the last of them in turn, so that it
// stays where it is while all branches move together.
void Engine::match_companions(const RouterPorts& ports) {
  for (const SwitchRequest& read : requests_) {
    if (!read.matched || read.branch == kNone || read.companion) continue;
    Wire& in = fabric_.wires[read.in_wire];
    const std::uint32_t after_first = in.accept_pointer;
    std::uint32_t farthest = 0;
    for (const MatchRequest& wish : matching_) {
      SwitchRequest& other = requests_[wish.payload];
      if (!wish.granted || other.matched || other.in != read.in || other.flit != read.flit)
        continue;
      other.matched = true;
      other.companion = true;
      *wish.grant_pointer = static_cast<std::uint16_t>((wish.input + 1) % ports.inputs);
      farthest = std::max(farthest, 1 + turn(wish.output, after_first, ports.outputs));
    }
    in.accept_pointer = static_cast<std::uint16_t>((after_first + farthest) % ports.outputs);
  }
}

void Engine::commit_switch() {
  last_progress_ = now_;
  for (std::size_t i = 0; i < requests_.size(); ++i) {
    const SwitchRequest request = requests_[i];
    if (!request.matched) {
      count_loss(request);
    } else {
      const std::uint32_t vc = fabric_.vc_of(request.in);
      fabric_.wires[request.in_wire].vc_pointer =
          static_cast<std::uint16_t>(vc + 1 == fabric_.vcs ? 0 : vc + 1);
      if (request.branch == kNone)
        commit_unicast(request);
      else
        send_branch(request.in, request.branch);
    }
    const bool last = i + 1 == requests_.size() || requests_[i + 1].in != request.in;
    if (request.branch != kNone && last) advance_fork(request.in, is_undisturbed(request.in));
  }
  for (const ChannelId out : merged_) ++channel_counters_[out].switch_losses;
}

void Engine::count_loss(const SwitchRequest& request) {
  if (request.speculative) return;
  const Channel& channel = at(request.in);
  const ChannelId out =
      request.branch == kNone ? channel.out : forks_[channel.fork].branches[request.branch].out;
  ++channel_counters_[out].switch_losses;
}

void Engine::commit_unicast(const SwitchRequest& request) {
  if (request.speculative && !confirm_speculation(request)) return;
  const bool alone =
      config_.packet_runs && at(request.in).remaining > kShortestRun + 1 && is_uncontested(request);
  send(request.in);
  if (at(request.in).state != ChannelState::kActive) return;
  if (config_.hold_switch_for_packet) return update_hold(request.in);
  if (alone && try_run(request.in, at(request.in).remaining)) return;
  continue_transfer(request.in);
}

// The grant holds if the head was given a channel of that output in the same cycle, with a credit.
bool Engine::confirm_speculation(const SwitchRequest& request) {
  for (HeadWin& won : wins_) {
    if (won.in != request.in) continue;
    if (fabric_.wire_of(won.out) != request.out_wire || credits(won.out, now_) == 0) return false;
    commit_head(won);
    won.committed = true;
    at(request.in).flits_known = at(request.in).credits_known = 1;
    set_ready(request.in);
    return true;
  }
  return false;
}

bool Engine::is_uncontested(const SwitchRequest& request) const {
  const Wire& in = fabric_.wires[request.in_wire];
  if ((in.switch_vcs & ~bit(request.in)) != 0) return false;
  if (fabric_.wires[request.out_wire].interval != 1) return false;
  if (requests_.size() == 1) return true;
  return std::none_of(requests_.begin(), requests_.end(), [&](const SwitchRequest& other) {
    return other.in != request.in &&
           (other.in_wire == request.in_wire || other.out_wire == request.out_wire);
  });
}

// A channel that holds its connection sends without arbitration and loses it when it cannot send.
void Engine::step_held(const RouterPorts& ports) {
  for (WireId id = ports.first_input; id < ports.first_input + ports.inputs; ++id) {
    const ChannelId in = fabric_.wires[id].held_in;
    if (in == kNone) continue;
    fabric_.wires[id].held_in = kNone;
    fabric_.wires[at(in).out_wire].held_out = kNone;
    if (credits(at(in).out, now_) == 0) {
      continue_transfer(in);
      continue;
    }
    last_progress_ = now_;
    at(in).flits_known = at(in).credits_known = 1;
    send(in);
    if (at(in).state == ChannelState::kActive) update_hold(in);
  }
}

// The connection is held while the next flit is in the buffer.
void Engine::update_hold(ChannelId in) {
  if (flits_available(in, now_) == 0) return continue_transfer(in);
  wire_at(in).held_in = in;
  fabric_.wires[at(in).out_wire].held_out = in;
  set_ready(in);
}

}  // namespace tessera::noc
