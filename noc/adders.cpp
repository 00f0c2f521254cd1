// Adders beside the crossbars. An adder is a node of its router: terms come to it as packets and
// are taken in flit by flit, their sum leaves it as a packet. A flit of the sum can go in the cycle
// after the last of its terms' flits was read, so the sum is on its way while tails still arrive.
//
// Nothing here can stand still for ever. An adder takes in whatever comes. A sum joins the source
// queue of its adder when the heads of all its terms are there: what follows of them comes from
// nodes that have it, or from adders whose sums have all heads in turn, along channels that they
// hold and that end here. So a sum never waits for a channel while it holds one, other than a
// packet does on its way from a node to a node, and those dependencies were checked.
#include <algorithm>

#include "noc/engine.h"
#include "sim/base/error.h"

namespace tessera::noc {

SumId Engine::open_sum(const SumRequest& request) {
  const auto& nodes = topology_.nodes();
  if (request.adder >= nodes.size() || !nodes[request.adder].adder || request.terms < 2 ||
      request.flits == 0 || request.destination >= nodes.size() ||
      request.virtual_network >= config_.virtual_networks.size() ||
      request.traffic_class >= config_.traffic_classes)
    throw InvariantViolation("network", now_, "sum of ", request.terms, " terms of ", request.flits,
                             " flits at node ", request.adder, " for node ", request.destination);
  SumId id = static_cast<SumId>(sums_.size());
  if (free_sums_.empty()) {
    sums_.emplace_back();
  } else {
    id = free_sums_.back();
    free_sums_.pop_back();
  }
  sums_[id].request = request;
  sums_[id].terms.clear();
  sums_[id].heads = 0;
  return id;
}

void Engine::check_term(const PacketRequest& request) const {
  const bool open = request.sum < sums_.size();
  if (!open || request.destinations.size() != 1 ||
      request.destinations[0] != sums_[request.sum].request.adder ||
      request.flits != sums_[request.sum].request.flits ||
      request.virtual_network != sums_[request.sum].request.virtual_network)
    throw InvariantViolation("network", now_, "packet of node ", request.source,
                             " is no term of sum ", request.sum);
}

/// The packet of a term has been given a channel to its adder.
void Engine::expect_term(PacketId packet, ChannelId channel) {
  const SumId id = packets_[packet].sum;
  sums_[id].terms.push_back({packet, channel, at(channel).sent.count(), false});
  expected_[channel - first_adder_channel_].push_back(id);
  at(channel).flit_wait = FlitWait::kBody;
}

/// A flit was announced for this cycle; the run that was to bring it may have been stopped
/// meanwhile. The channel may have been given to the next packet.
void Engine::term_event(ChannelId channel) {
  schedule(now_ + 1, EventKind::kSource, wire_at(channel).sink);
  auto& expected = expected_[channel - first_adder_channel_];
  while (!expected.empty()) {
    const SumId id = expected.front();
    Sum& sum = sums_[id];
    const auto term = std::find_if(sum.terms.begin(), sum.terms.end(), [&](const Term& t) {
      return t.channel == channel && !t.head_in;
    });
    if (flits_in(sum, *term, now_) == 0) return wait_for_flit(channel, now_, FlitWait::kBody);
    expected.erase(expected.begin());
    term->head_in = true;
    if (++sum.heads == sum.request.terms) start_sum(id);
  }
}

/// Flits of a term that its adder has read up to and including `cycle`, this one or the last.
std::uint32_t Engine::flits_in(const Sum& sum, const Term& term, Cycle cycle) {
  settle_sent(term.channel);
  const std::uint64_t read =
      at(term.channel).sent.count_before(cycle, wire_at(term.channel).flit_lag);
  if (read <= term.base) return 0;  // the packet before is still on its way
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(read - term.base, sum.request.flits));
}

std::uint32_t Engine::flits_added(const Sum& sum, Cycle cycle) {
  std::uint32_t flits = sum.request.flits;
  for (const Term& term : sum.terms) flits = std::min(flits, flits_in(sum, term, cycle));
  return flits;
}

void Engine::start_sum(SumId id) {
  const SumRequest& request = sums_[id].request;
  Packet packet;
  packet.tag = request.tag;
  packet.created = now_;
  packet.source = request.adder;
  packet.destination = request.destination;
  packet.flits = request.flits;
  packet.outstanding = 1;
  packet.virtual_network = request.virtual_network;
  packet.spread = request.flits - 1;
  packet.sum = request.into;
  packet.traffic_class = request.traffic_class;
  const PacketId number = packets_.add(packet);
  if (made_by_.size() <= number) made_by_.resize(number + 1, kNoSum);
  made_by_[number] = id;
  queue_of(request.adder, request.virtual_network).push(number);
}

/// Are the flits that the next one of the sum consists of there since the last cycle?
bool Engine::is_added(const SourceQueue& queue) {
  const Sum& sum = sums_[made_by_[queue.front()]];
  return flits_added(sum, now_ - 1) > sum.request.flits - queue.remaining;
}

/// All flits still to send can go one per cycle from the next cycle on.
bool Engine::is_all_added(const SourceQueue& queue) {
  const Sum& sum = sums_[made_by_[queue.front()]];
  return flits_added(sum, now_) == sum.request.flits;
}

/// Wakes the adder when the first flit comes that its sum lacks.
void Engine::wait_for_term(const SourceQueue& queue) {
  const Sum& sum = sums_[made_by_[queue.front()]];
  const std::uint32_t sent = sum.request.flits - queue.remaining;
  for (const Term& term : sum.terms) {
    if (flits_in(sum, term, now_ - 1) > sent) continue;
    const std::uint32_t lag = wire_at(term.channel).flit_lag;
    Cycle arrival = at(term.channel).sent.next_after(now_ - 1, lag);
    if (arrival == kNever && at(term.channel).sent_running)
      arrival = sender_run_start(term.channel) + lag;
    if (arrival == kNever)
      at(term.channel).flit_wait = FlitWait::kBody;
    else
      schedule(arrival + 1, EventKind::kSource, sum.request.adder);
    return;
  }
}

/// The tail of a term has been read: all of it has.
void Engine::check_absorbed(PacketId packet) {
  const Sum& sum = sums_[packets_[packet].sum];
  const auto term = std::find_if(sum.terms.begin(), sum.terms.end(),
                                 [&](const Term& t) { return t.packet == packet; });
  if (term == sum.terms.end() || flits_in(sum, *term, now_) != sum.request.flits)
    throw InvariantViolation("network", now_, "the adder of router ",
                             topology_.nodes()[sum.request.adder].router, " has taken in ",
                             term == sum.terms.end() ? 0 : flits_in(sum, *term, now_), " of ",
                             sum.request.flits, " flits of a term; a flit was lost");
}

/// The tail of the sum leaves its adder in this cycle.
void Engine::close_sum(PacketId packet) { free_sums_.push_back(made_by_[packet]); }

std::string Engine::describe_sums(std::size_t limit) const {
  std::string text;
  std::vector<bool> closed(sums_.size(), false);
  for (const SumId id : free_sums_) closed[id] = true;
  std::size_t lines = 0;
  for (SumId id = 0; id < sums_.size() && lines < limit; ++id) {
    const Sum& sum = sums_[id];
    if (closed[id] || sum.heads == sum.request.terms) continue;
    text += detail::concatenate("  adder of router ", topology_.nodes()[sum.request.adder].router,
                                ": sum for node ", sum.request.destination, " has ", sum.heads,
                                " of ", sum.request.terms, " terms\n");
    ++lines;
  }
  return text;
}

}  // namespace tessera::noc
