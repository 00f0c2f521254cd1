// Where a packet may go next: one interface, one file per function in noc/topology/routing.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "noc/topology/topology.h"

namespace tessera::noc {

/// How the virtual channels of a virtual network are divided into classes.
enum class VcPartition : std::uint8_t {
  kWhole,          ///< one class
  kHalves,         ///< class 0 lower half, class 1 upper half (the larger when odd)
  kEscapeAndRest,  ///< class 0 the first channel, class 1 all others
};

/// Instead of a link: the packet has reached the router of its destination.
inline constexpr LinkId kEject = kNoLink - 1;
/// All virtual channels of the packet's virtual network.
inline constexpr std::uint8_t kAnyClass = 255;

struct RouteQuery {
  RouterId router = 0;
  LinkId in_link = kNoLink;           ///< kNoLink: just injected
  std::uint8_t in_class = kAnyClass;  ///< class of the channel it arrived on
  NodeId source = 0;
  NodeId destination = 0;
  std::uint8_t coin = 0;  ///< random bits drawn once per packet
};

struct RouteCandidate {
  LinkId link = kNoLink;
  std::uint8_t vc_class = kAnyClass;
  bool operator==(const RouteCandidate&) const = default;
};

/// The candidates of one query, in order of preference.
class RouteCandidates {
 public:
  void clear() { size_ = 0; }
  void add(LinkId link, std::uint8_t vc_class = kAnyClass) { items_[size_++] = {link, vc_class}; }
  std::size_t size() const { return size_; }
  const RouteCandidate& operator[](std::size_t index) const { return items_[index]; }
  const RouteCandidate* begin() const { return items_.data(); }
  const RouteCandidate* end() const { return items_.data() + size_; }

 private:
  std::array<RouteCandidate, 6> items_;
  std::uint8_t size_ = 0;
};

/// A routing function: stateless, the same answer for the same query.
class Routing {
 public:
  virtual ~Routing() = default;
  virtual const std::string& name() const = 0;
  /// Fills `candidates`, never empty for nodes of the topology.
  virtual void route(const RouteQuery& query, RouteCandidates& candidates) const = 0;
  virtual VcPartition partition() const { return VcPartition::kWhole; }
  /// Number of coin values that make a difference (power of two).
  virtual std::uint32_t coins() const { return 1; }
  virtual bool depends_on_source() const { return false; }
  /// Class 0 alone is deadlock-free and always offered (Duato), so only it needs to be acyclic.
  /// Channels of class 1 are then given to a packet only when they are empty.
  virtual bool has_escape_class() const { return false; }
  /// The answer depends on router, destination and coin alone.
  virtual bool memoryless() const { return false; }
  /// Two nodes of one router may be routed differently.
  virtual bool depends_on_node() const { return false; }
};

/// Dimension orders of a grid with any set of links along rows and columns: in each dimension the
/// longest link that does not overshoot. UserError when a dimension cannot be travelled that way.
std::unique_ptr<Routing> make_xy(const Topology& topology);
std::unique_ptr<Routing> make_yx(const Topology& topology);
/// One of both per packet, each with its half of the virtual channels.
std::unique_ptr<Routing> make_xy_yx(const Topology& topology);
/// Torus: shortest way round each ring, x first. A route that wraps uses the upper half of the
/// virtual channels of that dimension. `coin_ties`: half-way round, each packet draws its
/// direction.
std::unique_ptr<Routing> make_torus_dimension_order(const Topology& topology, bool y_first,
                                                    bool coin_ties);
/// Turn models (Glass and Ni 1992; Chiu 2000) on meshes without long links.
std::unique_ptr<Routing> make_west_first(const Topology& topology);
std::unique_ptr<Routing> make_odd_even(const Topology& topology);
/// Every productive link; once in the escape channel a packet stays there and goes x then y.
std::unique_ptr<Routing> make_minimal_adaptive(const Topology& topology);
/// XY with an escape channel that a packet never leaves: what BookSim2's `min_adapt` comes to,
/// which of two productive directions keeps the first only.
std::unique_ptr<Routing> make_xy_escape(const Topology& topology);
/// Least total link latency per router pair; among equals the lowest-numbered predecessor that
/// first reaches the minimum.
std::unique_ptr<Routing> make_shortest_path(const Topology& topology);
/// Lines `router destination-node next-router`, '#' starts a comment. UserError with file and line.
std::unique_ptr<Routing> make_table_from_text(const Topology& topology, const std::string& text,
                                              const std::string& origin);

}  // namespace tessera::noc
