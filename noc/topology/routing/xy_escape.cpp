#include "noc/topology/routing.h"

namespace tessera::noc {

namespace {

/// XY on every channel, but a packet that has taken the first one stays on it.
class XyEscape : public Routing {
 public:
  explicit XyEscape(const Topology& topology) : xy_(make_xy(topology)) {}
  const std::string& name() const override { return name_; }
  VcPartition partition() const override { return VcPartition::kEscapeAndRest; }
  void route(const RouteQuery& query, RouteCandidates& candidates) const override {
    xy_->route(query, candidates);
    const LinkId link = candidates[0].link;
    if (link == kEject) return;
    candidates.clear();
    candidates.add(link, 0);
    if (query.in_link == kNoLink || query.in_class != 0) candidates.add(link, 1);
  }

 private:
  std::unique_ptr<Routing> xy_;
  std::string name_ = "XY_ESCAPE";
};

}  // namespace

std::unique_ptr<Routing> make_xy_escape(const Topology& topology) {
  return std::make_unique<XyEscape>(topology);
}

}  // namespace tessera::noc
