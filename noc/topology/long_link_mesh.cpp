#include "noc/topology/builders.h"
#include "noc/topology/grid_links.h"
#include "sim/base/error.h"

namespace tessera::noc {

namespace {

/// Express channels start and end at multiples of the span only.
bool is_aligned(const Grid& grid, const Link& link, std::uint32_t span) {
  const bool along_x = grid.y(link.from) == grid.y(link.to);
  const std::uint32_t position = along_x ? grid.x(link.from) : grid.y(link.from);
  return position % span == 0;
}

}  // namespace

Topology build_long_link_mesh(const GridShape& shape, const LongLinks& long_links,
                              const std::string& name) {
  check_extent(shape, name.c_str());
  if (long_links.span < 2)
    throw UserError(name, ": span ", long_links.span, "; the added links span at least 2 routers");
  const Grid grid{shape.columns, shape.rows, false};
  const std::uint32_t routers = shape.columns * shape.rows;
  std::vector<Link> links;
  for (RouterId router = 0; router < routers; ++router) {
    add_links_at_distance(grid, router, 1, shape.link_latency, shape.pitch_mm, links);
    std::vector<Link> added;
    add_links_at_distance(grid, router, long_links.span, long_links.latency, shape.pitch_mm, added);
    for (const Link& link : added)
      if (long_links.everywhere || is_aligned(grid, link, long_links.span)) links.push_back(link);
  }
  return Topology(name, routers, one_node_per_router(shape, routers), std::move(links), grid,
                  NodeGrid{shape.columns, shape.rows});
}

}  // namespace tessera::noc
