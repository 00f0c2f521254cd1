#include "noc/study/trace_recorder.h"

#include "noc/reduction.h"

namespace tessera::noc {

TraceMessage& TraceRecorder::note(Cycle cycle, const PacketRequest& request) {
  TraceMessage& message = messages_.emplace_back();
  message.id = messages_.size();
  message.source = request.source;
  message.destinations.assign(request.destinations.begin(), request.destinations.end());
  message.flits = request.flits;
  message.virtual_network = request.virtual_network;
  const Arrival& last = last_arrival_[request.source];
  if (last.message == 0) {
    message.cycle = cycle;
  } else {
    message.after = {last.message};
    message.delay_cycles = cycle - last.cycle;
  }
  return message;
}

void TraceRecorder::injected(Cycle cycle, const PacketRequest& request) {
  if (Reducer::is_term(request.tag)) return;
  const std::uint64_t id = note(cycle, request).id;
  for (const NodeId destination : request.destinations)
    travelling_[{request.tag, destination}] = id;
}

void TraceRecorder::delivered(const Delivery& delivery) {
  if (Reducer::is_term(delivery.tag)) return;
  const auto message = travelling_.find({delivery.tag, delivery.destination});
  last_arrival_[delivery.destination] = {message->second, delivery.arrived};
  travelling_.erase(message);
}

void TraceRecorder::term_injected(Cycle cycle, std::uint64_t tag, const PacketRequest& request) {
  const auto known = summing_.find(tag);
  const std::uint64_t sum = known == summing_.end() ? ++sums_ : messages_[known->second - 1].sum;
  TraceMessage& message = note(cycle, request);
  message.sum = sum;
  summing_[tag] = message.id;
}

void TraceRecorder::sum_delivered(Cycle cycle, std::uint64_t tag, NodeId destination) {
  last_arrival_[destination] = {summing_.at(tag), cycle};
  summing_.erase(tag);
}

}  // namespace tessera::noc
