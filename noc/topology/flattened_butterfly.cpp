#include <algorithm>

#include "noc/topology/builders.h"
#include "noc/topology/grid_links.h"

namespace tessera::noc {

Topology build_flattened_butterfly(const GridShape& shape) {
  const Grid grid = router_grid(shape, "flatfly");
  const std::uint32_t routers = grid.columns * grid.rows;
  const std::uint32_t farthest = std::max(grid.columns, grid.rows);
  const double pitch_mm = shape.concentration * shape.pitch_mm;
  std::vector<Link> links;
  for (RouterId router = 0; router < routers; ++router) {
    for (std::uint32_t distance = 1; distance < farthest; ++distance) {
      const std::uint32_t latency = shape.link_latency == 0 ? 2 * distance : shape.link_latency;
      add_links_at_distance(grid, router, distance, latency, pitch_mm, links);
    }
  }
  return Topology("flatfly", routers, block_nodes(shape, grid), std::move(links), grid,
                  NodeGrid{shape.columns, shape.rows});
}

}  // namespace tessera::noc
