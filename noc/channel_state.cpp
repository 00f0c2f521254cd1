// What a channel has to offer in a cycle, and how those who wait for it are woken.
#include <algorithm>

#include "noc/engine.h"

namespace tessera::noc {

void Engine::settle_sent(ChannelId channel) {
  if (at(channel).sent_running) at(channel).sent.record_until(sent_known_through(wire_at(channel)));
}

void Engine::settle_freed(ChannelId channel) {
  if (at(channel).freed_running) at(channel).freed.record_until(now_ - 1);
}

std::uint32_t Engine::flits_available(ChannelId in, Cycle cycle) {
  settle_sent(in);
  const Channel& channel = at(in);
  return static_cast<std::uint32_t>(channel.sent.count_before(cycle, wire_at(in).flit_lag) -
                                    channel.freed.count());
}

std::uint32_t Engine::credits(ChannelId out, Cycle cycle) {
  const Wire& wire = wire_at(out);
  const Channel& channel = at(out);
  const auto sent = static_cast<std::uint32_t>(channel.sent.count());
  if (wire.to_node)
    return config_.vc_buffer_flits -
           (sent - static_cast<std::uint32_t>(channel.sent.count_before(cycle, wire.credit_lag)));
  settle_freed(out);
  return config_.vc_buffer_flits -
         (sent - static_cast<std::uint32_t>(channel.freed.count_before(cycle, wire.credit_lag)));
}

void Engine::wait_for_flit(ChannelId in, Cycle cycle, FlitWait kind) {
  settle_sent(in);
  const std::uint32_t lag = wire_at(in).flit_lag;
  Cycle arrival = at(in).sent.next_after(cycle, lag);
  if (arrival == kNever && at(in).sent_running) arrival = sender_run_start(in) + lag;
  if (arrival == kNever)
    at(in).flit_wait = kind;
  else
    schedule_flit(in, arrival, kind);
}

void Engine::schedule_flit(ChannelId in, Cycle arrival, FlitWait kind) {
  if (kind == FlitWait::kHead)
    schedule(arrival + config_.routing_delay, EventKind::kHead, in);
  else
    schedule(arrival, EventKind::kFlit, in);
}

void Engine::wait_for_credit(ChannelId out, Cycle cycle) {
  const Wire& wire = wire_at(out);
  Channel& channel = at(out);
  settle_freed(out);
  const GrantLog& log = wire.to_node ? channel.sent : channel.freed;
  Cycle arrival = log.next_after(cycle, wire.credit_lag);
  if (arrival == kNever && channel.freed_running) arrival = channel.run_start + wire.credit_lag;
  if (arrival == kNever)
    channel.credit_wait = true;
  else
    schedule(arrival, EventKind::kCredit, out);
}

void Engine::put_flit(ChannelId out) {
  at(out).sent.record(now_);
  wake_receiver(out, now_);
}

void Engine::take_flit(ChannelId in) {
  at(in).freed.record(now_);
  wake_sender(in, now_);
}

/// A flit is granted into the channel in `granted`.
void Engine::wake_waiting_receiver(ChannelId out, Cycle granted) {
  Channel& channel = at(out);
  schedule_flit(out, granted + wire_at(out).flit_lag, channel.flit_wait);
  channel.flit_wait = FlitWait::kNo;
}

/// A flit is granted out of the channel's buffer in `granted`.
void Engine::wake_waiting_sender(ChannelId in, Cycle granted) {
  Channel& channel = at(in);
  const Cycle usable = granted + wire_at(in).credit_lag;
  if (channel.credit_wait) schedule(usable, EventKind::kCredit, in);
  if (channel.room_wait) schedule(usable, EventKind::kRoom, in);
  channel.credit_wait = channel.room_wait = false;
}

void Engine::set_ready(ChannelId in) {
  Wire& wire = wire_at(in);
  wire.switch_vcs |= bit(in);
  fabric_.routers[wire.sink].switch_ports |= std::uint64_t{1} << wire.input_port;
  activate(wire.sink);
}

void Engine::clear_ready(ChannelId in) {
  Wire& wire = wire_at(in);
  if ((wire.switch_vcs & bit(in)) == 0) return;
  wire.switch_vcs &= ~bit(in);
  if (wire.switch_vcs == 0)
    fabric_.routers[wire.sink].switch_ports &= ~(std::uint64_t{1} << wire.input_port);
}

// Wake-ups may be late (the packet has left meanwhile) or double; the state decides.
void Engine::recheck(ChannelId in, Cycle cycle) {
  Channel& channel = at(in);
  if (channel.freed_running) return;
  if (channel.fork != kNone) return recheck_fork(in, cycle);
  if (channel.state != ChannelState::kActive) return;
  channel.flits_known = flits_available(in, cycle);
  if (channel.flits_known == 0) return wait_for_flit(in, cycle, FlitWait::kBody);
  channel.credits_known = credits(channel.out, cycle);
  if (channel.credits_known == 0) {
    if (channel.stalled_since == kNever) channel.stalled_since = cycle;
    return wait_for_credit(channel.out, cycle);
  }
  if (channel.stalled_since != kNever) {
    channel_counters_[channel.out].credit_stall_cycles += cycle - channel.stalled_since;
    channel.stalled_since = kNever;
  }
  set_ready(in);
}

void Engine::recheck_fork(ChannelId in, Cycle cycle) {
  Fork& fork = forks_[at(in).fork];
  if (has_flit_for(fork, fork_arrived(in, fork, cycle))) return set_ready(in);
  const bool starving =
      std::any_of(fork.branches.begin(), fork.branches.end(),
                  [&](const Branch& b) { return b.out != kNone && b.sent < fork.flits; });
  if (starving) wait_for_flit(in, cycle, FlitWait::kBody);
}

/// Flits of the packet that are in the buffer in `cycle`; once all are, nothing is looked up.
std::uint32_t Engine::fork_arrived(ChannelId in, Fork& fork, Cycle cycle) {
  if (fork.arrived == fork.flits) return fork.arrived;
  settle_sent(in);
  const std::uint64_t arrived = at(in).sent.count_before(cycle, wire_at(in).flit_lag) - fork.base;
  fork.arrived = static_cast<std::uint32_t>(std::min<std::uint64_t>(arrived, fork.flits));
  return fork.arrived;
}

/// Can a branch that has its channel send one of the flits that have arrived?
bool Engine::has_flit_for(const Fork& fork, std::uint32_t arrived) {
  for (const Branch& branch : fork.branches)
    if (branch.out != kNone && branch.sent < arrived) return true;
  return false;
}

/// The next packet's head can start in cycle `from`, this one or the next.
void Engine::next_head(ChannelId in, Cycle from) {
  Channel& channel = at(in);
  if (channel.sent.count() == channel.freed.count() && !channel.sent_running) {
    channel.flit_wait = FlitWait::kHead;
    return;
  }
  if (flits_available(in, from) == 0) return wait_for_flit(in, from, FlitWait::kHead);
  const Cycle ready = from + config_.routing_delay;
  if (ready == now_) return head_ready(in);
  schedule(ready, EventKind::kHead, in);
}

void Engine::release(ChannelId out) {
  Wire& wire = wire_at(out);
  wire.owned_vcs &= ~bit(out);
  at(out).owner = kNone;
  if (wire.from_node) return activate_source(wire.driver);
  wake_heads(fabric_.wire_of(out), now_);
}

void Engine::wake_waiting_heads(WireId id, Cycle from) {
  Wire& out = fabric_.wires[id];
  std::uint64_t ports = out.waiting_ports;
  out.waiting_ports = 0;
  for (; ports != 0; ports &= ports - 1) {
    const WireId in_wire = fabric_.routers[out.driver].first_input + std::countr_zero(ports);
    for (std::uint64_t vcs = fabric_.wires[in_wire].asleep_vcs; vcs != 0; vcs &= vcs - 1) {
      const ChannelId in = fabric_.channel_of(in_wire, std::countr_zero(vcs));
      const bool elsewhere = at(in).fork == kNone && at(in).choices == 1 && at(in).out_wire != id;
      if (!elsewhere) wake_head(in, from);
    }
  }
}

void Engine::wake_head(ChannelId in, Cycle from) {
  Channel& channel = at(in);
  wire_counters_[channel.out_wire].vc_wait_cycles += from - channel.stalled_since;
  channel.stalled_since = kNever;
  wire_at(in).asleep_vcs &= ~bit(in);
  set_head(in);
}

}  // namespace tessera::noc
