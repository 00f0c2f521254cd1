#include "noc/study/replay.h"

#include <algorithm>

#include "sim/base/error.h"

namespace tessera::noc {

Replay::Replay(Network& network, const std::vector<TraceMessage>& messages)
    : network_(network),
      messages_(messages),
      dependants_(messages.size()),
      waiting_for_(messages.size()),
      destinations_(messages.size()),
      ready_(messages.size(), 0),
      reducer_(network, *this) {
  std::map<std::uint64_t, std::size_t> index;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    check(messages[i]);
    index[messages[i].id] = i;
    destinations_[i] = messages[i].destinations.size();
    waiting_for_[i] = messages[i].after.size();
    for (const std::uint64_t id : messages[i].after) dependants_[index.at(id)].push_back(i);
    if (messages[i].sum != 0) sums_[messages[i].sum].push_back(i);
  }
  check_sums();
  result_.arrived.resize(messages.size(), kNever);
  result_.messages = messages.size();
  for (std::size_t i = 0; i < messages.size(); ++i) start_when_free(i);
}

void Replay::check(const TraceMessage& message) const {
  const std::size_t nodes = network_.topology().terminals();
  const std::size_t networks = network_.config().virtual_networks.size();
  const auto refuse = [&](const char* what, std::uint64_t value, std::size_t limit) {
    throw UserError("trace: message ", message.id, " has ", what, " ", value, "; allowed are 0 to ",
                    limit - 1);
  };
  if (message.source >= nodes) refuse("source", message.source, nodes);
  for (const NodeId node : message.destinations)
    if (node >= nodes) refuse("destination", node, nodes);
  if (message.virtual_network >= networks)
    refuse("virtual network", message.virtual_network, networks);
  if (message.destinations.size() > 1) check_multicast(message);
}

void Replay::check_multicast(const TraceMessage& message) const {
  const NetworkConfig& config = network_.config();
  if (!config.multicast)
    throw UserError("trace: message ", message.id, " has ", message.destinations.size(),
                    " destinations and this network's packets have one (noc.multicast false, or "
                    "routers that cannot fork them)");
  if (message.flits > config.vc_buffer_flits)
    throw UserError("trace: message ", message.id, " to ", message.destinations.size(),
                    " destinations has ", message.flits, " flits; noc.vc_buffer holds ",
                    config.vc_buffer_flits, " and must hold it whole");
}

void Replay::start_when_free(std::size_t message) {
  if (waiting_for_[message] > 0) return;
  const TraceMessage& m = messages_[message];
  const Cycle free = m.after.empty() ? 0 : ready_[message] + m.delay_cycles;
  starts_.push({std::max(m.cycle, free), message});
}

void Replay::check_sums() const {
  for (const auto& [number, members] : sums_) {
    const TraceMessage& first = messages_[members.front()];
    std::set<NodeId> sources;
    for (const std::size_t member : members) {
      const TraceMessage& message = messages_[member];
      if (message.destinations.size() != 1 || message.destinations != first.destinations ||
          message.flits != first.flits || message.virtual_network != first.virtual_network)
        throw UserError("trace: messages ", first.id, " and ", message.id, " of sum ", number,
                        " differ in destination, flits or virtual network");
      if (!sources.insert(message.source).second)
        throw UserError("trace: sum ", number, " has two terms of node ", message.source,
                        ", the second in message ", message.id);
    }
  }
}

/// The number of a sum is its tag among the reductions.
void Replay::open_sum(std::uint64_t number) {
  if (!opened_.insert(number).second) return;
  const TraceMessage& first = messages_[sums_.at(number).front()];
  std::vector<NodeId> sources;
  for (const std::size_t member : sums_.at(number)) sources.push_back(messages_[member].source);
  reducer_.open({sources, first.destinations[0], first.flits, first.virtual_network, number});
}

void Replay::start(std::size_t message, Cycle cycle) {
  const TraceMessage& m = messages_[message];
  if (m.sum != 0) {
    open_sum(m.sum);
    return reducer_.contribute(cycle, m.sum, m.source);
  }
  network_.inject(cycle, {m.source, m.destinations, m.flits, m.virtual_network, message});
}

void Replay::delivered(const Delivery& delivery) {
  if (Reducer::is_term(delivery.tag)) return;
  result_.latency.add(delivery);
  result_.classes[delivery.virtual_network].add(delivery);
  result_.flows[{delivery.source, delivery.destination}].add(delivery);
  reached(delivery.tag, delivery.destination, delivery.arrived);
}

void Replay::sum_arrived(std::uint64_t tag, NodeId destination, Cycle cycle) {
  for (const std::size_t member : sums_.at(tag)) reached(member, destination, cycle);
}

void Replay::reached(std::size_t message, NodeId destination, Cycle cycle) {
  const bool last = --destinations_[message] == 0;
  for (const std::size_t next : dependants_[message]) {
    const NodeId source = messages_[next].source;
    if (is_destination(messages_[message], source) ? destination == source : last)
      release(next, cycle);
  }
  if (!last) return;
  result_.arrived[message] = cycle;
  result_.cycles = std::max(result_.cycles, cycle);
}

bool Replay::is_destination(const TraceMessage& message, NodeId node) const {
  const auto& nodes = message.destinations;
  return std::find(nodes.begin(), nodes.end(), node) != nodes.end();
}

/// One of the messages it waits for has arrived.
void Replay::release(std::size_t message, Cycle arrived) {
  ready_[message] = std::max(ready_[message], arrived);
  --waiting_for_[message];
  start_when_free(message);
}

ReplayResult Replay::run() {
  network_.set_observer(this);
  for (;;) {
    const Cycle free = starts_.empty() ? kNever : starts_.top().at;
    const Cycle next = std::min(free, reducer_.next_event());
    if (next == kNever) break;
    reducer_.advance(next);
    while (!starts_.empty() && starts_.top().at <= next) {
      const std::size_t message = starts_.top().message;
      starts_.pop();
      start(message, next);
    }
  }
  network_.set_observer(nullptr);
  return std::move(result_);
}

}  // namespace tessera::noc
