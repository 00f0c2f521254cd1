#include "noc/topology/builders.h"
#include "noc/topology/grid_links.h"

namespace tessera::noc {

Topology build_concentrated_mesh(const GridShape& shape) {
  const Grid grid = router_grid(shape, "cmesh");
  const std::uint32_t routers = grid.columns * grid.rows;
  const double pitch_mm = shape.concentration * shape.pitch_mm;
  std::vector<Link> links;
  for (RouterId router = 0; router < routers; ++router)
    add_links_at_distance(grid, router, 1, shape.link_latency, pitch_mm, links);
  return Topology("cmesh", routers, block_nodes(shape, grid), std::move(links), grid,
                  NodeGrid{shape.columns, shape.rows});
}

}  // namespace tessera::noc
