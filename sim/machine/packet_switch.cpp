#include "sim/machine/packet_switch.h"

#include <algorithm>

namespace tessera::sim {

int PacketSwitch::send(Cycle now, hw::Message message, std::span<const hw::NodeId> destinations) {
  payload_sent_ += message.payload_bytes * destinations.size();
  if (instant_ || message.free) return deliver_at_once(now, message, destinations);
  const std::uint32_t length = flits(message);
  flits_sent_to_all_ += length * destinations.size();
  const auto copies = multicast_ ? std::size_t{1} : destinations.size();
  const std::uint64_t tag =
      store(std::move(message), static_cast<std::uint32_t>(copies + destinations.size()));
  if (observer_ != nullptr)
    observer_->packet_sent({pool_[tag].id, &pool_[tag].message, length, destinations, now,
                            static_cast<std::uint32_t>(copies)});
  if (multicast_) {
    inject(now, tag, destinations);
  } else {
    for (const auto& destination : destinations) inject(now, tag, {&destination, 1});
  }
  packets_ += copies;
  flits_sent_ += length * copies;
  listener_.injected(now);
  return static_cast<int>(copies);
}

/// Seen by the receivers in the next cycle, like everything that arrives.
int PacketSwitch::deliver_at_once(Cycle now, const hw::Message& message,
                                  std::span<const hw::NodeId> destinations) {
  last_arrival_ = std::max(last_arrival_, now);
  for (const auto destination : destinations) {
    payload_delivered_ += message.payload_bytes;
    listener_.arrived(destination, message, now);
  }
  return 0;
}

std::uint64_t PacketSwitch::store(hw::Message message, std::uint32_t events) {
  if (free_.empty()) {
    free_.push_back(pool_.size());
    pool_.emplace_back();
  }
  const std::uint64_t tag = free_.back();
  free_.pop_back();
  pool_[tag] = {std::move(message), ++last_id_, events};
  ++travelling_;
  return tag;
}

void PacketSwitch::inject(Cycle now, std::uint64_t tag, std::span<const hw::NodeId> destinations) {
  const hw::Message& message = pool_[tag].message;
  noc::PacketRequest request;
  request.source = message.source;
  request.destinations = destinations;
  request.flits = flits(message);
  request.virtual_network = static_cast<std::uint8_t>(hw::virtual_network(message.kind));
  request.tag = tag;
  if (ideal_ != nullptr)
    ideal_->inject(now, request);
  else
    network_.inject(now, request);
}

void PacketSwitch::packet_injected(std::uint64_t tag, noc::NodeId source, Cycle cycle) {
  if (observer_ != nullptr) observer_->packet_left(pool_[tag].id, source, cycle);
  if (const auto ticket = pool_[tag].message.ticket; ticket != 0)
    listener_.left(source, ticket, cycle);
  count_down(tag);
}

void PacketSwitch::packet_arrived(std::uint64_t tag, noc::NodeId destination, Cycle cycle) {
  last_arrival_ = std::max(last_arrival_, cycle);
  const hw::Message& message = pool_[tag].message;
  payload_delivered_ += message.payload_bytes;
  const int stage = message.order != nullptr ? message.order->granule.stage : message.granule.stage;
  if (stage >= 0) stage_traffic_[static_cast<std::size_t>(stage)].delivered_flits += flits(message);
  if (observer_ != nullptr)
    observer_->packet_arrived({pool_[tag].id, &message, flits(message), {&destination, 1}, cycle});
  listener_.arrived(destination, pool_[tag].message, cycle);
  count_down(tag);
}

void PacketSwitch::count_down(std::uint64_t tag) {
  if (--pool_[tag].events_left > 0) return;
  pool_[tag].message = {};
  free_.push_back(tag);
  --travelling_;
}

}  // namespace tessera::sim
