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
  const Passage way = passage(in, fabric_.channel_of(out_wire, vc));
  move_head_pointers(channel, way.next);
  commit_unicast_head(way);
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
    move_head_pointers(channel, at(to));
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
    const ChannelId out = fabric_.channel_of(branch.wire, vc);
    if (has_room(at(out), fabric_.wires[branch.wire], flits, now_) || credits(out, now_) >= flits)
      return vc;
    free &= ~(std::uint64_t{1} << vc);
  }
  return kNone;
}

void Engine::move_head_pointers(Channel& in, Channel& out) {
  out.grant_pointer = following(in.input_index);
  in.accept_pointer = following(out.output_index);
}

/// iSLIP on one word per port. Outputs choose among the inputs that want them, inputs among the
/// outputs that chose them; channels of one input that want the same output take turns.
void Engine::arbitrate_plain(const RouterPorts& ports) {
  Few few = Few::kRunStopped;
  while (few == Few::kRunStopped) few = arbitrate_few(ports);
  if (few == Few::kMore) few = arbitrate_unicasts(ports);
  while (few == Few::kRunStopped) few = arbitrate_unicasts(ports);
  if (few == Few::kMore) arbitrate_many(ports);
}

/// One or two unicast channels. Nothing is decided when there are others, or when a run had to be
/// stopped whose channel asks now, too.
Engine::Few Engine::arbitrate_few(const RouterPorts& ports) {
  const std::uint32_t input = std::countr_zero(ports.switch_ports);
  const std::uint64_t more_ports = ports.switch_ports & (ports.switch_ports - 1);
  const WireId wire = ports.first_input + input;
  const std::uint64_t vcs = fabric_.wires[wire].switch_vcs;
  const std::uint64_t more_vcs = vcs & (vcs - 1);
  Wish first{fabric_.channel_of(wire, std::countr_zero(vcs)), kNone, 0,
             static_cast<std::uint8_t>(input)};
  if (const Few few = check_plain(first); few != Few::kDecided) return few;
  if (more_ports == 0 && more_vcs == 0) {
    last_progress_ = now_;
    grant(first, ports, true);
    return Few::kDecided;
  }
  std::uint32_t second_input = input;
  ChannelId rival;
  if (more_ports == 0) {
    if (!is_single(more_vcs)) return Few::kMore;
    rival = fabric_.channel_of(wire, std::countr_zero(more_vcs));
  } else {
    second_input = std::countr_zero(more_ports);
    const WireId other = ports.first_input + second_input;
    const std::uint64_t other_vcs = fabric_.wires[other].switch_vcs;
    if (more_vcs != 0 || !is_single(more_ports) || !is_single(other_vcs)) return Few::kMore;
    rival = fabric_.channel_of(other, std::countr_zero(other_vcs));
  }
  Wish second{rival, kNone, 0, static_cast<std::uint8_t>(second_input)};
  if (const Few few = check_plain(second); few != Few::kDecided) return few;
  last_progress_ = now_;
  if (second_input == input || first.output == second.output) {
    decide_pair(first, second, ports);
  } else {
    grant(first, ports, true);
    grant(second, ports, true);
  }
  return Few::kDecided;
}

/// Has the channel one way, of full width, and no run for rival?
Engine::Few Engine::check_plain(Wish& wish) {
  const Channel& channel = at(wish.in);
  const Wire& in = wire_at(wish.in);
  const Wire& out = fabric_.wires[channel.out_wire];
  if (channel.fork != kNone || out.interval != 1) return Few::kMore;
  if (in.run_in != kNone && stop_competing_run(in.run_in)) return Few::kRunStopped;
  if (out.run_out != kNone && stop_competing_run(out.run_out)) return Few::kRunStopped;
  wish.output = out.output_port;
  return Few::kDecided;
}

/// Any number of unicast channels and no multicast: outputs choose among inputs, inputs among
/// outputs, and of an input's channels for the chosen output the next in turn sends.
Engine::Few Engine::arbitrate_unicasts(const RouterPorts& ports) {
  std::array<std::uint64_t, kMaxPorts> wanted_by;
  std::array<std::uint64_t, kMaxPorts> granted_to;
  std::uint64_t outputs = 0;
  bool stopped = false;
  for (std::uint64_t inputs = ports.switch_ports; inputs != 0; inputs &= inputs - 1) {
    const std::uint32_t input = std::countr_zero(inputs);
    const Wire& wire = fabric_.wires[ports.first_input + input];
    granted_to[input] = 0;
    if (wire.run_in != kNone) stopped |= stop_competing_run(wire.run_in);
    for (std::uint64_t vcs = wire.switch_vcs; vcs != 0; vcs &= vcs - 1) {
      const std::uint8_t output =
          wanted_output_[fabric_.channel_of(ports.first_input + input, std::countr_zero(vcs))];
      if (output == kSeveralOutputs) return Few::kMore;
      const std::uint64_t port = std::uint64_t{1} << output;
      if ((outputs & port) == 0) wanted_by[output] = 0;
      outputs |= port;
      wanted_by[output] |= std::uint64_t{1} << input;
    }
  }
  for (std::uint64_t bits = outputs; bits != 0; bits &= bits - 1) {
    const std::uint32_t output = std::countr_zero(bits);
    const Wire& out = fabric_.wires[fabric_.output_wires[ports.first_output + output]];
    if (out.run_out != kNone) stopped |= stop_competing_run(out.run_out);
    granted_to[first_in_turn(wanted_by[output], out.grant_pointer)] |= std::uint64_t{1} << output;
  }
  if (stopped) return Few::kRunStopped;
  last_progress_ = now_;
  for (std::uint64_t inputs = ports.switch_ports; inputs != 0; inputs &= inputs - 1) {
    const std::uint32_t input = std::countr_zero(inputs);
    const Wire& wire = fabric_.wires[ports.first_input + input];
    std::uint64_t losers = wire.switch_vcs;
    if (granted_to[input] == 0) {
      count_losses(ports.first_input + input, losers);
      continue;
    }
    const std::uint32_t output = first_in_turn(granted_to[input], wire.accept_pointer);
    const ChannelId in = next_for_output(ports.first_input + input, output);
    losers &= ~bit(in);
    const bool alone = losers == 0 && is_single(wanted_by[output]);
    count_losses(ports.first_input + input, losers);
    grant({in, kNone, 0, static_cast<std::uint8_t>(input), static_cast<std::uint8_t>(output)},
          ports, alone);
  }
  return Few::kDecided;
}

/// Of the channels of an input that want the same output, the next in turn.
ChannelId Engine::next_for_output(WireId in_wire, std::uint32_t output) const {
  const Wire& wire = fabric_.wires[in_wire];
  const std::uint64_t below = (std::uint64_t{1} << (wire.vc_pointer % 64)) - 1;
  for (std::uint64_t vcs : {wire.switch_vcs & ~below, wire.switch_vcs & below})
    for (; vcs != 0; vcs &= vcs - 1) {
      const ChannelId in = fabric_.channel_of(in_wire, std::countr_zero(vcs));
      if (wanted_output_[in] == output) return in;
    }
  return kNone;
}

void Engine::count_losses(WireId in_wire, std::uint64_t vcs) {
  for (; vcs != 0; vcs &= vcs - 1)
    ++channel_counters_[at(fabric_.channel_of(in_wire, std::countr_zero(vcs))).out].switch_losses;
}

void Engine::arbitrate_many(const RouterPorts& ports) {
  Contest contest;
  do {
    collect_wishes(ports, contest);
  } while (contest.runs_stopped);
  if (wishes_.empty()) return;
  last_progress_ = now_;
  if (!contest.contested) {
    for (const Wish& wish : wishes_) grant(wish, ports, true);
    return;
  }
  if (is_pair_of_rivals()) return decide_pair(wishes_[0], wishes_[1], ports);
  for (std::uint64_t bits = contest.outputs; bits != 0; bits &= bits - 1)
    choose_input(ports, std::countr_zero(bits), contest);
  for (std::size_t first = 0; first < wishes_.size();) {
    std::size_t end = first + 1;
    while (end < wishes_.size() && wishes_[end].input == wishes_[first].input) ++end;
    accept(ports, first, end, contest);
    first = end;
  }
}

bool Engine::is_pair_of_rivals() const {
  if (wishes_.size() != 2) return false;
  const Wish& first = wishes_[0];
  const Wish& second = wishes_[1];
  return first.branch == kNone && second.branch == kNone &&
         (first.input == second.input || first.output == second.output);
}

/// The usual contest: two unicast channels that share an input or want the same output.
void Engine::decide_pair(Wish first, Wish second, const RouterPorts& ports) {
  const std::uint64_t outputs = std::uint64_t{1} << first.output | std::uint64_t{1}
                                                                       << second.output;
  const std::uint64_t inputs = std::uint64_t{1} << first.input | std::uint64_t{1} << second.input;
  bool first_wins;
  if (first.input != second.input) {
    const Wire& out = fabric_.wires[at(first.in).out_wire];
    first_wins = first_in_turn(inputs, out.grant_pointer) == first.input;
  } else {
    const Wire& in = fabric_.wires[ports.first_input + first.input];
    if (first.output != second.output)
      first_wins = first_in_turn(outputs, in.accept_pointer) == first.output;
    else
      first_wins = turn(fabric_.vc_of(first.in), in.vc_pointer % 64, 64) <
                   turn(fabric_.vc_of(second.in), in.vc_pointer % 64, 64);
  }
  ++channel_counters_[at(first_wins ? second.in : first.in).out].switch_losses;
  grant(first_wins ? first : second, ports, false);
}

void Engine::collect_wishes(const RouterPorts& ports, Contest& contest) {
  wishes_.clear();
  contest.outputs = 0;
  contest.contested = contest.runs_stopped = false;
  for (std::uint64_t inputs = ports.switch_ports; inputs != 0; inputs &= inputs - 1) {
    const std::uint32_t input = std::countr_zero(inputs);
    const WireId in_wire = ports.first_input + input;
    const Wire& wire = fabric_.wires[in_wire];
    contest.granted_to[input] = 0;
    if (wire.run_in != kNone) contest.runs_stopped |= stop_competing_run(wire.run_in);
    std::uint64_t own = 0;
    if (is_single(wire.switch_vcs)) {
      add_channel(fabric_.channel_of(in_wire, std::countr_zero(wire.switch_vcs)), input, own,
                  contest);
      continue;
    }
    contest.contested = true;
    const std::uint64_t below = (std::uint64_t{1} << (wire.vc_pointer % 64)) - 1;
    for (std::uint64_t vcs : {wire.switch_vcs & ~below, wire.switch_vcs & below})
      for (; vcs != 0; vcs &= vcs - 1)
        add_channel(fabric_.channel_of(in_wire, std::countr_zero(vcs)), input, own, contest);
  }
}

bool Engine::stop_competing_run(ChannelId run) {
  if (!at(run).freed_running) return false;
  stop_run(run);
  set_ready(run);
  return true;
}

void Engine::add_channel(ChannelId in, std::uint32_t input, std::uint64_t& own, Contest& contest) {
  const Channel& channel = at(in);
  if (channel.fork == kNone)
    return add_wish({in, kNone, 0, static_cast<std::uint8_t>(input)}, channel.out_wire, own,
                    contest);
  contest.contested = true;
  Fork& fork = forks_[channel.fork];
  const std::uint32_t arrived = fork_arrived(in, fork, now_);
  for (std::uint32_t i = 0; i < fork.branches.size(); ++i) {
    const Branch& branch = fork.branches[i];
    if (branch.out == kNone || branch.sent == fork.flits || branch.sent >= arrived) continue;
    add_wish({in, i, branch.sent, static_cast<std::uint8_t>(input)}, branch.wire, own, contest);
  }
}

/// `own`: outputs that channels of the same input want; only the first of them asks.
void Engine::add_wish(Wish wish, WireId out_wire, std::uint64_t& own, Contest& contest) {
  const Wire& out = fabric_.wires[out_wire];
  if (out.interval > 1 && now_ < out.free_at) return;
  if (out.run_out != kNone) contest.runs_stopped |= stop_competing_run(out.run_out);
  wish.output = out.output_port;
  const std::uint64_t port = std::uint64_t{1} << wish.output;
  wish.first = (own & port) == 0;
  own |= port;
  if (wish.first) {
    const std::uint64_t asks = std::uint64_t{1} << wish.input;
    std::uint64_t& wanted = contest.wanted_by[wish.output];
    const bool wanted_before = (contest.outputs & port) != 0;
    contest.contested |= wanted_before;
    wanted = wanted_before ? wanted | asks : asks;
    contest.outputs |= port;
  }
  wishes_.push_back(wish);
}

void Engine::choose_input(const RouterPorts& ports, std::uint32_t output, Contest& contest) {
  const std::uint64_t wanted = contest.wanted_by[output];
  const WireId out = fabric_.output_wires[ports.first_output + output];
  const std::uint32_t chosen = is_single(wanted)
                                   ? static_cast<std::uint32_t>(std::countr_zero(wanted))
                                   : first_in_turn(wanted, fabric_.wires[out].grant_pointer);
  contest.granted_to[chosen] |= std::uint64_t{1} << output;
}

/// One input with its wishes [first, end) takes one of the outputs that chose it.
void Engine::accept(const RouterPorts& ports, std::size_t first, std::size_t end,
                    const Contest& contest) {
  const Wish some = wishes_[first];
  const std::uint64_t grants = contest.granted_to[some.input];
  std::size_t taken = end;
  if (grants != 0) {
    const Wire& wire = fabric_.wires[ports.first_input + some.input];
    const std::uint32_t output = is_single(grants)
                                     ? static_cast<std::uint32_t>(std::countr_zero(grants))
                                     : first_in_turn(grants, wire.accept_pointer);
    for (taken = first; !wishes_[taken].first || wishes_[taken].output != output;) ++taken;
  }
  const bool fork = taken != end && wishes_[taken].branch != kNone;
  for (std::size_t i = first; i < end; ++i)
    if (i != taken && !(fork && goes_along(wishes_[i], wishes_[taken], grants)))
      ++channel_counters_[output_of(wishes_[i])].switch_losses;
  if (taken == end) return;
  if (fork) return grant_fork(ports, first, end, taken, contest);
  const Wish wish = wishes_[taken];
  grant(wish, ports, end - first == 1 && is_single(contest.wanted_by[wish.output]));
}

ChannelId Engine::output_of(const Wish& wish) const {
  const Channel& channel = fabric_.channels[wish.in];
  return wish.branch == kNone ? channel.out : forks_[channel.fork].branches[wish.branch].out;
}

/// The flit read for one branch goes to all others at the same flit whose outputs chose the input.
bool Engine::goes_along(const Wish& wish, const Wish& read, std::uint64_t grants) {
  return wish.in == read.in && wish.flit == read.flit && wish.first &&
         (grants >> wish.output & 1) != 0;
}

// The accept pointer moves past the last of the branches in turn, so that it stays where it is
// while all branches move together.
void Engine::grant_fork(const RouterPorts& ports, std::size_t first, std::size_t end,
                        std::size_t taken, const Contest& contest) {
  const Wish read = wishes_[taken];
  const std::uint64_t grants = contest.granted_to[read.input];
  Wire& wire = fabric_.wires[ports.first_input + read.input];
  const std::uint32_t after_first = read.output + 1u == ports.outputs ? 0 : read.output + 1;
  std::uint32_t farthest = 0;
  std::uint32_t sent = 0;
  bool alone = true;
  for (std::size_t i = first; i < end; ++i) {
    const Wish& wish = wishes_[i];
    alone &= wish.in == read.in;
    if (!goes_along(wish, read, grants)) continue;
    Wire& out = fabric_.wires[fabric_.output_wires[ports.first_output + wish.output]];
    out.grant_pointer = following(read.input);
    if (i != taken)
      farthest = std::max(farthest, 1 + turn(wish.output, after_first, ports.outputs));
    alone &= is_single(contest.wanted_by[wish.output]) && out.interval == 1;
    send_branch(read.in, wish.branch);
    ++sent;
  }
  wire.accept_pointer = static_cast<std::uint16_t>((after_first + farthest) % ports.outputs);
  wire.vc_pointer = following(fabric_.vc_of(read.in));
  advance_fork(read.in, alone && sent == forks_[at(read.in).fork].branches.size());
}

/// One flit goes; `alone`: nobody else wanted its input or output.
void Engine::grant(Wish wish, const RouterPorts& ports, bool alone) {
  Channel& channel = at(wish.in);
  Wire& wire = fabric_.wires[ports.first_input + wish.input];
  Wire& to = fabric_.wires[channel.out_wire];
  to.grant_pointer = following(wish.input);
  wire.accept_pointer = following(wish.output);
  wire.vc_pointer = following(fabric_.vc_of(wish.in));
  if (channel.remaining == 1 || to.interval > 1) {
    send(wish.in);
    if (channel.state == ChannelState::kActive) continue_transfer(wish.in);
    return;
  }
  take_flit(wish.in);
  put_flit(channel.out);
  --channel.remaining;
  --channel.flits_known;
  --channel.credits_known;
  if (alone && runs_ && channel.remaining >= kShortestRun && try_run(wish.in, channel.remaining))
    return;
  if (channel.flits_known == 0 || channel.credits_known == 0) continue_transfer(wish.in);
}

/// The usual case: the buffer is empty and all its credits are back.
bool Engine::has_room(const Channel& out, const Wire& wire, std::uint64_t flits,
                      Cycle cycle) const {
  return !wire.to_node && !out.freed_running && out.sent.count() == out.freed.count() &&
         out.freed.as_of() + wire.credit_lag <= cycle && flits <= config_.vc_buffer_flits;
}

/// A unicast packet that has just got its channel: when nobody else is known to want its ports, its
/// first flit goes in the next cycle as part of a run.
bool Engine::start_run(ChannelId in) {
  const Passage way = passage(in, at(in).out);
  if (way.from.switch_vcs != 0 || way.to.interval != 1) return false;
  if (!ends_now(way.from.run_in) || !ends_now(way.to.run_out)) return false;
  if (fabric_.routers[way.from.sink].switch_ports != 0 && !ports_are_free(in, way.channel.out_wire))
    return false;
  const Cycle first = now_ + 1;
  const std::uint64_t remaining = way.channel.remaining;
  std::uint64_t flits = remaining;
  if (!way.channel.contiguous || way.channel.packets != 1)
    flits = std::min(flits, flit_guarantee(in, first, flits));
  if (flits == 0) return false;
  if (!has_room(way.next, way.to, flits, first))
    flits = std::min(flits, credit_guarantee(way.out, first));
  if (flits < remaining && flits < kShortestRun) return false;
  way.next.contiguous = true;
  way.channel.freed_running = way.next.sent_running = true;
  way.channel.run_start = first;
  way.channel.horizon = first + flits;
  way.channel.run_to_tail = flits == remaining;
  way.channel.freed.skip_until(now_);
  way.next.sent.skip_until(now_);
  way.from.run_in = way.to.run_out = in;
  if (way.next.flit_wait != FlitWait::kNo) {
    schedule_flit(way.out, first + way.to.flit_lag, way.next.flit_wait);
    way.next.flit_wait = FlitWait::kNo;
  }
  if (way.channel.credit_wait || way.channel.room_wait) wake_waiting_sender(in, first);
  schedule(first + flits, EventKind::kHorizon, in);
  if (way.channel.sent_running && way.channel.packets == 1) assure_sender(way, first);
  return true;
}

/// A run that was certain of its first credits only now is of all: from `first` on one comes back
/// for every flit it sends.
void Engine::assure_sender(const Passage& way, Cycle first) {
  const Cycle credit = first + way.from.credit_lag;
  if (way.from.from_node) return assure_source(way.from.driver, credit);
  const ChannelId id = way.channel.owner;
  Channel& sender = at(id);
  if (sender.run_to_tail || sender.horizon < credit || sender.fork != kNone) return;
  if (!sender.contiguous || sender.packets != 1) return;
  sender.horizon = sender.run_start + sender.remaining;
  sender.run_to_tail = true;
  schedule(sender.horizon, EventKind::kHorizon, id);
}

/// The tail of a unicast packet went in the last cycle, and with it ended its run.
void Engine::finish_unicast_run(ChannelId in) {
  const Cycle last = now_ - 1;
  const Passage way = passage(in, at(in).out);
  way.channel.freed.record_until(last);
  way.next.sent.record_until(last);
  way.channel.freed_running = way.next.sent_running = false;
  way.channel.horizon = kNever;
  if (way.from.run_in == in) way.from.run_in = kNone;
  if (way.to.run_out == in) way.to.run_out = kNone;
  way.to.grant_pointer = following(way.from.input_port);
  way.from.accept_pointer = following(way.to.output_port);
  way.from.vc_pointer = following(fabric_.vc_of(in));
  if (way.channel.sent_running) limit_sender(in);
  if (way.to.to_node)
    schedule(last + way.to.flit_lag, EventKind::kArrival, way.channel.front.packet,
             delivery_detail(in, way.to));
  free_channel(way.out, way.next, way.to, last);
  end_packet(in, way.channel, last);
}

}  // namespace tessera::noc
