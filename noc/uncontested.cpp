// The usual cases of a router's cycle, where little or nothing competes, decided without lists of
// requests. What comes out is what head_allocation.cpp and switch_allocation.cpp would decide.
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
/// nothing decided, when a multicast packet does.
bool Engine::arbitrate_unicast(const RouterPorts& ports) {
  wishes_.clear();
  std::uint64_t outputs = 0;
  bool choice = false;
  for (std::uint64_t inputs = ports.switch_ports; inputs != 0; inputs &= inputs - 1) {
    const std::uint32_t input = std::countr_zero(inputs);
    const WireId in_wire = ports.first_input + input;
    const Wire& wire = fabric_.wires[in_wire];
    if (wire.run_in != kNone) return false;
    const std::uint64_t below = (std::uint64_t{1} << (wire.vc_pointer % 64)) - 1;
    choice |= !is_single(wire.switch_vcs);
    std::uint64_t own = 0;
    for (std::uint64_t vcs : {wire.switch_vcs & ~below, wire.switch_vcs & below})
      for (; vcs != 0; vcs &= vcs - 1) {
        const ChannelId in = fabric_.channel_of(in_wire, std::countr_zero(vcs));
        const Channel& channel = at(in);
        if (channel.fork != kNone) return false;
        const Wire& out = fabric_.wires[channel.out_wire];
        if (out.run_out != kNone || out.interval != 1) return false;
        const std::uint64_t port = std::uint64_t{1} << out.output_port;
        choice |= (outputs & port) != 0;
        wishes_.push_back({in, input, out.output_port, (own & port) == 0});
        own |= port;
        outputs |= port;
      }
  }
  last_progress_ = now_;
  if (choice)
    grant_in_turn(ports, outputs);
  else
    for (const Wish& wish : wishes_) grant(wish, ports, true);
  return true;
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

}  // namespace tessera::noc
