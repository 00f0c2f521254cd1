// Parameters of the routers and of the whole network, checked once at the edge.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "noc/topology/noc.pb.h"
#include "noc/topology/routing.h"

namespace tessera::noc {

/// Where partial sums are added up.
enum class Reduction : std::uint8_t { kNone, kInterfaces, kRouters };
enum class AllocatorKind : std::uint8_t { kIslip, kSeparableInputFirst, kWavefront };

/// A class of messages: a contiguous range of virtual channels on every link.
struct VirtualNetworkConfig {
  std::string name;
  std::uint32_t first_vc = 0;
  std::uint32_t vcs = 0;
};

/// Energy per event in picojoule.
struct EnergyTable {
  std::string source;
  double buffer_write_pj_per_byte = 0;
  double buffer_read_pj_per_byte = 0;
  double crossbar_pj_per_byte = 0;
  double arbitration_pj = 0;
  double link_pj_per_byte_mm = 0;
  double hop_pj_per_byte = 0;
  double adder_pj_per_byte = 0;  ///< taken in and added by the adder of a router
};

struct NetworkConfig {
  std::vector<VirtualNetworkConfig> virtual_networks = {{"data", 0, 4}};
  std::uint32_t vc_buffer_flits = 8;
  std::uint32_t flit_bytes = 16;
  std::uint32_t routing_delay = 1;  ///< 0: route computed one router ahead
  std::uint32_t credit_delay = 1;   ///< cycles between arrival and use of a credit
  bool speculative = false;         ///< heads request the switch in the cycle of VC allocation
  bool hold_switch_for_packet = false;
  bool wait_for_tail_credit = false;
  AllocatorKind allocator = AllocatorKind::kIslip;
  bool multicast = true;  ///< packets with several destinations fork in the routers
  Reduction reduction = Reduction::kNone;
  std::uint32_t reduction_entries = 16;  ///< sums, a packet each, that an adder of a router holds
  bool packet_runs = true;  ///< move flits of uncontended packets as runs; same cycles either way
  std::uint64_t seed = 1;
  /// Flits and credits are counted over this often while anything moves, so that what is
  /// lost is noticed within 1000 cycles; 0: never.
  std::uint32_t self_check_interval_cycles = 500;
  std::uint32_t bin_cycles = 0;  ///< statistics over time in bins of this length; 0: none
  /// Kinds of packets whose flits are counted apart on every wire; 1: all alike, not counted.
  std::uint32_t traffic_classes = 1;
  EnergyTable energy;

  std::uint32_t vcs() const;
};

/// Most virtual channels per link: one word of request bits.
inline constexpr std::uint32_t kMaxVcs = 64;

/// Can packets fork in such routers? Their branches are granted one by one, by iSLIP.
bool can_fork(const NetworkConfig& config);

/// Defaults filled in. UserError names the field, the value and what is allowed.
NetworkConfig network_config(const proto::NetworkDescription& description);

/// UserError when the values do not fit together or a routing needs more virtual channels.
void check_config(const NetworkConfig& config, const Routing& routing);

/// Tables by name: `estimate` has figures of our own for a 16 nm router, not measured; `tangram`
/// and `interstellar` the single constant per hop of those tools. UserError lists the names.
EnergyTable energy_table(const std::string& name);

}  // namespace tessera::noc
