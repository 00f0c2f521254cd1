#include "sim/machine/observer.h"

#include <algorithm>

namespace tessera::sim {

void ObserverList::instruction_began(const hw::InstructionEvent& event) {
  for (auto* observer : observers_) observer->instruction_began(event);
}

void ObserverList::instruction_ended(const hw::InstructionEvent& event) {
  for (auto* observer : observers_) observer->instruction_ended(event);
}

void ObserverList::spent(mapping::TileId tile, int stage, hw::Cause cause, Cycle begin, Cycle end) {
  for (auto* observer : observers_) observer->spent(tile, stage, cause, begin, end);
}

void ObserverList::occupancy(mapping::TileId tile, Cycle now, Bytes bytes) {
  for (auto* observer : observers_) observer->occupancy(tile, now, bytes);
}

void ObserverList::shared_occupancy(std::size_t buffer, Cycle now, Bytes bytes) {
  for (auto* observer : observers_) observer->shared_occupancy(buffer, now, bytes);
}

void ObserverList::order_began(const hw::OrderEvent& event) {
  for (auto* observer : observers_) observer->order_began(event);
}

void ObserverList::order_ended(const hw::OrderEvent& event) {
  for (auto* observer : observers_) observer->order_ended(event);
}

void ObserverList::packet_sent(const PacketEvent& event) {
  for (auto* observer : observers_) observer->packet_sent(event);
}

void ObserverList::packet_left(std::uint64_t id, hw::NodeId source, Cycle cycle) {
  for (auto* observer : observers_) observer->packet_left(id, source, cycle);
}

void ObserverList::packet_arrived(const PacketEvent& event) {
  for (auto* observer : observers_) observer->packet_arrived(event);
}

void ObserverList::dram_command(std::size_t channel, const dram::IssuedCommand& command) {
  for (auto* observer : observers_) observer->dram_command(channel, command);
}

Cycle ObserverList::next_sample() const {
  Cycle next = kNever;
  for (const auto* observer : observers_) next = std::min(next, observer->next_sample());
  return next;
}

/// To those only who asked for this cycle or an earlier one; the last sample goes to all who take
/// any.
void ObserverList::sampled(const Sample& sample) {
  for (auto* observer : observers_)
    if (observer->next_sample() <= sample.cycle || sample.last) observer->sampled(sample);
}

void ObserverList::finished(Cycle end) {
  for (auto* observer : observers_) observer->finished(end);
}

bool ObserverList::wants_dram_commands() const {
  return std::ranges::any_of(observers_,
                             [](const auto* observer) { return observer->wants_dram_commands(); });
}

}  // namespace tessera::sim
