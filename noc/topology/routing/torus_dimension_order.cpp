#include <vector>

#include "noc/topology/routing.h"
#include "sim/base/error.h"

namespace tessera::noc {

namespace {

/// Shortest way round the ring of one dimension, then of the other. The half of the virtual
/// channels is fixed when a packet enters a ring: upper when its way crosses the wrap-around link.
/// As ways are at most half a ring long, neither half can close a circle of waiting.
class TorusDimensionOrder : public Routing {
 public:
  TorusDimensionOrder(const Topology& topology, bool y_first, bool coin_ties)
      : name_(y_first ? "YX" : "XY"), y_first_(y_first), coin_ties_(coin_ties) {
    if (!topology.grid() || !topology.grid()->wraps)
      throw UserError("routing ", name_, " round rings: ", topology.name(), " is no torus");
    grid_ = *topology.grid();
    for (const Node& node : topology.nodes()) routers_.push_back(node.router);
    for (RouterId router = 0; router < topology.routers(); ++router)
      for (int dimension = 0; dimension < 2; ++dimension)
        for (const bool plus : {true, false})
          ring_links_.push_back(find(topology, router, neighbour(router, dimension, plus)));
    for (const Link& link : topology.links())
      link_dimension_.push_back(grid_.y(link.from) == grid_.y(link.to) ? 0 : 1);
    for (LinkId id = 0; id < topology.links().size(); ++id) {
      const Link& link = topology.links()[id];
      link_plus_.push_back(neighbour(link.from, link_dimension_[id], true) == link.to);
    }
  }

  const std::string& name() const override { return name_; }
  VcPartition partition() const override { return VcPartition::kHalves; }
  std::uint32_t coins() const override { return coin_ties_ ? 4 : 1; }

  void route(const RouteQuery& query, RouteCandidates& candidates) const override {
    candidates.clear();
    const RouterId target = routers_[query.destination];
    if (target == query.router) return candidates.add(kEject);
    int dimension = y_first_ ? 1 : 0;
    if (position(query.router, dimension) == position(target, dimension)) dimension = 1 - dimension;
    const Way way = continues(query, dimension) ? keep(query) : enter(query, target, dimension);
    candidates.add(ring_links_[query.router * 4 + dimension * 2 + (way.plus ? 0 : 1)],
                   way.vc_class);
  }

 private:
  struct Way {
    bool plus;
    std::uint8_t vc_class;
  };

  std::uint32_t position(RouterId router, int dimension) const {
    return dimension == 0 ? grid_.x(router) : grid_.y(router);
  }
  std::uint32_t ring(int dimension) const { return dimension == 0 ? grid_.columns : grid_.rows; }

  RouterId neighbour(RouterId router, int dimension, bool plus) const {
    const std::uint32_t size = ring(dimension);
    const std::uint32_t next = (position(router, dimension) + (plus ? 1 : size - 1)) % size;
    return dimension == 0 ? grid_.at(next, grid_.y(router)) : grid_.at(grid_.x(router), next);
  }

  static LinkId find(const Topology& topology, RouterId from, RouterId to) {
    for (const LinkId id : topology.outgoing(from))
      if (topology.links()[id].to == to) return id;
    return kNoLink;
  }

  bool continues(const RouteQuery& query, int dimension) const {
    return query.in_link != kNoLink && link_dimension_[query.in_link] == dimension;
  }

  Way keep(const RouteQuery& query) const {
    return {link_plus_[query.in_link] != 0, query.in_class};
  }

  Way enter(const RouteQuery& query, RouterId target, int dimension) const {
    const std::uint32_t size = ring(dimension);
    const std::uint32_t from = position(query.router, dimension);
    const std::uint32_t to = position(target, dimension);
    const std::uint32_t forward = (to + size - from) % size;
    const bool tie = 2 * forward == size;
    const bool heads = !coin_ties_ || ((query.coin >> dimension) & 1) == 0;
    const bool plus = tie ? heads : 2 * forward < size;
    const bool wraps = plus ? to < from : to > from;
    return {plus, static_cast<std::uint8_t>(wraps ? 1 : 0)};
  }

  std::string name_;
  bool y_first_;
  bool coin_ties_;
  Grid grid_;
  std::vector<RouterId> routers_;
  std::vector<LinkId> ring_links_;  // router x (+x, -x, +y, -y)
  std::vector<std::uint8_t> link_dimension_;
  std::vector<std::uint8_t> link_plus_;
};

}  // namespace

std::unique_ptr<Routing> make_torus_dimension_order(const Topology& topology, bool y_first,
                                                    bool coin_ties) {
  return std::make_unique<TorusDimensionOrder>(topology, y_first, coin_ties);
}

}  // namespace tessera::noc
