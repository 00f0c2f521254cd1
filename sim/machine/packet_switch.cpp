#include "sim/machine/packet_switch.h"

#include <algorithm>

namespace tessera::sim {

int PacketSwitch::send(Cycle now, hw::Message message, std::span<const hw::NodeId> destinations) {
  payload_sent_ += message.payload_bytes * destinations.size();
  if (instant_ || message.free) return deliver_at_once(now, message, destinations);
  if (message.partners != nullptr && ideal_ == nullptr)
    return send_term(now, message, destinations.front());
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
    hand_over(destination, message, now);
  }
  return 0;
}

int PacketSwitch::send_term(Cycle now, const hw::Message& message, hw::NodeId owner) {
  const std::uint64_t number = sum_of(message, owner);
  Sum& sum = sums_.at(number);
  const std::uint64_t id = ++last_id_;
  sum.terms.push_back({message.source, id, message.ticket});
  add_term(message, sum);
  if (observer_ != nullptr)
    observer_->packet_sent({id, &message, flits(message), {&owner, 1}, now, 1});
  reducer_->contribute(now, number, message.source);
  ++packets_;
  listener_.injected(now);
  return 1;
}

/// The sum that a term belongs to; the first one begins it.
std::uint64_t PacketSwitch::sum_of(const hw::Message& message, hw::NodeId owner) {
  const auto [entry, added] = sums_of_.try_emplace(key_of(message, owner), last_sum_ + 1);
  if (!added) return entry->second;
  const auto& members = message.partners->members;
  Sum& sum = sums_[++last_sum_];
  sum.message = message;
  sum.message.sums = nullptr;
  sum.message.partners = nullptr;
  sum.missing = members.size() - 1;
  if (instant_ || ideal_ != nullptr) return last_sum_;
  const std::vector<noc::NodeId> sources(members.begin() + 1, members.end());
  reducer_->open({sources, owner, flits(message),
                  static_cast<std::uint8_t>(hw::virtual_network(message.kind)), last_sum_,
                  class_of(message)});
  return last_sum_;
}

void PacketSwitch::add_term(const hw::Message& message, Sum& sum) {
  sum.message.sent = std::max(sum.message.sent, message.sent);
  if (message.sums == nullptr) return;
  if (sum.message.sums == nullptr)
    sum.message.sums = message.sums;
  else
    sum.message.added.push_back(message.sums);
}

/// Terms that an idealised network has brought wait for the others at the owner's interface.
void PacketSwitch::hand_over(hw::NodeId node, const hw::Message& message, Cycle cycle) {
  if (message.partners == nullptr) return listener_.arrived(node, message, cycle);
  const std::uint64_t number = sum_of(message, node);
  Sum& sum = sums_.at(number);
  add_term(message, sum);
  if (--sum.missing == 0) finish_sum(number, node, cycle);
}

void PacketSwitch::finish_sum(std::uint64_t number, hw::NodeId owner, Cycle cycle) {
  const Sum sum = std::move(sums_.at(number));
  sums_.erase(number);
  sums_of_.erase(key_of(sum.message, owner));
  listener_.arrived(owner, sum.message, cycle);
}

void PacketSwitch::term_injected(std::uint64_t tag, noc::NodeId source, Cycle cycle) {
  for (const auto& term : sums_.at(tag).terms) {
    if (term.source != source) continue;
    if (observer_ != nullptr) observer_->packet_left(term.id, source, cycle);
    listener_.left(source, term.ticket, cycle);
  }
}

/// What every partner sent has been delivered as one packet.
void PacketSwitch::sum_arrived(std::uint64_t tag, noc::NodeId destination, Cycle cycle) {
  last_arrival_ = std::max(last_arrival_, cycle);
  const Sum& sum = sums_.at(tag);
  const hw::Message& message = sum.message;
  payload_delivered_ += message.payload_bytes * sum.terms.size();
  stage_traffic_[static_cast<std::size_t>(message.granule.stage)].delivered_flits += flits(message);
  if (observer_ != nullptr)
    for (const auto& term : sum.terms)
      observer_->packet_arrived({term.id, &message, flits(message), {&destination, 1}, cycle});
  finish_sum(tag, destination, cycle);
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
  request.traffic_class = class_of(message);
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
  hand_over(destination, message, cycle);
  count_down(tag);
}

void PacketSwitch::count_down(std::uint64_t tag) {
  if (--pool_[tag].events_left > 0) return;
  pool_[tag].message = {};
  free_.push_back(tag);
  --travelling_;
}

std::uint8_t PacketSwitch::class_of(const hw::Message& message) const {
  const bool told_apart = network_.config().traffic_classes > 1;
  return told_apart ? static_cast<std::uint8_t>(hw::traffic_class(message)) : 0;
}

}  // namespace tessera::sim
