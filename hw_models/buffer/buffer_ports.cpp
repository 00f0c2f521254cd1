#include "hw_models/buffer/buffer_ports.h"

#include <algorithm>

namespace tessera::hw {

BufferPorts::BufferPorts(const BufferDescription& buffer)
    : banks_(static_cast<Cycle>(buffer.banks)),
      array_spacing_(buffer.ports == 2 ? 1 : 2),
      network_spacing_(buffer.ports == 2 ? 2 : 4),
      in_phase_(buffer.ports == 2 ? 0 : 1),
      out_phase_(buffer.ports == 2 ? 1 : 3) {
  if (!buffer.unlimited_ports) return;
  array_spacing_ = 0;
  network_spacing_ = 0;
}

Cycle BufferPorts::array_slot(int stream, std::int64_t line, Cycle from) const {
  if (array_spacing_ == 0) return from;
  const Cycle slot = ceil_div(from, array_spacing_);
  const Cycle wanted = static_cast<Cycle>(line) + banks_ - static_cast<Cycle>(stream);
  const Cycle wait = (wanted + banks_ - slot % banks_) % banks_;
  return (slot + wait) * array_spacing_;
}

Cycle BufferPorts::packet_written(Cycle tail, std::int64_t lines, Cycle port_free) const {
  return network_in_slot(std::max(tail + 1, port_free)) +
         static_cast<Cycle>(lines - 1) * network_spacing_;
}

Cycle BufferPorts::next(Cycle from, Cycle phase) const {
  if (network_spacing_ == 0) return from;
  return from + (phase + network_spacing_ - from % network_spacing_) % network_spacing_;
}

}  // namespace tessera::hw
