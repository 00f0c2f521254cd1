#include "noc/study/traffic_pattern.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <map>
#include <numeric>

#include "sim/base/error.h"
#include "sim/base/names.h"

namespace tessera::noc {

namespace {

class Permutation : public TrafficPattern {
 public:
  explicit Permutation(std::vector<NodeId> destinations) : destinations_(std::move(destinations)) {}
  NodeId destination(NodeId source, Random&) const override { return destinations_[source]; }
  std::vector<double> distribution(NodeId source) const override {
    std::vector<double> shares(destinations_.size(), 0.0);
    shares[destinations_[source]] = 1.0;
    return shares;
  }

 private:
  std::vector<NodeId> destinations_;
};

/// The same weights for every source, itself included.
class Weighted : public TrafficPattern {
 public:
  explicit Weighted(std::vector<double> weights) : weights_(std::move(weights)) {
    std::partial_sum(weights_.begin(), weights_.end(), std::back_inserter(sums_));
  }
  NodeId destination(NodeId, Random& random) const override {
    const double drawn = random.uniform() * sums_.back();
    return static_cast<NodeId>(std::upper_bound(sums_.begin(), sums_.end(), drawn) - sums_.begin());
  }
  std::vector<double> distribution(NodeId) const override {
    std::vector<double> shares = weights_;
    for (double& share : shares) share /= sums_.back();
    return shares;
  }

 private:
  std::vector<double> weights_;
  std::vector<double> sums_;
};

class Uniform : public TrafficPattern {
 public:
  explicit Uniform(std::uint32_t nodes) : nodes_(nodes) {}
  NodeId destination(NodeId, Random& random) const override {
    return static_cast<NodeId>(random.below(nodes_));
  }
  std::vector<double> distribution(NodeId) const override {
    return std::vector<double>(nodes_, 1.0 / nodes_);
  }

 private:
  std::uint32_t nodes_;
};

/// A short list of equally likely destinations per source; repeated entries count repeatedly.
class EquallyLikely : public TrafficPattern {
 public:
  explicit EquallyLikely(std::vector<std::vector<NodeId>> lists) : lists_(std::move(lists)) {}
  NodeId destination(NodeId source, Random& random) const override {
    return lists_[source][random.below(lists_[source].size())];
  }
  std::vector<double> distribution(NodeId source) const override {
    std::vector<double> shares(lists_.size(), 0.0);
    for (const NodeId node : lists_[source]) shares[node] += 1.0 / lists_[source].size();
    return shares;
  }

 private:
  std::vector<std::vector<NodeId>> lists_;
};

std::unique_ptr<TrafficPattern> permutation(std::uint32_t nodes,
                                            const std::function<NodeId(NodeId)>& rule) {
  std::vector<NodeId> destinations(nodes);
  for (NodeId node = 0; node < nodes; ++node) destinations[node] = rule(node);
  return std::make_unique<Permutation>(std::move(destinations));
}

std::unique_ptr<TrafficPattern> equally_likely(
    std::uint32_t nodes, const std::function<std::vector<NodeId>(NodeId)>& rule) {
  std::vector<std::vector<NodeId>> lists(nodes);
  for (NodeId node = 0; node < nodes; ++node) lists[node] = rule(node);
  return std::make_unique<EquallyLikely>(std::move(lists));
}

void require_power_of_two(const std::string& name, const PatternSpace& space) {
  if (!std::has_single_bit(space.nodes))
    throw UserError("traffic ", name, ": needs a power of two nodes, the network has ",
                    space.nodes);
}

void require_grid(const std::string& name, const PatternSpace& space, bool square) {
  if (space.grid.columns == 0)
    throw UserError("traffic ", name, ": needs nodes on a grid, this network has none");
  if (square && space.grid.columns != space.grid.rows)
    throw UserError("traffic ", name, ": needs a square grid of nodes, this one is ",
                    space.grid.columns, "x", space.grid.rows);
}

std::unique_ptr<TrafficPattern> uniform(const std::string&, const PatternSpace& space,
                                        std::uint64_t) {
  return std::make_unique<Uniform>(space.nodes);
}

std::unique_ptr<TrafficPattern> transpose(const std::string& name, const PatternSpace& space,
                                          std::uint64_t) {
  require_grid(name, space, true);
  const std::uint32_t side = space.grid.columns;
  return permutation(space.nodes, [side](NodeId node) { return node % side * side + node / side; });
}

std::unique_ptr<TrafficPattern> bit_complement(const std::string& name, const PatternSpace& space,
                                               std::uint64_t) {
  require_power_of_two(name, space);
  return permutation(space.nodes, [&](NodeId node) { return ~node & (space.nodes - 1); });
}

std::unique_ptr<TrafficPattern> bit_reverse(const std::string& name, const PatternSpace& space,
                                            std::uint64_t) {
  require_power_of_two(name, space);
  const int bits = std::countr_zero(space.nodes);
  return permutation(space.nodes, [bits](NodeId node) {
    NodeId reversed = 0;
    for (int i = 0; i < bits; ++i) reversed |= (node >> i & 1) << (bits - 1 - i);
    return reversed;
  });
}

std::unique_ptr<TrafficPattern> shuffle(const std::string& name, const PatternSpace& space,
                                        std::uint64_t) {
  require_power_of_two(name, space);
  const int bits = std::countr_zero(space.nodes);
  return permutation(space.nodes, [bits, &space](NodeId node) {
    return bits == 0 ? node : ((node << 1) & (space.nodes - 1)) | (node >> (bits - 1));
  });
}

/// The same move in both dimensions, with wrap-around.
std::unique_ptr<TrafficPattern> displaced(const PatternSpace& space, std::uint32_t dx,
                                          std::uint32_t dy) {
  const NodeGrid grid = space.grid;
  return permutation(space.nodes, [=](NodeId node) {
    const std::uint32_t x = (node % grid.columns + dx) % grid.columns;
    const std::uint32_t y = (node / grid.columns + dy) % grid.rows;
    return y * grid.columns + x;
  });
}

std::unique_ptr<TrafficPattern> neighbor(const std::string& name, const PatternSpace& space,
                                         std::uint64_t) {
  require_grid(name, space, false);
  return displaced(space, 1, 1);
}

std::unique_ptr<TrafficPattern> tornado(const std::string& name, const PatternSpace& space,
                                        std::uint64_t) {
  require_grid(name, space, false);
  return displaced(space, (space.grid.columns + 1) / 2 - 1, (space.grid.rows + 1) / 2 - 1);
}

std::unique_ptr<TrafficPattern> diagonal(const std::string&, const PatternSpace& space,
                                         std::uint64_t) {
  return equally_likely(space.nodes, [&](NodeId node) {
    return std::vector<NodeId>{(node + 1) % space.nodes, node, node};
  });
}

std::unique_ptr<TrafficPattern> asymmetric(const std::string& name, const PatternSpace& space,
                                           std::uint64_t) {
  if (space.nodes % 2 != 0)
    throw UserError("traffic ", name, ": needs an even number of nodes, the network has ",
                    space.nodes);
  const std::uint32_t half = space.nodes / 2;
  return equally_likely(space.nodes, [half](NodeId node) {
    return std::vector<NodeId>{node % half, node % half + half};
  });
}

std::unique_ptr<TrafficPattern> taper64(const std::string& name, const PatternSpace& space,
                                        std::uint64_t) {
  if (space.nodes != 64)
    throw UserError("traffic ", name, ": needs 64 nodes, the network has ", space.nodes);
  // One half of the packets goes to the 3 x 3 nodes around, the other half anywhere: 64 x 9 equal
  // parts each.
  return equally_likely(64, [](NodeId node) {
    std::vector<NodeId> list;
    for (int repeat = 0; repeat < 64; ++repeat)
      for (int dy = -1; dy <= 1; ++dy)
        for (int dx = -1; dx <= 1; ++dx) list.push_back((64 + node + 8 * dy + dx) % 64);
    for (int repeat = 0; repeat < 9; ++repeat)
      for (NodeId any = 0; any < 64; ++any) list.push_back(any);
    return list;
  });
}

std::unique_ptr<TrafficPattern> badperm_yarc(const std::string& name, const PatternSpace& space,
                                             std::uint64_t) {
  require_grid(name, space, true);
  const std::uint32_t side = space.grid.columns;
  return equally_likely(space.nodes, [side](NodeId node) {
    std::vector<NodeId> column;
    for (std::uint32_t y = 0; y < side; ++y) column.push_back(y * side + node / side);
    return column;
  });
}

std::unique_ptr<TrafficPattern> random_permutation(const std::string&, const PatternSpace& space,
                                                   std::uint64_t seed) {
  std::vector<NodeId> destinations(space.nodes);
  std::iota(destinations.begin(), destinations.end(), 0u);
  Random random(seed);
  for (std::size_t i = destinations.size(); i > 1; --i)
    std::swap(destinations[i - 1], destinations[random.below(i)]);
  return std::make_unique<Permutation>(std::move(destinations));
}

std::unique_ptr<TrafficPattern> centre_hotspot(const std::string& name, const PatternSpace& space,
                                               std::uint64_t) {
  require_grid(name, space, false);
  std::vector<double> weights(space.nodes, 1.0);
  const NodeGrid grid = space.grid;
  for (const std::uint32_t y : {(grid.rows - 1) / 2, grid.rows / 2})
    for (const std::uint32_t x : {(grid.columns - 1) / 2, grid.columns / 2})
      weights[y * grid.columns + x] = 4.0;
  return std::make_unique<Weighted>(std::move(weights));
}

using Maker = std::unique_ptr<TrafficPattern> (*)(const std::string&, const PatternSpace&,
                                                  std::uint64_t);

const std::map<std::string, Maker>& makers() {
  static const std::map<std::string, Maker> table = {
      {"asymmetric", asymmetric},  {"badperm_yarc", badperm_yarc},
      {"bitcomp", bit_complement}, {"bitrev", bit_reverse},
      {"diagonal", diagonal},      {"hotspot", centre_hotspot},
      {"neighbor", neighbor},      {"randperm", random_permutation},
      {"shuffle", shuffle},        {"taper64", taper64},
      {"tornado", tornado},        {"transpose", transpose},
      {"uniform", uniform}};
  return table;
}

std::uint64_t parse_number(const std::string& text, const std::string& whole) {
  if (text.empty() || text.size() > 9 || text.find_first_not_of("0123456789") != std::string::npos)
    throw UserError("traffic ", whole, ": '", text, "' is no number");
  return std::stoull(text);
}

NodeId parse_node(const std::string& text, const std::string& whole, const PatternSpace& space) {
  const std::uint64_t node = parse_number(text, whole);
  if (node >= space.nodes)
    throw UserError("traffic ", whole, ": node ", node, "; nodes are 0 to ", space.nodes - 1);
  return static_cast<NodeId>(node);
}

std::unique_ptr<TrafficPattern> listed_hotspot(const std::string& name, const PatternSpace& space) {
  std::vector<double> weights(space.nodes, 1.0);
  std::string rest = name.substr(name.find(':') + 1);
  while (!rest.empty()) {
    const std::string item = rest.substr(0, rest.find(','));
    rest = rest.size() > item.size() ? rest.substr(item.size() + 1) : "";
    const auto equals = item.find('=');
    if (equals == std::string::npos)
      throw UserError("traffic ", name, ": write hotspot:NODE=WEIGHT,NODE=WEIGHT");
    weights[parse_node(item.substr(0, equals), name, space)] =
        static_cast<double>(parse_number(item.substr(equals + 1), name));
  }
  return std::make_unique<Weighted>(std::move(weights));
}

}  // namespace

PatternSpace pattern_space(const Topology& topology) {
  PatternSpace space;
  space.nodes = topology.terminals();
  if (topology.node_grid()) {
    space.grid = *topology.node_grid();
    space.nodes = space.grid.columns * space.grid.rows;
  }
  return space;
}

std::unique_ptr<TrafficPattern> make_traffic_pattern(const std::string& name,
                                                     const PatternSpace& space,
                                                     std::uint64_t seed) {
  if (name.starts_with("hotspot:")) return listed_hotspot(name, space);
  const auto maker = makers().find(name);
  if (maker == makers().end())
    throw UserError("traffic ", name, ": no such pattern; ",
                    suggest(name, traffic_pattern_names()));
  return maker->second(name, space, seed);
}

std::vector<std::string> traffic_pattern_names() {
  std::vector<std::string> names;
  for (const auto& [name, maker] : makers()) names.push_back(name);
  return names;
}

std::unique_ptr<TrafficPattern> make_weighted_pattern(std::vector<double> weights) {
  return std::make_unique<Weighted>(std::move(weights));
}

std::unique_ptr<TrafficPattern> make_permutation_pattern(std::vector<NodeId> destinations) {
  return std::make_unique<Permutation>(std::move(destinations));
}

}  // namespace tessera::noc
