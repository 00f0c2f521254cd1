// One cluster level of MAESTRO's model: how its maps walk through the tile, and what one step
// moves.
#pragma once

#include <string>
#include <vector>

#include "mapping/cost/maestro/cluster_levels.h"
#include "mapping/cost/predictor.h"

namespace tessera::mapping::maestro {

/// Extent per dimension of a tile.
using Tile = std::vector<std::int64_t>;

enum class Position { kInit, kSteady, kEdge };

/// Where one map stands in a group of steps that the model treats alike.
struct MapState {
  Position position = Position::kInit;
  bool unrolled = false;      ///< one step covers the dimension
  bool edge = false;          ///< and it is partial
  bool partial_unit = false;  ///< the last active unit of a spatial map has less than a full chunk
  bool lone_rest = false;     ///< a spatial edge whose only unit has less than a full chunk
  std::int64_t occurrences = 1;

  bool at_edge() const { return position == Position::kEdge || edge; }
};

/// One state per map of the level: an iteration case.
using Case = std::vector<MapState>;

/// Extents that a map covers: in full, new since the last step, and both in a partial last step.
struct MapExtents {
  std::int64_t full = 0;
  std::int64_t fresh = 0;
  std::int64_t edge = 0;
  std::int64_t edge_fresh = 0;
};

/// Elements that cross the level's network in one step.
struct StepTraffic {
  std::int64_t input = 0;
  std::int64_t weight = 0;
  std::int64_t output = 0;
};

/// Sizes follow the level's nominal tile, positions the tile of the call: an edge tile of the level
/// above computes less and moves as much (fault 6 of README.md; mended, sizes follow the tile of
/// the call).
class LevelAnalysis {
 public:
  LevelAnalysis(const LayerModel& layer, const ClusterLevel& level, const Tile& nominal,
                Faults faults);

  /// Cases of a call over `tile`, the all-initial one first, then outermost map slowest, each map
  /// in the order steady, edge, initial.
  std::vector<Case> cases(const Tile& tile) const;

  /// Tile one unit gets in this case: a full unit or the partial last one.
  Tile unit_tile(const Case& c, bool partial_unit) const;
  /// Nominal tile of the level below.
  Tile inner_nominal() const;

  StepTraffic traffic(const Case& c) const;
  /// Units at work: all, or those of the edge step.
  std::int64_t active_units(const Case& c) const;
  bool has_partial_unit(const Case& c) const;
  /// Multiply-accumulates of all active units; negative where an edge tile is smaller than the
  /// filter.
  std::int64_t products(const Case& c) const;
  /// Multiply-accumulates of one unit, a full or the partial one.
  std::int64_t unit_work(const Case& c, bool partial_unit) const;
  /// Elements of a unit's first tile, all three tensors; the output as if it had the input's rows
  /// and columns.
  std::int64_t unit_footprint() const;

  const ClusterLevel& level() const { return level_; }

 private:
  enum class Unit { kFirst, kOther, kPartial };

  std::vector<MapState> states_of(const Map& map, std::int64_t extent) const;
  /// Units at work in the step that reaches the end of the tile.
  std::int64_t edge_units_of(const Map& map) const;
  MapExtents extents_of(const Map& map) const;
  MapExtents output_extents_of(int map_index) const;
  int first_spatial() const;
  bool spatially_mapped(const std::vector<int>& dimensions) const;
  int map_of(int dimension) const { return map_of_[dimension]; }

  /// A loop over the tensor inside the changing one went back to its start.
  bool restarts(const Case& c, const std::vector<int>& dimensions, int changing) const;
  std::int64_t ingress(const Case& c, const std::vector<int>& dimensions) const;
  std::int64_t ingress_of_unit(const Case& c, const std::vector<int>& dimensions, int changing,
                               Unit unit) const;
  std::int64_t egress(const Case& c) const;
  std::int64_t egress_of_unit(const Case& c, Unit unit) const;
  /// A count of a full unit, for a lone rest: the tool counts its input rows, also where a filter
  /// slides.
  std::int64_t as_rest(std::int64_t full) const;
  std::int64_t over_units(const Case& c, std::int64_t first, std::int64_t other,
                          std::int64_t partial) const;

  const LayerModel& layer_;
  const ClusterLevel& level_;
  Tile nominal_;
  Faults faults_;
  std::vector<int> map_of_;          ///< by dimension
  std::vector<MapExtents> extents_;  ///< by map, of inputs and weights
  std::vector<MapExtents>
      output_extents_;  ///< by map, rows and columns of the output where a filter slides
  std::int64_t edge_units_ = 1;
};

}  // namespace tessera::mapping::maestro
