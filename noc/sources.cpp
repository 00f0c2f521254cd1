// The sending side of the nodes: one flit per cycle and node, virtual networks in turn.
#include <algorithm>

#include "noc/engine.h"

namespace tessera::noc {

void Engine::step_sources() {
  for (std::size_t word = 0; word < active_sources_.size(); ++word)
    for (std::uint64_t bits = active_sources_[word]; bits != 0; bits &= bits - 1)
      step_source(static_cast<NodeId>(word * 64 + std::countr_zero(bits)));
}

void Engine::step_source(NodeId node) {
  if (sources_[node].tail_sent == now_) return;
  std::uint32_t network = sources_[node].last_network;
  for (std::uint32_t i = 0; i < networks_; ++i) {
    network = network + 1 == networks_ ? 0 : network + 1;
    if (!offer(node, network)) continue;
    sources_[node].last_network = network;
    return send_from_source(node, network);
  }
  block_source(node);
}

// Has the virtual network a flit that can go now? Gives a new packet its channel.
bool Engine::offer(NodeId node, std::uint32_t network) {
  SourceQueue& queue = queue_of(node, network);
  if (queue.empty() || packets_[queue.front()].created >= now_) return false;
  if (queue.channel == kNone) return pick_channel(node, network);
  return credits(queue.channel, now_) > 0 && (!is_adder(node) || is_added(queue));
}

// The next channel in turn that is free and has a credit, or room for a whole multicast packet.
bool Engine::pick_channel(NodeId node, std::uint32_t network) {
  SourceQueue& queue = queue_of(node, network);
  const auto& vcs = config_.virtual_networks[network];
  const Packet& packet = packets_[queue.front()];
  const std::uint32_t needed = packet.tree == kNone ? 1 : packet.flits;
  const WireId id = fabric_.injection_wires[node];
  for (std::uint32_t i = 1; i <= vcs.vcs; ++i) {
    const std::uint32_t vc = vcs.first_vc + (queue.last_vc - vcs.first_vc + i) % vcs.vcs;
    if ((fabric_.wires[id].owned_vcs >> vc & 1) != 0) continue;
    const ChannelId channel = fabric_.channel_of(id, vc);
    if (credits(channel, now_) < needed) continue;
    queue.channel = channel;
    queue.last_vc = vc;
    queue.remaining = packet.flits;
    return true;
  }
  return false;
}

void Engine::send_from_source(NodeId node, std::uint32_t network) {
  SourceQueue& queue = queue_of(node, network);
  const PacketId id = queue.front();
  Packet& packet = packets_[id];
  const ChannelId channel = queue.channel;
  if (queue.remaining == packet.flits) {
    packet.head_left_source = now_;
    count_class(fabric_.wire_of(channel), packet);
    wire_at(channel).owned_vcs |= bit(channel);
    at(channel).owner = node;
    at(channel).contiguous = packet.flits == 1;
    fabric_.push(channel, {id, packet.tree});
  }
  put_flit(channel);
  last_progress_ = now_;
  if (--queue.remaining > 0) return try_source_run(node, network);
  finish_packet(node, queue);
}

/// The tail leaves in this cycle.
void Engine::finish_packet(NodeId node, SourceQueue& queue) {
  const ChannelId channel = queue.channel;
  injected_.emplace_back(node, packets_[queue.front()].tag);
  if (is_adder(node)) close_sum(queue.front());
  at(channel).owner = kNone;
  if (!config_.wait_for_tail_credit) wire_at(channel).owned_vcs &= ~bit(channel);
  queue.channel = kNone;
  queue.pop();
}

// Nothing can go: sleep until a credit, a free channel or a new packet comes.
void Engine::block_source(NodeId node) {
  active_sources_[node / 64] &= ~(std::uint64_t{1} << (node % 64));
  for (std::uint32_t network = 0; network < networks_; ++network) {
    const SourceQueue& queue = queue_of(node, network);
    if (queue.empty()) continue;
    if (queue.channel != kNone) {
      if (is_adder(node) && !is_added(queue))
        wait_for_term(queue);
      else
        wait_for_credit(queue.channel, now_);
      continue;
    }
    const auto& vcs = config_.virtual_networks[network];
    const WireId id = fabric_.injection_wires[node];
    for (std::uint32_t vc = vcs.first_vc; vc < vcs.first_vc + vcs.vcs; ++vc)
      if ((fabric_.wires[id].owned_vcs >> vc & 1) == 0)
        wait_for_credit(fabric_.channel_of(id, vc), now_);
  }
}

std::uint64_t Engine::source_guarantee(NodeId node, Cycle cycle) {
  const SourceQueue& queue = queue_of(node, sources_[node].last_network);
  if (packets_[queue.front()].tree != kNone) return kNever;
  return credit_guarantee(queue.channel, cycle);
}

bool Engine::is_only_queue(NodeId node, std::uint32_t network) {
  if (networks_ == 1) return true;
  for (std::uint32_t other = 0; other < networks_; ++other)
    if (other != network && !queue_of(node, other).empty()) return false;
  return true;
}

// A packet whose node has nothing else to send moves as a run; the horizon is the cycle of its tail
// or the first for which a credit is not certain.
void Engine::try_source_run(NodeId node, std::uint32_t network) {
  SourceQueue& queue = queue_of(node, network);
  if (!runs_ || queue.remaining < 2 || !is_only_queue(node, network)) return;
  if (is_adder(node) && !is_all_added(queue)) return;
  const std::uint64_t credits = source_guarantee(node, now_ + 1);
  const std::uint64_t flits = std::min<std::uint64_t>(queue.remaining - 1, credits);
  if (flits == 0 || (credits < queue.remaining && flits < kShortestRun)) return;
  SourceState& source = sources_[node];
  source.running = network;
  source.run_start = now_ + 1;
  source.horizon = now_ + 1 + flits;
  at(queue.channel).sent_running = true;
  at(queue.channel).contiguous = queue.remaining + 1 == packets_[queue.front()].flits;
  active_sources_[node / 64] &= ~(std::uint64_t{1} << (node % 64));
  schedule(source.horizon, EventKind::kSourceHorizon, node);
}

void Engine::stop_source_run(NodeId node) {
  SourceState& source = sources_[node];
  SourceQueue& queue = queue_of(node, source.running);
  Channel& channel = at(queue.channel);
  channel.sent.record_until(now_ - 1);
  channel.sent_running = channel.contiguous = false;
  queue.remaining -= static_cast<std::uint32_t>(now_ - source.run_start);
  source.running = kNone;
  source.horizon = kNever;
  last_progress_ = now_;
  limit_receiver(queue.channel);
}

void Engine::source_event(NodeId node) {
  const std::uint32_t running = sources_[node].running;
  if (running == kNone) return activate_source(node);
  for (std::uint32_t other = 0; other < networks_; ++other) {
    if (other == running || queue_of(node, other).empty()) continue;
    stop_source_run(node);
    return activate_source(node);
  }
}

void Engine::source_horizon(NodeId node) {
  SourceState& source = sources_[node];
  if (source.running == kNone || source.horizon != now_) return;
  const std::uint32_t network = source.running;
  SourceQueue& queue = queue_of(node, network);
  settle_sent(queue.channel);
  const std::uint64_t remaining = queue.remaining - (now_ - source.run_start);
  const std::uint64_t credits = source_guarantee(node, now_);
  if (remaining > 1 && credits > 0) {
    source.horizon = now_ + std::min(remaining - 1, credits);
    return schedule(source.horizon, EventKind::kSourceHorizon, node);
  }
  if (remaining > 1 || credits == 0 || !is_only_queue(node, network)) {
    stop_source_run(node);
    return activate_source(node);
  }
  at(queue.channel).sent_running = false;
  source.running = kNone;
  source.horizon = kNever;
  last_progress_ = now_;
  queue.remaining = 0;
  source.tail_sent = now_;
  put_flit(queue.channel);
  finish_packet(node, queue);
  if (!queue.empty()) schedule(now_ + 1, EventKind::kSource, node);
}

/// Credits come back one per cycle from `credit` on.
void Engine::assure_source(NodeId node, Cycle credit) {
  SourceState& source = sources_[node];
  const SourceQueue& queue = queue_of(node, source.running);
  const Cycle tail = source.run_start + queue.remaining - 1;
  if (source.horizon < credit || source.horizon >= tail) return;
  source.horizon = tail;
  schedule(tail, EventKind::kSourceHorizon, node);
}

void Engine::limit_source(NodeId node, Cycle horizon) {
  SourceState& source = sources_[node];
  const SourceQueue& queue = queue_of(node, source.running);
  if (packets_[queue.front()].tree != kNone || source.horizon <= horizon) return;
  source.horizon = std::max(horizon, now_ + 1);
  schedule(source.horizon, EventKind::kSourceHorizon, node);
}

}  // namespace tessera::noc
