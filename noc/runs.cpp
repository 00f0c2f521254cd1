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

/// Flits certain to be there one per cycle from `cycle` on.
std::uint64_t Engine::flit_guarantee(ChannelId in, Cycle cycle) {
  settle_sent(in);
  const Channel& channel = at(in);
  const std::uint32_t lag = wire_at(in).flit_lag;
  const std::uint64_t ready = channel.sent.count_before(cycle, lag) - channel.freed.count();
  if (ready == 0 || channel.sent.gaps(cycle, lag) >= ready) return ready;
  return channel.sent_running ? kUnlimited : channel.sent.count() - channel.freed.count();
}

/// Credits certain to be there one per cycle from `cycle` on.
std::uint64_t Engine::credit_guarantee(ChannelId out, Cycle cycle) {
  const Wire& wire = wire_at(out);
  if (wire.to_node && config_.vc_buffer_flits >= wire.credit_lag) return kUnlimited;
  const std::uint64_t ready = credits(out, cycle);
  const Channel& channel = at(out);
  if (ready == 0 || wire.to_node || channel.freed.gaps(cycle, wire.credit_lag) >= ready)
    return ready;
  if (channel.freed_running) return kUnlimited;
  return config_.vc_buffer_flits - (channel.sent.count() - channel.freed.count());
}

/// Flits before the tail that can go one per cycle from `cycle` on. Multicast packets have their
/// space.
std::uint64_t Engine::run_length(ChannelId in, Cycle cycle, std::uint64_t remaining) {
  const std::uint64_t flits = std::min(remaining - 1, flit_guarantee(in, cycle));
  if (flits == 0 || at(in).fork != kNone) return flits;
  return std::min(flits, credit_guarantee(at(in).out, cycle));
}

bool Engine::try_run(ChannelId in) {
  const std::uint64_t flits = run_length(in, now_ + 1, at(in).remaining);
  if (flits < kShortestRun) return false;
  begin_run(in, flits);
  return true;
}

// All branches have just sent the same flit and nobody else wants their outputs or this input.
bool Engine::try_fork_run(ChannelId in) {
  const Fork& fork = forks_[at(in).fork];
  const std::uint32_t sent = fork.branches.front().sent;
  if (fork.flits - sent <= kShortestRun) return false;
  for (const Branch& branch : fork.branches)
    if (branch.out == kNone || branch.sent != sent) return false;
  std::size_t granted = 0;
  for (const SwitchRequest& request : requests_) {
    if (request.in != in) continue;
    if (!request.matched || !is_uncontested(request)) return false;
    ++granted;
  }
  if (granted != fork.branches.size()) return false;
  const std::uint64_t flits = run_length(in, now_ + 1, fork.flits - sent);
  if (flits < kShortestRun) return false;
  begin_run(in, flits);
  return true;
}

void Engine::begin_run(ChannelId in, std::uint64_t flits) {
  Channel& channel = at(in);
  channel.freed_running = true;
  channel.run_start = now_ + 1;
  channel.horizon = now_ + 1 + flits;
  wire_at(in).run_in = in;
  for_each_output(in, [&](ChannelId out) {
    at(out).sent_running = true;
    wire_at(out).run_out = in;
  });
  clear_ready(in);
  schedule(channel.horizon, EventKind::kHorizon, in);
}

// Grants up to the last cycle stand; from this cycle on the packet has to ask again.
void Engine::stop_run(ChannelId in) {
  Channel& channel = at(in);
  const auto granted = static_cast<std::uint32_t>(now_ - channel.run_start);
  channel.freed.record_until(now_ - 1);
  channel.freed_running = false;
  channel.horizon = kNever;
  wire_at(in).run_in = kNone;
  channel.flits_known = channel.credits_known = 1;  // certain for this cycle
  if (channel.fork == kNone)
    channel.remaining -= granted;
  else
    for (Branch& branch : forks_[channel.fork].branches) branch.sent += granted;
  for_each_output(in, [&](ChannelId out) {
    at(out).sent.record_until(now_ - 1);
    at(out).sent_running = false;
    wire_at(out).run_out = kNone;
    limit_receiver(out);
  });
  limit_sender(in);
  last_progress_ = now_;
}

void Engine::limit_receiver(ChannelId out) {
  if (!at(out).freed_running) return;
  settle_freed(out);
  limit(out, now_ + at(out).sent.count() - at(out).freed.count());
}

void Engine::limit_sender(ChannelId in) {
  const Channel& channel = at(in);
  if (!channel.sent_running) return;
  settle_sent(in);
  const std::uint64_t space =
      config_.vc_buffer_flits - (channel.sent.count() - channel.freed.count());
  const Cycle horizon = sent_known_through(wire_at(in)) + 1 + space;
  if (wire_at(in).from_node)
    limit_source(wire_at(in).driver, horizon);
  else if (at(channel.owner).fork == kNone)
    limit(channel.owner, horizon);
}

void Engine::limit(ChannelId in, Cycle horizon) {
  Channel& channel = at(in);
  if (channel.horizon <= horizon) return;
  channel.horizon = std::max(horizon, now_ + 1);
  schedule(channel.horizon, EventKind::kHorizon, in);
}

void Engine::run_horizon(ChannelId in) {
  Channel& channel = at(in);
  if (!channel.freed_running || channel.horizon != now_) return;
  settle_freed(in);
  for_each_output(in, [&](ChannelId out) { settle_sent(out); });
  const std::uint32_t before =
      channel.fork == kNone
          ? channel.remaining
          : forks_[channel.fork].flits - forks_[channel.fork].branches.front().sent;
  const std::uint64_t remaining = before - (now_ - channel.run_start);
  const std::uint64_t flits = remaining > 1 ? run_length(in, now_, remaining) : 0;
  if (flits > 0) {
    channel.horizon = now_ + flits;
    schedule(channel.horizon, EventKind::kHorizon, in);
    return;
  }
  stop_run(in);
  recheck(in, now_);
}

}  // namespace tessera::noc
