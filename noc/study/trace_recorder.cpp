#include "noc/study/trace_recorder.h"

namespace tessera::noc {

void TraceRecorder::injected(Cycle cycle, const PacketRequest& request) {
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
  for (const NodeId destination : request.destinations)
    travelling_[{request.tag, destination}] = message.id;
}

void TraceRecorder::delivered(const Delivery& delivery) {
  const auto message = travelling_.find({delivery.tag, delivery.destination});
  last_arrival_[delivery.destination] = {message->second, delivery.arrived};
  travelling_.erase(message);
}

}  // namespace tessera::noc
