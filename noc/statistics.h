// What a network counted, as plain numbers.
#pragma once

#include <cstdint>
#include <vector>

#include "noc/topology/topology.h"
#include "sim/base/types.h"

namespace tessera::noc {

enum class WireKind : std::uint8_t { kLink, kInjection, kEjection };

/// One virtual channel of one wire since the start.
struct ChannelStats {
  std::uint64_t flits = 0;
  std::uint64_t credit_stall_cycles = 0;    ///< flits at the front that waited for a credit
  std::uint64_t switch_losses = 0;          ///< switch requests that lost
  std::uint64_t occupancy_flit_cycles = 0;  ///< integral of the buffer at the receiving router
  std::uint64_t buffer_reads = 0;           ///< flits read out of that buffer
};

/// A link, or the connection of a node to its router.
struct WireStats {
  WireKind kind = WireKind::kLink;
  LinkId link = kNoLink;  ///< links only
  NodeId node = 0;        ///< injection and ejection only
  bool adder = false;     ///< that node is the adder of the router
  RouterId from = 0;      ///< router; of an injection wire the same as `to`
  RouterId to = 0;
  std::uint32_t interval_cycles = 1;  ///< a flit occupies the wire this long
  std::uint64_t packets = 0;          ///< heads that were given a virtual channel (not injection)
  std::uint64_t vc_losses = 0;
  std::uint64_t vc_wait_cycles = 0;
  std::vector<ChannelStats> channels;
  /// By traffic class, where they are counted apart: flits of packets whose head has been given a
  /// channel of the wire, all of them as soon as it has.
  std::vector<std::uint64_t> class_flits;

  std::uint64_t flits() const;
  /// Cycles that flits occupied the wire.
  std::uint64_t busy_cycles() const { return flits() * interval_cycles; }
  std::uint64_t credit_stall_cycles() const;
  std::uint64_t switch_losses() const;
  std::uint64_t occupancy_flit_cycles() const;
  std::uint64_t buffer_reads() const;
};

const char* kind_name(const WireStats& wire);
/// Router, or node of an injection wire.
std::uint32_t from_of(const WireStats& wire);
/// Router, or node of an ejection wire.
std::uint32_t to_of(const WireStats& wire);

/// Totals since the start, up to and including `cycle`.
struct NetworkStats {
  Cycle cycle = 0;
  std::vector<WireStats> wires;  ///< links in list order, then injection, then ejection by node

  /// Flits that crossed a router, once per way out (links and ejection).
  std::uint64_t flit_hops() const;
  std::uint64_t injected_flits() const;  ///< by nodes
  std::uint64_t ejected_flits() const;   ///< to nodes
  std::uint64_t added_flits() const;     ///< of terms, taken in by adders
  std::uint64_t absorbed_flits() const;  ///< taken in by adders and not sent on
  /// InvariantViolation unless the classes of every wire add up to its flits, as they do when
  /// nothing is under way. Nothing to check where classes are not counted apart.
  void check_classes() const;
};

}  // namespace tessera::noc
