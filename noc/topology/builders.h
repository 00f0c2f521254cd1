// The topology families. Each builder is one file; adding a family is one file and one line in
// description.cpp.
#pragma once

#include <cstdint>
#include <string>

#include "noc/topology/noc.pb.h"
#include "noc/topology/topology.h"

namespace tessera::noc {

/// Common parameters of the regular families; latencies in cycles.
struct GridShape {
  std::uint32_t columns = 0;  ///< of the node grid
  std::uint32_t rows = 0;
  std::uint32_t link_latency = 1;
  std::uint32_t injection_latency = 1;
  std::uint32_t ejection_latency = 1;
  double pitch_mm = 1.0;
  std::uint32_t concentration = 1;  ///< a router serves a square block of this many nodes a side
};

/// Additional links of a mesh.
struct LongLinks {
  std::uint32_t span = 2;
  std::uint32_t latency = 1;
  bool everywhere = true;  ///< at every router, or only between routers at multiples of the span
};

Topology build_mesh(const GridShape& shape);
/// Rings in both dimensions; folded, so every link is two pitches long.
Topology build_torus(const GridShape& shape);
/// Mesh of routers that each serve a block of the node grid, whose extents must be multiples of it.
Topology build_concentrated_mesh(const GridShape& shape);
/// All-to-all links inside each row and column of routers that each serve a block of nodes. A link
/// latency of 0 means two cycles per router distance.
Topology build_flattened_butterfly(const GridShape& shape);
/// Mesh with long links: express channels (aligned) or the augmented mesh (at every router).
Topology build_long_link_mesh(const GridShape& shape, const LongLinks& long_links,
                              const std::string& name);
/// A list of links; `origin` names it in errors.
Topology build_link_list(const proto::LinkList& list, const std::string& origin);

}  // namespace tessera::noc
