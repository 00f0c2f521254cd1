// What a network is made of, as data: routers, the nodes attached to them and directed links.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tessera::noc {

using NodeId = std::uint32_t;
using RouterId = std::uint32_t;
using LinkId = std::uint32_t;

inline constexpr LinkId kNoLink = ~LinkId{0};

/// A directed wire bundle between two routers.
struct Link {
  RouterId from = 0;
  RouterId to = 0;
  std::uint32_t latency_cycles = 1;  ///< at least 1
  std::uint32_t width_bytes = 0;     ///< 0: as wide as a flit; narrower links serialise each flit
  double length_mm = 0.0;
};

/// A source and sink of packets (tile, memory interface) attached to a router port of its own.
struct Node {
  RouterId router = 0;
  std::uint32_t injection_latency_cycles = 1;  ///< at least 1
  std::uint32_t ejection_latency_cycles = 1;   ///< at least 1
  bool adder = false;  ///< adds partial sums beside the crossbar; only terms go there
};

/// Routers that stand on a regular grid; router id = y * columns + x.
struct Grid {
  std::uint32_t columns = 0;
  std::uint32_t rows = 0;
  bool wraps = false;  ///< torus: both dimensions close to rings

  std::uint32_t x(RouterId router) const { return router % columns; }
  std::uint32_t y(RouterId router) const { return router / columns; }
  RouterId at(std::uint32_t column, std::uint32_t row) const { return row * columns + column; }
};

/// Position of a node on the node grid that traffic patterns are defined on.
struct NodeGrid {
  std::uint32_t columns = 0;
  std::uint32_t rows = 0;
};

/// A checked list of links. Ports of a router: its links in list order, then its nodes in node
/// order; an input port comes from the same neighbour as the output port of the same number where
/// both exist.
class Topology {
 public:
  /// UserError when a link or node names a router that does not exist, a latency is 0 or above the
  /// limit of the simulator, a link connects a router to itself, or a router has more than 64
  /// ports.
  Topology(std::string name, std::uint32_t routers, std::vector<Node> nodes,
           std::vector<Link> links, std::optional<Grid> grid = std::nullopt,
           std::optional<NodeGrid> node_grid = std::nullopt);

  const std::string& name() const { return name_; }
  std::uint32_t routers() const { return routers_; }
  const std::vector<Node>& nodes() const { return nodes_; }
  const std::vector<Link>& links() const { return links_; }
  const std::optional<Grid>& grid() const { return grid_; }
  const std::optional<NodeGrid>& node_grid() const { return node_grid_; }

  /// Links that leave or enter a router, in port order.
  const std::vector<LinkId>& outgoing(RouterId router) const { return outgoing_[router]; }
  const std::vector<LinkId>& incoming(RouterId router) const { return incoming_[router]; }
  /// Nodes attached to a router, ascending.
  const std::vector<NodeId>& attached(RouterId router) const { return attached_[router]; }

  /// Nodes that are not adders; adders come after them.
  std::uint32_t terminals() const { return terminals_; }
  /// Of a router; none where it has none.
  std::optional<NodeId> adder(RouterId router) const;
  /// An adder at every router. No node can be attached after that.
  void attach_adders();

  /// Adds a node at a router, such as a memory interface beside a tile. Returns its id.
  NodeId attach(const Node& node);

 private:
  void check_link(std::size_t index) const;
  void check_node(std::size_t index) const;
  void check_ports(RouterId router) const;
  void order_ports();

  std::string name_;
  std::uint32_t routers_;
  std::vector<Node> nodes_;
  std::vector<Link> links_;
  std::optional<Grid> grid_;
  std::optional<NodeGrid> node_grid_;
  std::vector<std::vector<LinkId>> outgoing_;
  std::vector<std::vector<LinkId>> incoming_;
  std::vector<std::vector<NodeId>> attached_;
  std::uint32_t terminals_ = 0;
};

/// Longest link and node latency: grant and credit histories are 64-bit words.
inline constexpr std::uint32_t kMaxLinkLatency = 48;
inline constexpr std::uint32_t kMaxNodeLatency = 24;
inline constexpr std::uint32_t kMaxPorts = 64;

}  // namespace tessera::noc
