// Synthetic traffic: who sends to whom.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "noc/topology/topology.h"
#include "sim/base/random.h"

namespace tessera::noc {

/// Destination of each packet of a node; definitions on node ids as BookSim2 has them.
class TrafficPattern {
 public:
  virtual ~TrafficPattern() = default;
  virtual NodeId destination(NodeId source, Random& random) const = 0;
  /// Exact probability of each destination, for expected link loads.
  virtual std::vector<double> distribution(NodeId source) const = 0;
};

/// How nodes are numbered; patterns on coordinates need a grid, patterns on bits a power of two.
struct PatternSpace {
  std::uint32_t nodes = 0;
  NodeGrid grid;  ///< 0 x 0 when the nodes form none
};

PatternSpace pattern_space(const Topology& topology);

/// uniform, transpose, bitcomp, bitrev, shuffle, neighbor, tornado, diagonal, asymmetric, taper64,
/// badperm_yarc, randperm and hotspot (weight 4 for the centre nodes), or `hotspot:NODE=WEIGHT,...`
/// where all other nodes have weight 1, and `flow:SRC:DST` for one pair. UserError lists what is
/// allowed.
std::unique_ptr<TrafficPattern> make_traffic_pattern(const std::string& name,
                                                     const PatternSpace& space, std::uint64_t seed);

/// Names without parameters, for help texts.
std::vector<std::string> traffic_pattern_names();

/// Nodes drawn in proportion to a weight each.
std::unique_ptr<TrafficPattern> make_weighted_pattern(std::vector<double> weights);

/// A fixed destination per node; a node mapped to itself still sends to itself.
std::unique_ptr<TrafficPattern> make_permutation_pattern(std::vector<NodeId> destinations);

}  // namespace tessera::noc
