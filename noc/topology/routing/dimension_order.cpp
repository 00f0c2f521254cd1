#include "noc/topology/routing.h"
#include "noc/topology/routing/grid_moves.h"

namespace tessera::noc {

namespace {

enum class Order { kXy, kYx, kPerPacket };

/// Oblivious routing along one dimension, then the other. Monotone in both, so its channel
/// dependencies are acyclic whatever long links there are.
class DimensionOrder : public Routing {
 public:
  DimensionOrder(const Topology& topology, Order order, std::string name)
      : name_(std::move(name)), moves_(topology, name_.c_str()), order_(order) {}

  const std::string& name() const override { return name_; }
  std::uint32_t coins() const override { return order_ == Order::kPerPacket ? 2 : 1; }
  bool memoryless() const override { return true; }
  VcPartition partition() const override {
    return order_ == Order::kPerPacket ? VcPartition::kHalves : VcPartition::kWhole;
  }

  void route(const RouteQuery& query, RouteCandidates& candidates) const override {
    candidates.clear();
    const RouterId target = moves_.router_of(query.destination);
    if (target == query.router) return candidates.add(kEject);
    const bool y_first =
        order_ == Order::kYx || (order_ == Order::kPerPacket && query.coin % 2 != 0);
    const std::uint8_t vc_class = order_ == Order::kPerPacket ? (y_first ? 1 : 0) : kAnyClass;
    candidates.add(next(query.router, target, y_first), vc_class);
  }

 private:
  LinkId next(RouterId router, RouterId target, bool y_first) const {
    const LinkId first =
        y_first ? moves_.toward_y(router, target) : moves_.toward_x(router, target);
    if (first != kNoLink) return first;
    return y_first ? moves_.toward_x(router, target) : moves_.toward_y(router, target);
  }

  std::string name_;
  GridMoves moves_;
  Order order_;
};

}  // namespace

std::unique_ptr<Routing> make_xy(const Topology& topology) {
  return std::make_unique<DimensionOrder>(topology, Order::kXy, "XY");
}

std::unique_ptr<Routing> make_yx(const Topology& topology) {
  return std::make_unique<DimensionOrder>(topology, Order::kYx, "YX");
}

std::unique_ptr<Routing> make_xy_yx(const Topology& topology) {
  return std::make_unique<DimensionOrder>(topology, Order::kPerPacket, "XY_YX");
}

}  // namespace tessera::noc
