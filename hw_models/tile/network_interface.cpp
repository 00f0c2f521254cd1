#include "hw_models/tile/network_interface.h"

#include <algorithm>

namespace tessera::hw {

void NetworkInterface::send_control(Cycle now, Message message,
                                    std::span<const NodeId> destinations) {
  message.source = node_;
  message.sent = now;
  port_.send(now, std::move(message), destinations);
}

std::uint64_t NetworkInterface::send_payload(Cycle now, Message message, Bytes bytes,
                                             std::span<const NodeId> destinations) {
  const std::uint64_t ticket = next_ticket_++;
  message.source = node_;
  message.sent = now;
  message.ticket = ticket;
  const auto values = std::move(message.values);
  const auto sums = std::move(message.sums);
  int& left = packets_[ticket];
  for (Bytes sent = 0; sent < bytes;) {
    Message packet = message;
    packet.offset = sent;
    packet.payload_bytes = std::min(bytes - sent, max_payload_bytes_);
    sent += packet.payload_bytes;
    packet.last = message.last && sent == bytes;
    if (sent == bytes) {
      packet.values = values;
      packet.sums = sums;
    }
    left += port_.send(now, std::move(packet), destinations);
  }
  payload_sent_ += bytes;
  if (left == 0) packets_.erase(ticket);
  return ticket;
}

void NetworkInterface::packet_left(std::uint64_t ticket) {
  const auto entry = packets_.find(ticket);
  if (entry != packets_.end() && --entry->second == 0) packets_.erase(entry);
}

}  // namespace tessera::hw
