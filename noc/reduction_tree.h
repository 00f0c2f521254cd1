// Where the terms of a sum meet.
#pragma once

#include <map>
#include <set>
#include <span>
#include <vector>

#include "noc/config.h"
#include "noc/topology/routing.h"

namespace tessera::noc {

/// Packets of the same length from several nodes, of which one node wants the sum.
struct ReductionRequest {
  std::span<const NodeId> sources;
  NodeId destination = 0;
  std::uint32_t flits = 1;
  std::uint8_t virtual_network = 0;
  std::uint64_t tag = 0;  ///< unique among reductions under way, below 2^61
  std::uint8_t traffic_class = 0;
};

/// A place where terms are taken in; the last one is the destination.
struct Station {
  NodeId node = 0;  ///< interface or adder
  RouterId router = 0;
  bool adder = false;
  std::size_t next = 0;     ///< station its sum goes to; the last has none
  std::uint32_t terms = 0;  ///< to add
};

/// The union of the paths that the terms would take as packets of their own (first choice of the
/// routing function, coin 0; the first source to visit a router decides where it leads), with a
/// station in every router where several meet.
struct ReductionTree {
  std::vector<Station> stations;
  std::map<NodeId, std::size_t> station_of;  ///< of each source
};

/// No station in the routers of `full`. UserError when a source is listed twice.
ReductionTree reduction_tree(const Topology& topology, const Routing& routing, Reduction reduction,
                             const ReductionRequest& request, const std::set<RouterId>& full);

}  // namespace tessera::noc
