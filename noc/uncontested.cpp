// The usual cases of a router's cycle, where little or nothing competes, decided without lists of
// requests. What comes out is what head_allocation.cpp and switch_allocation.cpp would decide.
#include <algorithm>
#include <array>

#include "noc/engine.h"

namespace tessera::noc {

namespace {

/// First set bit at or after the pointer, going round. Past the last bit in use is the same as 0.
std::uint32_t first_in_turn(std::uint64_t bits, std::uint32_t pointer) {
  const std::uint64_t from = bits & (~std::uint64_t{0} << (pointer % 64));
  return static_cast<std::uint32_t>(std::countr_zero(from != 0 ? from : bits));
}

std::uint16_t following(std::uint32_t index) { return static_cast<std::uint16_t>(index + 1); }

bool is_single(std::uint64_t bits) { return (bits & (bits - 1)) == 0; }

}  // namespace

/// The only head of the router takes the first free channel in turn of each way it goes. kNone when
/// there are more heads or choices, or a way is not free.
ChannelId Engine::allocate_only_head(const RouterPorts& ports) {
  if (!is_single(ports.head_ports)) return kNone;
  const WireId in_wire = ports.first_input + std::countr_zero(ports.head_ports);
  const Wire& wire = fabric_.wires[in_wire];
  if (!is_single(wire.head_vcs)) return kNone;
  const ChannelId in = fabric_.channel_of(in_wire, std::countr_zero(wire.head_vcs));
  Channel& channel = at(in);
  if (channel.fork != kNone) return allocate_only_fork(in) ? in : kNone;
  if (channel.choices != 1) return kNone;
  const WireId out_wire = channel.out_wire;
  const Wire& out = fabric_.wires[out_wire];
  const std::uint64_t free = channel.out_vcs & ~out.owned_vcs;
  if (free == 0) return kNone;
  const std::uint32_t vc = first_in_turn(free, vc_turn(channel.accept_pointer, out));
  const ChannelId to = fabric_.channel_of(out_wire, vc);
  move_head_pointers(in, to);
  commit_unicast_head(in, to);
  return in;
}

bool Engine::allocate_only_fork(ChannelId in) {
  Channel& channel = at(in);
  Fork& fork = forks_[channel.fork];
  if (!fork.one_per_wire) return false;
  std::array<std::uint8_t, kMaxPorts> chosen;
  for (std::uint32_t i = 0; i < fork.branches.size(); ++i) {
    const Branch& branch = fork.branches[i];
    if (branch.out != kNone) return false;
    const std::uint32_t turn = vc_turn(channel.accept_pointer, fabric_.wires[branch.wire]);
    const std::uint32_t vc = roomy_channel(branch, fork.flits, turn);
    if (vc == kNone) return false;
    chosen[i] = static_cast<std::uint8_t>(vc);
  }
  for (std::uint32_t i = 0; i < fork.branches.size(); ++i) {
    const ChannelId to = fabric_.channel_of(fork.branches[i].wire, chosen[i]);
    move_head_pointers(in, to);
    commit_branch(in, i, to);
  }
  return true;
}

/// Where in the channels of an output the accept pointer of a head stands.
std::uint32_t Engine::vc_turn(std::uint32_t accept_pointer, const Wire& out) const {
  const std::uint32_t first = out.output_port * fabric_.vcs;
  return accept_pointer >= first && accept_pointer < first + fabric_.vcs ? accept_pointer - first
                                                                         : 0;
}

/// The first channel in turn that is free and has room for the whole packet.
std::uint32_t Engine::roomy_channel(const Branch& branch, std::uint32_t flits, std::uint32_t turn) {
  std::uint64_t free = branch.vcs & ~fabric_.wires[branch.wire].owned_vcs;
  while (free != 0) {
    const std::uint32_t vc = first_in_turn(free, turn);
    if (credits(fabric_.channel_of(branch.wire, vc), now_) >= flits) return vc;
    free &= ~(std::uint64_t{1} << vc);
  }
  return kNone;
}

void Engine::move_head_pointers(ChannelId in, ChannelId out) {
  at(out).grant_pointer = following(at(in).input_index);
  at(in).accept_pointer = following(at(out).output_index);
}

/// iSLIP on one word per port, for routers where only unicast packets want the switch. False, with
/// nothing decided, when a multicast packet or a narrow link takes part.
bool Engine::arbitrate_unicast(const RouterPorts& ports) {
  Wanted wanted;
  do {
    wanted = collect_wishes(ports);
  } while (wanted.runs_stopped);
  if (!wanted.simple) return false;
  last_progress_ = now_;
  if (!wanted.contested)
    for (const Wish& wish : wishes_) grant(wish, ports, true);
  else if (wanted.several_per_input)
    grant_in_turn(ports, wanted.outputs);
  else
    grant_by_output(ports, wanted.outputs);
  return true;
}

Engine::Wanted Engine::collect_wishes(const RouterPorts& ports) {
  wishes_.clear();
  Wanted wanted;
  for (std::uint64_t inputs = ports.switch_ports; inputs != 0; inputs &= inputs - 1) {
    const std::uint32_t input = std::countr_zero(inputs);
    const WireId in_wire = ports.first_input + input;
    const Wire& wire = fabric_.wires[in_wire];
    if (wire.run_in != kNone) wanted.runs_stopped |= stop_competing_run(wire.run_in);
    if (is_single(wire.switch_vcs)) {
      add_wish(fabric_.channel_of(in_wire, std::countr_zero(wire.switch_vcs)), input, true, wanted);
    } else {
      add_wishes(in_wire, input, wanted);
      wanted.several_per_input = wanted.contested = true;
    }
  }
  return wanted;
}

bool Engine::stop_competing_run(ChannelId run) {
  if (!at(run).freed_running) return false;
  stop_run(run);
  set_ready(run);
  return true;
}

void Engine::add_wish(ChannelId in, std::uint32_t input, bool first, Wanted& wanted) {
  const Channel& channel = at(in);
  if (channel.fork != kNone) {
    wanted.simple = false;
    return;
  }
  const Wire& out = fabric_.wires[channel.out_wire];
  if (out.run_out != kNone) wanted.runs_stopped |= stop_competing_run(out.run_out);
  wanted.simple &= out.interval == 1;
  const std::uint64_t port = std::uint64_t{1} << out.output_port;
  wanted.contested |= (wanted.outputs & port) != 0;
  wanted.outputs |= port;
  wishes_.push_back({in, input, out.output_port, first});
}

// The channels of one input in turn; of those that want the same output only the first counts.
void Engine::add_wishes(WireId in_wire, std::uint32_t input, Wanted& wanted) {
  const Wire& wire = fabric_.wires[in_wire];
  const std::uint64_t below = (std::uint64_t{1} << (wire.vc_pointer % 64)) - 1;
  std::uint64_t own = 0;
  for (std::uint64_t vcs : {wire.switch_vcs & ~below, wire.switch_vcs & below})
    for (; vcs != 0; vcs &= vcs - 1) {
      const ChannelId in = fabric_.channel_of(in_wire, std::countr_zero(vcs));
      const std::uint64_t port = std::uint64_t{1} << fabric_.wires[at(in).out_wire].output_port;
      add_wish(in, input, (own & port) == 0, wanted);
      own |= port;
    }
}

// Every input wants one output: what an output grants is accepted.
void Engine::grant_by_output(const RouterPorts& ports, std::uint64_t outputs) {
  std::array<std::uint64_t, kMaxPorts> wanted_by;  // by output
  std::array<std::uint8_t, kMaxPorts> winner;      // by output
  for (std::uint64_t bits = outputs; bits != 0; bits &= bits - 1)
    wanted_by[std::countr_zero(bits)] = 0;
  for (const Wish& wish : wishes_) wanted_by[wish.output] |= std::uint64_t{1} << wish.input;
  for (std::uint64_t bits = outputs; bits != 0; bits &= bits - 1) {
    const std::uint32_t output = std::countr_zero(bits);
    const Wire& out = fabric_.wires[fabric_.output_wires[ports.first_output + output]];
    winner[output] = static_cast<std::uint8_t>(first_in_turn(wanted_by[output], out.grant_pointer));
  }
  for (const Wish& wish : wishes_) {
    if (winner[wish.output] == wish.input)
      grant(wish, ports, is_single(wanted_by[wish.output]));
    else
      ++channel_counters_[at(wish.in).out].switch_losses;
  }
}

// Outputs grant, inputs accept; requests merged at their input (a later channel for the same
// output) lose.
void Engine::grant_in_turn(const RouterPorts& ports, std::uint64_t outputs) {
  std::array<std::uint64_t, kMaxPorts> wanted_by;   // by output
  std::array<std::uint64_t, kMaxPorts> granted_to;  // by input
  for (std::uint64_t bits = outputs; bits != 0; bits &= bits - 1)
    wanted_by[std::countr_zero(bits)] = 0;
  for (const Wish& wish : wishes_) {
    granted_to[wish.input] = 0;
    wanted_by[wish.output] |= std::uint64_t{1} << wish.input;
  }
  for (std::uint64_t bits = outputs; bits != 0; bits &= bits - 1) {
    const std::uint32_t output = std::countr_zero(bits);
    const Wire& out = fabric_.wires[fabric_.output_wires[ports.first_output + output]];
    granted_to[first_in_turn(wanted_by[output], out.grant_pointer)] |= std::uint64_t{1} << output;
  }
  // What is granted changes who is ready, so whether a winner was alone is taken from before.
  std::array<std::uint64_t, kMaxPorts> accepted;  // by input
  for (const Wish& wish : wishes_) {
    const Wire& wire = fabric_.wires[ports.first_input + wish.input];
    const std::uint64_t grants = granted_to[wish.input];
    accepted[wish.input] =
        grants == 0 ? 0 : std::uint64_t{1} << first_in_turn(grants, wire.accept_pointer);
  }
  for (std::size_t i = 0; i < wishes_.size(); ++i) {
    const Wish wish = wishes_[i];
    if (!wish.first || (accepted[wish.input] >> wish.output & 1) == 0) {
      ++channel_counters_[at(wish.in).out].switch_losses;
      continue;
    }
    const bool neighbour = (i > 0 && wishes_[i - 1].input == wish.input) ||
                           (i + 1 < wishes_.size() && wishes_[i + 1].input == wish.input);
    grant(wish, ports, !neighbour && is_single(wanted_by[wish.output]));
  }
}

/// One flit goes; `alone`: nobody else wanted its input or output.
void Engine::grant(const Wish& wish, const RouterPorts& ports, bool alone) {
  Channel& channel = at(wish.in);
  Wire& wire = fabric_.wires[ports.first_input + wish.input];
  fabric_.wires[channel.out_wire].grant_pointer = following(wish.input);
  wire.accept_pointer = following(wish.output);
  wire.vc_pointer = following(fabric_.vc_of(wish.in));
  send(wish.in);
  if (channel.state != ChannelState::kActive) return;
  if (alone && runs_ && channel.remaining >= kShortestRun && try_run(wish.in, channel.remaining))
    return;
  continue_transfer(wish.in);
}

/// A unicast packet that has just got its channel: when nobody else is known to want its ports, its
/// first flit goes in the next cycle as part of a run.
bool Engine::start_run(ChannelId in, const RouterPorts& ports) {
  Channel& channel = at(in);
  Wire& wire = wire_at(in);
  Wire& out_wire = fabric_.wires[channel.out_wire];
  if (wire.switch_vcs != 0 || out_wire.interval != 1) return false;
  if (!ends_now(wire.run_in) || !ends_now(out_wire.run_out)) return false;
  if (ports.switch_ports != 0 && !ports_are_free(in, channel.out_wire)) return false;
  const Cycle first = now_ + 1;
  std::uint64_t flits = flit_guarantee(in, first, channel.remaining);
  if (flits > channel.remaining) flits = channel.remaining;
  if (flits == 0) return false;
  flits = std::min(flits, credit_guarantee(channel.out, first));
  if (flits < channel.remaining && flits < kShortestRun) return false;
  Channel& out = at(channel.out);
  channel.freed_running = out.sent_running = true;
  channel.run_start = first;
  channel.horizon = first + flits;
  channel.run_to_tail = flits == channel.remaining;
  channel.freed.skip_until(now_);
  out.sent.skip_until(now_);
  wire.run_in = out_wire.run_out = in;
  wake_sender(in, first);
  wake_receiver(channel.out, first);
  schedule(channel.horizon, EventKind::kHorizon, in);
  return true;
}

/// The tail of a unicast packet went in the last cycle, and with it ended its run.
void Engine::finish_unicast_run(ChannelId in) {
  const Cycle last = now_ - 1;
  Channel& channel = at(in);
  Channel& out = at(channel.out);
  Wire& wire = wire_at(in);
  Wire& out_wire = fabric_.wires[channel.out_wire];
  channel.freed.record_until(last);
  out.sent.record_until(last);
  channel.freed_running = out.sent_running = false;
  channel.horizon = kNever;
  if (wire.run_in == in) wire.run_in = kNone;
  if (out_wire.run_out == in) out_wire.run_out = kNone;
  out_wire.grant_pointer = following(wire.input_port);
  wire.accept_pointer = following(out_wire.output_port);
  wire.vc_pointer = following(fabric_.vc_of(in));
  if (channel.sent_running) limit_sender(in);
  leave(in, channel.out, out_wire.sink, last);
  pop_front(in, last);
}

}  // namespace tessera::noc
