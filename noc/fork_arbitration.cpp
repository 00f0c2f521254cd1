// The switch of the plain router where multicast packets or narrow links take part: a list of
// wishes, of which a packet that forks has several. What comes out is what switch_allocation.cpp
// would decide.
#include <algorithm>
#include <bit>

#include "noc/engine.h"

namespace tessera::noc {

void Engine::arbitrate_forks(const RouterPorts& ports) {
  Contest contest;
  do {
    collect_wishes(ports, contest);
  } while (contest.runs_stopped);
  if (wishes_.empty()) return;
  last_progress_ = now_;
  for (std::uint64_t bits = contest.outputs; bits != 0; bits &= bits - 1)
    choose_input(ports, std::countr_zero(bits), contest);
  for (std::size_t first = 0; first < wishes_.size();) {
    std::size_t end = first + 1;
    while (end < wishes_.size() && wishes_[end].input == wishes_[first].input) ++end;
    accept(ports, first, end, contest);
    first = end;
  }
}

void Engine::collect_wishes(const RouterPorts& ports, Contest& contest) {
  wishes_.clear();
  contest.outputs = 0;
  contest.runs_stopped = false;
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
    const std::uint64_t below = (std::uint64_t{1} << (wire.vc_pointer % 64)) - 1;
    for (std::uint64_t vcs : {wire.switch_vcs & ~below, wire.switch_vcs & below})
      for (; vcs != 0; vcs &= vcs - 1)
        add_channel(fabric_.channel_of(in_wire, std::countr_zero(vcs)), input, own, contest);
  }
}

void Engine::add_channel(ChannelId in, std::uint32_t input, std::uint64_t& own, Contest& contest) {
  const Channel& channel = at(in);
  if (channel.fork == kNone)
    return add_wish({in, kNone, 0, static_cast<std::uint8_t>(input)}, channel.out_wire, own,
                    contest);
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
    wanted = wanted_before ? wanted | asks : asks;
    contest.outputs |= port;
  }
  wishes_.push_back(wish);
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

}  // namespace tessera::noc
