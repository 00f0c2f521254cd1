// A head and a packet without competitors: the usual case, decided without lists of requests. What
// comes out is what head_allocation.cpp and switch_allocation.cpp would decide.
#include <algorithm>
#include <array>

#include "noc/engine.h"

namespace tessera::noc {

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
