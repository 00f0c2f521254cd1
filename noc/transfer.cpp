// A flit leaves a buffer: what it frees, wakes and makes possible in the next cycle.
#include <algorithm>

#include "noc/engine.h"

namespace tessera::noc {

void Engine::send(ChannelId in) {
  Channel& channel = at(in);
  const ChannelId out = channel.out;
  Wire& wire = wire_at(out);
  take_flit(in);
  put_flit(out);
  --channel.flits_known;
  --channel.credits_known;
  if (wire.interval > 1) wire.free_at = now_ + wire.interval;
  if (--channel.remaining > 0) return;
  leave(in, out, delivery_detail(in, wire), now_);
  pop_front(in, now_);
}

// May the channel use the switch in the next cycle, and if not, what wakes it?
void Engine::continue_transfer(ChannelId in) {
  const Cycle next = now_ + 1;
  Channel& channel = at(in);
  if (channel.flits_known == 0) {
    channel.flits_known = flits_available(in, next);
    if (channel.flits_known == 0) {
      clear_ready(in);
      return wait_for_flit(in, next, FlitWait::kBody);
    }
  }
  if (channel.credits_known == 0) {
    channel.credits_known = credits(channel.out, next);
    if (channel.credits_known == 0) {
      clear_ready(in);
      channel.stalled_since = next;
      wait_for_credit(channel.out, next);
    }
  }
}

// The tail was granted in `granted`: its output channel can be given to the next packet after that.
void Engine::leave(ChannelId in, ChannelId out, std::uint32_t delivery_detail, Cycle granted) {
  Wire& wire = wire_at(out);
  if (wire.to_node)
    schedule(granted + wire.flit_lag, EventKind::kArrival, at(in).front.packet, delivery_detail);
  free_channel(out, at(out), wire, granted);
}

void Engine::free_channel(ChannelId out, Channel& channel, Wire& wire, Cycle granted) {
  channel.owner = kNone;
  if (!config_.wait_for_tail_credit) {
    wire.owned_vcs &= ~bit(out);
    wake_heads(fabric_.wire_of(out), granted + 1);
  } else if (wire.to_node) {
    schedule(granted + wire.credit_lag, EventKind::kRelease, out);
  }
}

/// What an arrival needs to know: the node, or the branch of a multicast tree.
std::uint32_t Engine::delivery_detail(ChannelId in, const Wire& wire) const {
  const QueuedPacket& front = fabric_.channels[in].front;
  return front.tree_node == kNone ? wire.sink : trees_.node(front.tree_node).first_branch;
}

void Engine::pop_front(ChannelId in, Cycle granted) {
  clear_ready(in);
  end_packet(in, at(in), granted);
}

void Engine::end_packet(ChannelId in, Channel& channel, Cycle granted) {
  fabric_.pop(in);
  channel.state = ChannelState::kIdle;
  if (config_.wait_for_tail_credit)
    schedule(granted + wire_at(in).credit_lag, EventKind::kRelease, in);
  next_head(in, granted + 1);
}

void Engine::free_fork(ChannelId in) {
  free_forks_.push_back(at(in).fork);
  at(in).fork = kNone;
}

void Engine::send_branch(ChannelId in, std::uint32_t index) {
  Fork& fork = forks_[at(in).fork];
  Branch& branch = fork.branches[index];
  Wire& wire = fabric_.wires[branch.wire];
  put_flit(branch.out);
  if (wire.interval > 1) wire.free_at = now_ + wire.interval;
  if (++branch.sent == fork.flits) leave(in, branch.out, branch.tree_branch, now_);
}

// A flit is freed when the slowest branch has taken it.
/// `undisturbed`: every branch has just sent and nobody else wants their outputs or this input.
void Engine::advance_fork(ChannelId in, bool undisturbed) {
  Channel& channel = at(in);
  Fork& fork = forks_[channel.fork];
  std::uint32_t slowest = fork.flits;
  for (const Branch& branch : fork.branches) slowest = std::min(slowest, branch.sent);
  if (fork.base + slowest > channel.freed.count()) take_flit(in);
  if (slowest == fork.flits) {
    free_fork(in);
    return pop_front(in, now_);
  }
  const bool together = undisturbed && runs_ &&
                        std::all_of(fork.branches.begin(), fork.branches.end(),
                                    [&](const Branch& b) { return b.sent == slowest; });
  if (together && try_run(in, fork.flits - slowest)) return;
  if (has_flit_for(fork, fork_arrived(in, fork, now_ + 1))) return set_ready(in);
  clear_ready(in);
  recheck_fork(in, now_ + 1);
}

}  // namespace tessera::noc
