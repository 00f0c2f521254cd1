#include "hw_models/tile/slot_ring.h"

#include <algorithm>
#include <bit>

namespace tessera::hw {

SlotRing::SlotRing(Bytes granule_bytes, int granules, unsigned readers)
    : granule_bytes_(granule_bytes), capacity_(granules), readers_(readers) {}

int SlotRing::position(mapping::SlotReader reader) {
  return std::countr_zero(static_cast<unsigned>(reader));
}

Granule& SlotRing::append(workloads::Region region) {
  Granule& granule = ring_.emplace_back();
  granule.sequence = appended_++;
  granule.region = std::move(region);
  return granule;
}

Granule& SlotRing::granule(std::int64_t sequence) {
  return ring_.at(static_cast<std::size_t>(sequence - ring_.front().sequence));
}

Granule* SlotRing::front(mapping::SlotReader reader, int after) {
  const std::int64_t sequence = released_[position(reader)] + after;
  return sequence < appended_ ? &granule(sequence) : nullptr;
}

void SlotRing::release(mapping::SlotReader reader, int granules) {
  released_[position(reader)] += granules;
  drop_released();
}

void SlotRing::leave(std::int64_t sequence) {
  Granule& leaving = granule(sequence);
  leaving.gone = true;
  leaving.values.reset();
  leaving.accumulators.reset();
  ++gone_;
  for (; !ring_.empty() && ring_.front().gone; ring_.pop_front()) --gone_;
}

void SlotRing::drop_released() {
  std::int64_t oldest = appended_;
  for (int reader = 0; reader < 3; ++reader)
    if ((readers_ >> reader & 1u) != 0) oldest = std::min(oldest, released_[reader]);
  while (!ring_.empty() && ring_.front().sequence < oldest) ring_.pop_front();
}

}  // namespace tessera::hw
