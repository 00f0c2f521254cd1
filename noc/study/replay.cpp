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
      ready_(messages.size(), 0) {
  std::map<std::uint64_t, std::size_t> index;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    check(messages[i]);
    index[messages[i].id] = i;
    destinations_[i] = messages[i].destinations.size();
    waiting_for_[i] = messages[i].after.size();
    for (const std::uint64_t id : messages[i].after) dependants_[index.at(id)].push_back(i);
  }
  result_.arrived.resize(messages.size(), kNever);
  result_.messages = messages.size();
  for (std::size_t i = 0; i < messages.size(); ++i) start_when_free(i);
}

void Replay::check(const TraceMessage& message) const {
  const std::size_t nodes = network_.topology().nodes().size();
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
}

void Replay::start_when_free(std::size_t message) {
  if (waiting_for_[message] > 0) return;
  const TraceMessage& m = messages_[message];
  const Cycle free = m.after.empty() ? 0 : ready_[message] + m.delay_cycles;
  starts_.push({std::max(m.cycle, free), message});
}

void Replay::delivered(const Delivery& delivery) {
  result_.latency.add(delivery);
  result_.flows[{delivery.source, delivery.destination}].add(delivery);
  const std::size_t message = delivery.tag;
  const bool last = --destinations_[message] == 0;
  for (const std::size_t next : dependants_[message]) {
    const NodeId source = messages_[next].source;
    if (is_destination(messages_[message], source) ? delivery.destination == source : last)
      release(next, delivery.arrived);
  }
  if (!last) return;
  result_.arrived[message] = delivery.arrived;
  result_.cycles = delivery.arrived;
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
    const Cycle start = starts_.empty() ? kNever : starts_.top().at;
    const Cycle next = std::min(start, network_.next_event());
    if (next == kNever) break;
    network_.advance(next, *this);
    while (!starts_.empty() && starts_.top().at <= next) {
      const TraceMessage& m = messages_[starts_.top().message];
      network_.inject(
          next, {m.source, m.destinations, m.flits, m.virtual_network, starts_.top().message});
      starts_.pop();
    }
  }
  network_.set_observer(nullptr);
  return std::move(result_);
}

}  // namespace tessera::noc
