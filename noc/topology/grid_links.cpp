#include "noc/topology/grid_links.h"

#include "sim/base/error.h"

namespace tessera::noc {

void check_extent(const GridShape& shape, const char* family) {
  constexpr std::uint64_t kMostNodes = 1u << 20;
  const std::uint64_t nodes = std::uint64_t{shape.columns} * shape.rows;
  if (nodes == 0 || nodes > kMostNodes)
    throw UserError(family, " of ", shape.columns, "x", shape.rows,
                    ": columns and rows must be at least 1 and their product at most ", kMostNodes);
}

std::vector<Node> one_node_per_router(const GridShape& shape, std::uint32_t routers) {
  std::vector<Node> nodes(routers);
  for (RouterId router = 0; router < routers; ++router)
    nodes[router] = {router, shape.injection_latency, shape.ejection_latency};
  return nodes;
}

Grid router_grid(const GridShape& shape, const char* family) {
  check_extent(shape, family);
  const std::uint32_t side = shape.concentration;
  if (side == 0 || shape.columns % side != 0 || shape.rows % side != 0)
    throw UserError(family, " of ", shape.columns, "x", shape.rows, " nodes: concentration ", side,
                    " must divide both extents, a router serves ", side, "x", side, " nodes");
  return {shape.columns / side, shape.rows / side, false};
}

std::vector<Node> block_nodes(const GridShape& shape, const Grid& routers) {
  std::vector<Node> nodes(std::size_t{shape.columns} * shape.rows);
  for (NodeId node = 0; node < nodes.size(); ++node) {
    const std::uint32_t x = node % shape.columns / shape.concentration;
    const std::uint32_t y = node / shape.columns / shape.concentration;
    nodes[node] = {routers.at(x, y), shape.injection_latency, shape.ejection_latency};
  }
  return nodes;
}

void add_links_at_distance(const Grid& grid, RouterId router, std::uint32_t distance,
                           std::uint32_t latency, double pitch_mm, std::vector<Link>& links) {
  const std::uint32_t x = grid.x(router);
  const std::uint32_t y = grid.y(router);
  const auto add = [&](std::uint32_t to_x, std::uint32_t to_y) {
    links.push_back({router, grid.at(to_x, to_y), latency, 0, pitch_mm * distance});
  };
  if (x + distance < grid.columns) add(x + distance, y);
  if (x >= distance) add(x - distance, y);
  if (y + distance < grid.rows) add(x, y + distance);
  if (y >= distance) add(x, y - distance);
}

}  // namespace tessera::noc
