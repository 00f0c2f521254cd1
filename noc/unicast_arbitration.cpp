// The switch of the plain router between unicast packets: one or two channels at once, more on
// words of bits. What comes out is what switch_allocation.cpp would decide.
#include <bit>

#include "noc/engine.h"

namespace tessera::noc {

/// iSLIP on one word per port. Outputs choose among the inputs that want them, inputs among the
/// outputs that chose them; channels of one input that want the same output take turns.
void Engine::arbitrate_plain(const RouterPorts& ports) {
  Few few = Few::kRunStopped;
  while (few == Few::kRunStopped) few = arbitrate_few(ports);
  if (few == Few::kMore) few = arbitrate_unicasts(ports);
  while (few == Few::kRunStopped) few = arbitrate_unicasts(ports);
  if (few == Few::kMore) arbitrate_forks(ports);
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
  Contest contest;
  if (!collect_unicasts(ports, contest)) return Few::kMore;
  for (std::uint64_t bits = contest.outputs; bits != 0; bits &= bits - 1) {
    const std::uint32_t output = std::countr_zero(bits);
    const WireId run = fabric_.wires[fabric_.output_wires[ports.first_output + output]].run_out;
    if (run != kNone) contest.runs_stopped |= stop_competing_run(run);
    choose_input(ports, output, contest);
  }
  if (contest.runs_stopped) return Few::kRunStopped;
  last_progress_ = now_;
  for (std::uint64_t inputs = ports.switch_ports; inputs != 0; inputs &= inputs - 1)
    accept_unicast(ports, std::countr_zero(inputs), contest);
  return Few::kDecided;
}

/// False when a channel wants more than one output.
bool Engine::collect_unicasts(const RouterPorts& ports, Contest& contest) {
  contest.outputs = 0;
  contest.runs_stopped = false;
  for (std::uint64_t inputs = ports.switch_ports; inputs != 0; inputs &= inputs - 1) {
    const std::uint32_t input = std::countr_zero(inputs);
    const WireId in_wire = ports.first_input + input;
    const Wire& wire = fabric_.wires[in_wire];
    contest.granted_to[input] = 0;
    if (wire.run_in != kNone) contest.runs_stopped |= stop_competing_run(wire.run_in);
    for (std::uint64_t vcs = wire.switch_vcs; vcs != 0; vcs &= vcs - 1) {
      const std::uint8_t output =
          wanted_output_[fabric_.channel_of(in_wire, std::countr_zero(vcs))];
      if (output == kSeveralOutputs) return false;
      const std::uint64_t port = std::uint64_t{1} << output;
      if ((contest.outputs & port) == 0) contest.wanted_by[output] = 0;
      contest.outputs |= port;
      contest.wanted_by[output] |= std::uint64_t{1} << input;
    }
  }
  return true;
}

/// One input takes one of the outputs that chose it; its other channels have lost.
void Engine::accept_unicast(const RouterPorts& ports, std::uint32_t input, const Contest& contest) {
  const WireId in_wire = ports.first_input + input;
  const Wire& wire = fabric_.wires[in_wire];
  const std::uint64_t grants = contest.granted_to[input];
  if (grants == 0) return count_losses(in_wire, wire.switch_vcs);
  const std::uint32_t output = first_in_turn(grants, wire.accept_pointer);
  const ChannelId in = next_for_output(in_wire, output);
  const std::uint64_t losers = wire.switch_vcs & ~bit(in);
  count_losses(in_wire, losers);
  grant({in, kNone, 0, static_cast<std::uint8_t>(input), static_cast<std::uint8_t>(output)}, ports,
        losers == 0 && is_single(contest.wanted_by[output]));
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

void Engine::choose_input(const RouterPorts& ports, std::uint32_t output, Contest& contest) {
  const std::uint64_t wanted = contest.wanted_by[output];
  const WireId out = fabric_.output_wires[ports.first_output + output];
  const std::uint32_t chosen = is_single(wanted)
                                   ? static_cast<std::uint32_t>(std::countr_zero(wanted))
                                   : first_in_turn(wanted, fabric_.wires[out].grant_pointer);
  contest.granted_to[chosen] |= std::uint64_t{1} << output;
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

bool Engine::stop_competing_run(ChannelId run) {
  if (!at(run).freed_running) return false;
  stop_run(run);
  set_ready(run);
  return true;
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

}  // namespace tessera::noc
