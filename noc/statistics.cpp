#include "noc/statistics.h"

#include "sim/base/error.h"

namespace tessera::noc {

namespace {

std::uint64_t sum(const WireStats& wire, std::uint64_t ChannelStats::*field) {
  std::uint64_t total = 0;
  for (const ChannelStats& channel : wire.channels) total += channel.*field;
  return total;
}

std::uint64_t flits_of(const NetworkStats& stats, WireKind kind, bool adders = false) {
  std::uint64_t total = 0;
  for (const WireStats& wire : stats.wires)
    if (wire.kind == kind && wire.adder == adders) total += wire.flits();
  return total;
}

}  // namespace

const char* kind_name(const WireStats& wire) {
  switch (wire.kind) {
    case WireKind::kInjection:
      return wire.adder ? "from_adder" : "injection";
    case WireKind::kEjection:
      return wire.adder ? "to_adder" : "ejection";
    case WireKind::kLink:
      break;
  }
  return "link";
}

std::uint32_t from_of(const WireStats& wire) {
  return wire.kind == WireKind::kInjection ? wire.node : wire.from;
}

std::uint32_t to_of(const WireStats& wire) {
  return wire.kind == WireKind::kEjection ? wire.node : wire.to;
}

std::uint64_t WireStats::flits() const { return sum(*this, &ChannelStats::flits); }
std::uint64_t WireStats::credit_stall_cycles() const {
  return sum(*this, &ChannelStats::credit_stall_cycles);
}
std::uint64_t WireStats::switch_losses() const { return sum(*this, &ChannelStats::switch_losses); }
std::uint64_t WireStats::occupancy_flit_cycles() const {
  return sum(*this, &ChannelStats::occupancy_flit_cycles);
}
std::uint64_t WireStats::buffer_reads() const { return sum(*this, &ChannelStats::buffer_reads); }

std::uint64_t NetworkStats::flit_hops() const {
  return flits_of(*this, WireKind::kLink) + ejected_flits() + added_flits();
}
std::uint64_t NetworkStats::injected_flits() const { return flits_of(*this, WireKind::kInjection); }
std::uint64_t NetworkStats::ejected_flits() const { return flits_of(*this, WireKind::kEjection); }
std::uint64_t NetworkStats::added_flits() const {
  return flits_of(*this, WireKind::kEjection, true);
}
std::uint64_t NetworkStats::absorbed_flits() const {
  return added_flits() - flits_of(*this, WireKind::kInjection, true);
}

void NetworkStats::check_classes() const {
  for (const WireStats& wire : wires) {
    if (wire.class_flits.empty()) continue;
    std::uint64_t total = 0;
    for (const std::uint64_t flits : wire.class_flits) total += flits;
    if (total != wire.flits())
      throw InvariantViolation("network", cycle, kind_name(wire), " from ", from_of(wire), " to ",
                               to_of(wire), " carried ", wire.flits(),
                               " flits; those of its traffic classes are ", total);
  }
}

}  // namespace tessera::noc
