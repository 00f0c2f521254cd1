#include "noc/topology/builders.h"
#include "noc/topology/grid_links.h"

namespace tessera::noc {

Topology build_mesh(const GridShape& shape) {
  check_extent(shape, "mesh");
  const Grid grid{shape.columns, shape.rows, false};
  const std::uint32_t routers = shape.columns * shape.rows;
  std::vector<Link> links;
  for (RouterId router = 0; router < routers; ++router)
    add_links_at_distance(grid, router, 1, shape.link_latency, shape.pitch_mm, links);
  return Topology("mesh", routers, one_node_per_router(shape, routers), std::move(links), grid,
                  NodeGrid{shape.columns, shape.rows});
}

}  // namespace tessera::noc
