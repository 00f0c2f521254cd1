// Shared steps of the grid builders.
#pragma once

#include <vector>

#include "noc/topology/builders.h"

namespace tessera::noc {

/// UserError unless both extents are at least 1 and the node count fits 32 bits.
void check_extent(const GridShape& shape, const char* family);

/// One node per router.
std::vector<Node> one_node_per_router(const GridShape& shape, std::uint32_t routers);

/// The grid of routers that serve square blocks of the node grid; UserError when blocks do not fit.
Grid router_grid(const GridShape& shape, const char* family);

/// The nodes of every block, in node order.
std::vector<Node> block_nodes(const GridShape& shape, const Grid& routers);

/// Links of one router towards +x, -x, +y, -y at a distance, where the grid reaches that far.
void add_links_at_distance(const Grid& grid, RouterId router, std::uint32_t distance,
                           std::uint32_t latency, double pitch_mm, std::vector<Link>& links);

}  // namespace tessera::noc
