// Trees along which packets with several destinations fork.
#pragma once

#include <map>
#include <span>
#include <vector>

#include "noc/packet.h"
#include "noc/topology/routing.h"

namespace tessera::noc {

/// One way out of a tree node.
struct TreeBranch {
  LinkId link = kNoLink;  ///< kEject: to `node`
  std::uint8_t vc_class = kAnyClass;
  NodeId node = 0;
  std::uint32_t child = kNone;   ///< tree node at the other end of the link
  std::uint32_t parent = kNone;  ///< tree node it leaves
};

/// The visit of a packet to one router.
struct TreeNode {
  RouterId router = 0;
  std::uint32_t first_branch = 0;
  std::uint32_t branches = 0;
  std::uint32_t routers = 0;   ///< visited so far, this one included
  std::uint32_t distance = 0;  ///< sum of link latencies so far
  bool one_per_link = true;    ///< no two branches leave by the same link
};

/// Builds each tree once from the paths unicast packets would take (first choice of the routing
/// function, coin 0), so a fork adds no channel dependency that unicast traffic does not have.
class TreeStore {
 public:
  TreeStore(const Topology& topology, const Routing& routing)
      : topology_(topology), routing_(routing) {}

  /// Root node of the tree. UserError when a destination is listed twice.
  std::uint32_t tree(NodeId source, std::span<const NodeId> destinations);

  const TreeNode& node(std::uint32_t id) const { return nodes_[id]; }
  const TreeBranch& branch(std::uint32_t id) const { return branches_[id]; }

 private:
  struct Visit {
    RouteQuery query;
    std::vector<NodeId> destinations;
    std::uint32_t node = 0;
  };

  std::uint32_t build(NodeId source, std::span<const NodeId> destinations);
  std::uint32_t add_node(RouterId router, std::uint32_t routers, std::uint32_t distance);
  void expand(Visit visit, std::vector<Visit>& pending);

  const Topology& topology_;
  const Routing& routing_;
  std::vector<TreeNode> nodes_;
  std::vector<TreeBranch> branches_;
  std::map<std::pair<NodeId, std::vector<NodeId>>, std::uint32_t> roots_;
};

}  // namespace tessera::noc
