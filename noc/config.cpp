#include "noc/config.h"

#include "sim/base/error.h"

namespace tessera::noc {

namespace {

AllocatorKind allocator_of(const proto::NetworkDescription& description) {
  switch (description.allocator()) {
    case proto::ISLIP:
      return AllocatorKind::kIslip;
    case proto::SEPARABLE_INPUT_FIRST:
      return AllocatorKind::kSeparableInputFirst;
    case proto::WAVEFRONT:
      return AllocatorKind::kWavefront;
    default:
      throw UserError("noc.allocator ", static_cast<int>(description.allocator()),
                      ": allowed are ISLIP, SEPARABLE_INPUT_FIRST, WAVEFRONT");
  }
}

Reduction reduction_of(const proto::NetworkDescription& description) {
  switch (description.reduction()) {
    case proto::NONE:
      return Reduction::kNone;
    case proto::INTERFACES:
      return Reduction::kInterfaces;
    case proto::ROUTERS:
      return Reduction::kRouters;
    default:
      throw UserError("noc.reduction ", static_cast<int>(description.reduction()),
                      ": allowed are NONE, INTERFACES, ROUTERS");
  }
}

/// Where the description says nothing, packets fork where they can.
bool multicast_of(const proto::NetworkDescription& description, const NetworkConfig& config) {
  if (!description.has_multicast()) return can_fork(config);
  if (description.multicast() && !can_fork(config))
    throw UserError(
        "noc.multicast true with noc.allocator ", proto::Allocator_Name(description.allocator()),
        " and noc.hold_switch_for_packet ", config.hold_switch_for_packet ? "true" : "false",
        ": packets fork only with ISLIP and false");
  return description.multicast();
}

std::vector<VirtualNetworkConfig> virtual_networks_of(
    const proto::NetworkDescription& description) {
  std::vector<VirtualNetworkConfig> networks;
  std::uint32_t first = 0;
  for (const auto& text : description.virtual_networks()) {
    networks.push_back({text.name(), first, text.vcs()});
    first += text.vcs();
  }
  if (networks.empty()) networks.push_back({"data", 0, 4});
  return networks;
}

EnergyTable energy_of(const proto::NetworkDescription& description) {
  const std::string& name = description.energy_table();
  if (!description.has_energy()) return energy_table(name.empty() ? "estimate" : name);
  const auto& text = description.energy();
  return {text.source(),
          text.buffer_write_pj_per_byte(),
          text.buffer_read_pj_per_byte(),
          text.crossbar_pj_per_byte(),
          text.arbitration_pj(),
          text.link_pj_per_byte_mm(),
          text.hop_pj_per_byte(),
          text.adder_pj_per_byte()};
}

void check_range(const char* field, std::uint64_t value, std::uint64_t low, std::uint64_t high) {
  if (value < low || value > high)
    throw UserError("noc.", field, " ", value, ": allowed are ", low, " to ", high);
}

}  // namespace

std::uint32_t NetworkConfig::vcs() const {
  std::uint32_t sum = 0;
  for (const auto& network : virtual_networks) sum += network.vcs;
  return sum;
}

bool can_fork(const NetworkConfig& config) {
  return config.allocator == AllocatorKind::kIslip && !config.hold_switch_for_packet;
}

EnergyTable energy_table(const std::string& name) {
  if (name == "estimate")
    return {
        "own estimate for 16 nm, not measured: buffer, crossbar and arbitration of a 16-byte "
        "router, wire 0.1 pJ per bit and mm, an adder's entry read and written and 0.02 pJ per "
        "byte to add",
        0.10,
        0.08,
        0.12,
        0.05,
        0.80,
        0.0,
        0.20};
  // TANGRAM counts 10 MACs per 16-bit word and hop; the MAC is Interstellar's, 0.075 pJ.
  if (name == "tangram")
    return {"TANGRAM: 10 MACs per word and hop", 0, 0, 0, 0, 0, 10 * 0.075 / 2, 0};
  if (name == "interstellar")
    return {"Interstellar: 0.035 pJ per 16-bit word and hop", 0, 0, 0, 0, 0, 0.035 / 2, 0};
  throw UserError("noc.energy_table ", name, ": allowed are estimate, tangram, interstellar");
}

NetworkConfig network_config(const proto::NetworkDescription& description) {
  NetworkConfig config;
  config.virtual_networks = virtual_networks_of(description);
  if (description.has_vc_buffer()) config.vc_buffer_flits = description.vc_buffer();
  if (description.has_flit_bytes()) config.flit_bytes = description.flit_bytes();
  if (description.has_routing_delay()) config.routing_delay = description.routing_delay();
  if (description.has_credit_delay()) config.credit_delay = description.credit_delay();
  config.speculative = description.speculative();
  config.hold_switch_for_packet = description.hold_switch_for_packet();
  config.wait_for_tail_credit = description.wait_for_tail_credit();
  config.allocator = allocator_of(description);
  config.multicast = multicast_of(description, config);
  config.reduction = reduction_of(description);
  if (description.has_reduction_entries())
    config.reduction_entries = description.reduction_entries();
  config.packet_runs = description.detail() == proto::RUN;
  if (description.has_seed()) config.seed = description.seed();
  config.bin_cycles = description.bin_cycles();
  config.energy = energy_of(description);
  return config;
}

void check_config(const NetworkConfig& config, const Routing& routing) {
  constexpr std::uint32_t kMostBufferFlits = 1u << 16;
  constexpr std::uint32_t kMostFlitBytes = 1u << 16;
  constexpr std::uint32_t kMostEntries = 1u << 16;
  check_range("vc_buffer", config.vc_buffer_flits, 1, kMostBufferFlits);
  check_range("flit_bytes", config.flit_bytes, 1, kMostFlitBytes);
  check_range("routing_delay", config.routing_delay, 0, 1);
  check_range("credit_delay", config.credit_delay, 0, 8);
  check_range("reduction_entries", config.reduction_entries, 1, kMostEntries);
  check_range("virtual_networks (sum of vcs)", config.vcs(), 1, kMaxVcs);
  const std::uint32_t least = routing.partition() == VcPartition::kWhole ? 1 : 2;
  for (const auto& network : config.virtual_networks)
    if (network.vcs < least)
      throw UserError("noc.virtual_networks '", network.name, "' has ", network.vcs,
                      " virtual channels; routing ", routing.name(), " needs at least ", least);
}

}  // namespace tessera::noc
