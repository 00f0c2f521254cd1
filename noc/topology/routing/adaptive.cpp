#include "noc/topology/routing.h"
#include "noc/topology/routing/grid_moves.h"
#include "sim/base/error.h"

namespace tessera::noc {

namespace {

class AdaptiveRouting : public Routing {
 public:
  AdaptiveRouting(const Topology& topology, std::string name, bool long_links_allowed)
      : name_(std::move(name)), moves_(topology, name_.c_str()) {
    if (moves_.has_long_links() && !long_links_allowed)
      throw UserError(
          "routing ", name_, ": ", topology.name(),
          " has long links; allowed are XY, YX, XY_YX, MINIMAL_ADAPTIVE, SHORTEST_PATH, TABLE");
  }
  const std::string& name() const override { return name_; }

  void route(const RouteQuery& query, RouteCandidates& candidates) const final {
    candidates.clear();
    const RouterId target = moves_.router_of(query.destination);
    if (target == query.router) return candidates.add(kEject);
    choose(query, target, moves_.toward_x(query.router, target),
           moves_.toward_y(query.router, target), candidates);
  }

 protected:
  /// Among the links one step closer in x and in y, kNoLink where the target is there already; not
  /// both are.
  virtual void choose(const RouteQuery& query, RouterId target, LinkId along_x, LinkId along_y,
                      RouteCandidates& candidates) const = 0;

  std::string name_;
  GridMoves moves_;
};

/// Glass and Ni's west-first turn model: no packet turns to the west after another direction.
class WestFirst : public AdaptiveRouting {
 public:
  explicit WestFirst(const Topology& topology) : AdaptiveRouting(topology, "WEST_FIRST", false) {}
  bool memoryless() const override { return true; }

  void choose(const RouteQuery& query, RouterId target, LinkId along_x, LinkId along_y,
              RouteCandidates& candidates) const override {
    if (along_x != kNoLink) candidates.add(along_x);
    const bool west = moves_.grid().x(target) < moves_.grid().x(query.router);
    if (!west && along_y != kNoLink) candidates.add(along_y);
  }
};

/// Chiu's odd-even turn model, minimal version: east-to-vertical turns only in odd columns (or
/// where the packet started), vertical-to-west turns only in even columns.
class OddEven : public AdaptiveRouting {
 public:
  explicit OddEven(const Topology& topology) : AdaptiveRouting(topology, "ODD_EVEN", false) {}
  bool depends_on_source() const override { return true; }

  void choose(const RouteQuery& query, RouterId target, LinkId along_x, LinkId along_y,
              RouteCandidates& candidates) const override {
    const Grid& grid = moves_.grid();
    const std::uint32_t column = grid.x(query.router);
    const std::uint32_t last = grid.x(target);
    if (along_x == kNoLink || along_y == kNoLink)
      return candidates.add(along_x == kNoLink ? along_y : along_x);
    if (last < column) {
      candidates.add(along_x);
      if (column % 2 == 0) candidates.add(along_y);
      return;
    }
    if (last % 2 != 0 || last - column != 1) candidates.add(along_x);
    if (column % 2 != 0 || column == grid.x(moves_.router_of(query.source)))
      candidates.add(along_y);
  }
};

/// Any productive link on the adaptive channels, x then y on the escape channel.
class MinimalAdaptive : public AdaptiveRouting {
 public:
  explicit MinimalAdaptive(const Topology& topology)
      : AdaptiveRouting(topology, "MINIMAL_ADAPTIVE", true) {}
  VcPartition partition() const override { return VcPartition::kEscapeAndRest; }
  bool has_escape_class() const override { return true; }

  void choose(const RouteQuery& query, RouterId, LinkId along_x, LinkId along_y,
              RouteCandidates& candidates) const override {
    candidates.add(along_x != kNoLink ? along_x : along_y, 0);
    if (query.in_link != kNoLink && query.in_class == 0) return;
    if (along_x != kNoLink) candidates.add(along_x, 1);
    if (along_y != kNoLink) candidates.add(along_y, 1);
  }
};

}  // namespace

std::unique_ptr<Routing> make_west_first(const Topology& topology) {
  return std::make_unique<WestFirst>(topology);
}

std::unique_ptr<Routing> make_odd_even(const Topology& topology) {
  return std::make_unique<OddEven>(topology);
}

std::unique_ptr<Routing> make_minimal_adaptive(const Topology& topology) {
  return std::make_unique<MinimalAdaptive>(topology);
}

}  // namespace tessera::noc
