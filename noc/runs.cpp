// Packet runs. A packet that is the only one to use its input and output port of a router gets a
// flit through in every cycle, as long as flits and credits keep coming. Then nothing needs to be
// decided, and its grants are not stepped but implied: one in every cycle from `run_start` to
// before `horizon`.
//
// The horizon is the first cycle for which a flit and a credit are not certain. What a neighbour's
// run will supply counts as certain; when that run stops, the horizon is brought forward to what is
// already under way, which is always later than the present because links and credits take at least
// two cycles. At the horizon the run is extended or becomes an ordinary request again. A competitor
// for one of its ports turns it into a request at once. So grants are the same cycle by cycle as
// without runs.
#include <algorithm>

#include "noc/engine.h"

namespace tessera::noc {

namespace {

constexpr std::uint64_t kUnlimited = ~std::uint64_t{0};

}  // namespace

/// Calls action(output channel) for every way out of the packet at the front.
template <typename Action>
void Engine::for_each_output(ChannelId in, Action action) {
  const Channel& channel = at(in);
  if (channel.fork == kNone) return action(channel.out);
  for (const Branch& branch : forks_[channel.fork].branches) action(branch.out);
}

Cycle Engine::sender_run_start(ChannelId in) const {
  const Wire& wire = fabric_.wires[fabric_.wire_of(in)];
  return wire.from_node ? sources_[wire.driver].run_start
                        : fabric_.channels[fabric_.channels[in].owner].run_start;
}

/// Of the `remaining` flits of its packet, those certain to be there one per cycle from `cycle` on.
std::uint64_t Engine::flit_guarantee(ChannelId in, Cycle cycle, std::uint64_t remaining) {
  const Channel& channel = at(in);
  if (channel.contiguous && channel.packets == 1) return remaining;
  const std::uint32_t lag = wire_at(in).flit_lag;
  settle_sent(in);
  const std::uint64_t ready = channel.sent.count_before(cycle, lag) - channel.freed.count();
  if (ready == 0 || ready >= remaining) return ready;
  const std::uint64_t known = channel.sent.count() - channel.freed.count();
  if (known >= remaining || !channel.sent_running)
    return channel.sent.gaps(cycle, lag) >= ready ? ready : known;
  return channel.sent.gaps_until(sender_run_start(in), cycle, lag) >= ready ? ready : kUnlimited;
}

/// Credits certain to be there one per cycle from `cycle` on.
std::uint64_t Engine::credit_guarantee(ChannelId out, Cycle cycle) {
  const Wire& wire = wire_at(out);
  if (wire.to_node && config_.vc_buffer_flits >= wire.credit_lag) return kUnlimited;
  const std::uint64_t ready = credits(out, cycle);
  const Channel& channel = at(out);
  if (ready == 0 || wire.to_node) return ready;
  const std::uint32_t lag = wire.credit_lag;
  if (channel.freed_running)
    return channel.freed.gaps_until(channel.run_start, cycle, lag) >= ready ? ready : kUnlimited;
  if (channel.freed.gaps(cycle, lag) >= ready) return ready;
  return config_.vc_buffer_flits - (channel.sent.count() - channel.freed.count());
}

/// Flits of the packet that can go one per cycle from `cycle` on. Multicast packets have their
/// space.
std::uint64_t Engine::run_length(ChannelId in, Cycle cycle, std::uint64_t remaining) {
  const std::uint64_t flits = std::min(remaining, flit_guarantee(in, cycle, remaining));
  if (flits == 0 || at(in).fork != kNone) return flits;
  return std::min(flits, credit_guarantee(at(in).out, cycle));
}

/// Starts a run in the next cycle if it lasts long enough. The channel may use the switch then and
/// so far nobody else wants its ports.
bool Engine::try_run(ChannelId in, std::uint64_t remaining) {
  const std::uint64_t flits = run_length(in, now_ + 1, remaining);
  if (flits < remaining && flits < kShortestRun) return false;
  begin_run(in, flits, flits == remaining);
  return true;
}

/// A multicast packet that has just got all its ways out: its first flit goes in the next cycle.
bool Engine::try_fork_start(ChannelId in) {
  const Fork& fork = forks_[at(in).fork];
  const Wire& wire = wire_at(in);
  if (fork.with_channel != fork.branches.size() || !fork.one_per_wire) return false;
  if ((wire.switch_vcs & ~bit(in)) != 0 || !ends_now(wire.run_in)) return false;
  const bool idle = fabric_.routers[wire.sink].switch_ports == 0;
  for (const Branch& branch : fork.branches) {
    const Wire& out = fabric_.wires[branch.wire];
    if (branch.sent != 0 || !ends_now(out.run_out) || out.interval != 1) return false;
    if (!idle && !ports_are_free(in, branch.wire)) return false;
  }
  if (!try_run(in, fork.flits)) return false;
  for (const Branch& branch : fork.branches) at(branch.out).contiguous = true;
  return true;
}

/// No run, or one whose tail goes in this cycle.
bool Engine::ends_now(ChannelId run) const {
  if (run == kNone) return true;
  const Channel& channel = fabric_.channels[run];
  return channel.freed_running && channel.run_to_tail && channel.horizon == now_ + 1;
}

/// Is nobody else known to want the switch from this input or to this output in the next cycle?
bool Engine::ports_are_free(ChannelId in, WireId out_wire) const {
  const Wire& wire = fabric_.wires[fabric_.wire_of(in)];
  const Wire& out = fabric_.wires[out_wire];
  if (!ends_now(wire.run_in) || !ends_now(out.run_out) || out.interval != 1) return false;
  const RouterPorts& ports = fabric_.routers[wire.sink];
  if ((wire.switch_vcs & ~bit(in)) != 0) return false;
  for (std::uint64_t inputs = ports.switch_ports; inputs != 0; inputs &= inputs - 1) {
    const WireId other = ports.first_input + std::countr_zero(inputs);
    for (std::uint64_t vcs = fabric_.wires[other].switch_vcs; vcs != 0; vcs &= vcs - 1) {
      const ChannelId rival = fabric_.channel_of(other, std::countr_zero(vcs));
      const Channel& channel = fabric_.channels[rival];
      if (rival != in && (channel.fork != kNone || channel.out_wire == out_wire)) return false;
    }
  }
  return true;
}

/// Has every branch just been granted, with no rival for their outputs or this input?
bool Engine::is_undisturbed(ChannelId in) const {
  std::size_t granted = 0;
  for (const SwitchRequest& request : requests_) {
    if (request.in != in) continue;
    if (!request.matched || !is_uncontested(request)) return false;
    ++granted;
  }
  return granted == forks_[fabric_.channels[in].fork].branches.size();
}

void Engine::begin_run(ChannelId in, std::uint64_t flits, bool to_tail) {
  Channel& channel = at(in);
  const Cycle first = now_ + 1;
  channel.freed_running = true;
  channel.run_start = first;
  channel.horizon = first + flits;
  channel.run_to_tail = to_tail;
  channel.freed.skip_until(now_);
  Wire& wire = wire_at(in);
  wire.run_in = in;
  wake_sender(in, first);
  for_each_output(in, [&](ChannelId out) {
    at(out).sent_running = true;
    at(out).sent.skip_until(now_);
    wire_at(out).run_out = in;
    wake_receiver(out, first);
  });
  if ((wire.switch_vcs & bit(in)) != 0) clear_ready(in);
  schedule(channel.horizon, EventKind::kHorizon, in);
}

/// Ends a run with the grants up to the last cycle; its ports are free again.
void Engine::close_run(ChannelId in) {
  Channel& channel = at(in);
  const auto granted = static_cast<std::uint32_t>(now_ - channel.run_start);
  channel.freed.record_until(now_ - 1);
  channel.freed_running = false;
  channel.horizon = kNever;
  if (wire_at(in).run_in == in) wire_at(in).run_in = kNone;
  if (channel.fork == kNone)
    channel.remaining -= granted;
  else
    for (Branch& branch : forks_[channel.fork].branches) branch.sent += granted;
  if (granted > 0) move_pointers(in);
  for_each_output(in, [&](ChannelId out) {
    at(out).sent.record_until(now_ - 1);
    at(out).sent_running = false;
    if (wire_at(out).run_out == in) wire_at(out).run_out = kNone;
  });
  limit_sender(in);
  last_progress_ = now_;
}

/// Leaves the round-robin pointers where the grants of a run left them: each grant moves them to
/// the same place.
void Engine::move_pointers(ChannelId in) {
  Wire& wire = wire_at(in);
  const RouterPorts& ports = fabric_.routers[wire.sink];
  std::uint32_t farthest = 0;
  for_each_output(in, [&](ChannelId out) {
    Wire& output = wire_at(out);
    output.grant_pointer = static_cast<std::uint16_t>(wire.input_port + 1);
    farthest = std::max(farthest, turn(output.output_port, wire.accept_pointer, ports.outputs));
  });
  const std::uint32_t next_output = wire.accept_pointer + farthest + 1;
  wire.accept_pointer = static_cast<std::uint16_t>(
      next_output > ports.outputs ? next_output - ports.outputs : next_output);
  wire.vc_pointer = static_cast<std::uint16_t>(fabric_.vc_of(in) + 1);
}

// From this cycle on the packet has to ask again; a flit and a credit are there.
void Engine::stop_run(ChannelId in) {
  close_run(in);
  for_each_output(in, [&](ChannelId out) {
    at(out).contiguous = false;
    limit_receiver(out);
  });
  at(in).flits_known = at(in).credits_known = 1;
}

// The tail went in the last cycle. All flits the receivers rely on are under way.
void Engine::finish_run(ChannelId in) {
  if (at(in).fork == kNone)
    finish_unicast_run(in);
  else
    finish_fork_run(in);
}

void Engine::finish_fork_run(ChannelId in) {
  const Cycle last = now_ - 1;
  Channel& channel = at(in);
  move_pointers(in);
  channel.freed.record_until(last);
  channel.freed_running = false;
  channel.horizon = kNever;
  if (wire_at(in).run_in == in) wire_at(in).run_in = kNone;
  for (const Branch& branch : forks_[channel.fork].branches) {
    Channel& out = at(branch.out);
    Wire& wire = fabric_.wires[branch.wire];
    out.sent.record_until(last);
    out.sent_running = false;
    if (wire.run_out == in) wire.run_out = kNone;
    if (wire.to_node)
      schedule(last + wire.flit_lag, EventKind::kArrival, channel.front.packet, branch.tree_branch);
    free_channel(branch.out, out, wire, last);
  }
  if (channel.sent_running) limit_sender(in);
  last_progress_ = now_;
  free_fork(in);
  end_packet(in, channel, last);
}

void Engine::limit_receiver(ChannelId out) {
  Channel& channel = at(out);
  if (!channel.freed_running) return;
  settle_freed(out);
  limit(out, std::max(now_, channel.run_start) + channel.sent.count() - channel.freed.count());
}

void Engine::limit_sender(ChannelId in) {
  const Channel& channel = at(in);
  if (!channel.sent_running) return;
  settle_sent(in);
  const std::uint64_t space =
      config_.vc_buffer_flits - (channel.sent.count() - channel.freed.count());
  const Wire& wire = wire_at(in);
  const Cycle horizon = std::max(sent_known_through(wire) + 1, sender_run_start(in)) + space;
  if (wire.from_node)
    limit_source(wire.driver, horizon);
  else if (at(channel.owner).fork == kNone)
    limit(channel.owner, horizon);
}

void Engine::limit(ChannelId in, Cycle horizon) {
  Channel& channel = at(in);
  if (channel.horizon <= horizon) return;
  channel.horizon = std::max(horizon, now_ + 1);
  channel.run_to_tail = false;
  schedule(channel.horizon, EventKind::kHorizon, in);
}

void Engine::run_horizon(ChannelId in) {
  Channel& channel = at(in);
  if (!channel.freed_running || channel.horizon != now_) return;
  if (channel.run_to_tail) return finish_run(in);
  extend_run(in);
}

/// Not all of the packet was certain when the run was last looked at.
void Engine::extend_run(ChannelId in) {
  Channel& channel = at(in);
  const std::uint32_t before =
      channel.fork == kNone
          ? channel.remaining
          : forks_[channel.fork].flits - forks_[channel.fork].branches.front().sent;
  const std::uint64_t remaining = before - (now_ - channel.run_start);
  if (remaining == 0) return finish_run(in);
  settle_freed(in);
  for_each_output(in, [&](ChannelId out) { settle_sent(out); });
  const std::uint64_t flits = run_length(in, now_, remaining);
  if (flits > 0) {
    channel.horizon = now_ + flits;
    channel.run_to_tail = flits == remaining;
    schedule(channel.horizon, EventKind::kHorizon, in);
    return;
  }
  stop_run(in);
  recheck(in, now_);
}

}  // namespace tessera::noc
