#include "mapping/cost/maestro/level_analysis.h"

#include <algorithm>

namespace tessera::mapping::maestro {

LevelAnalysis::LevelAnalysis(const LayerModel& layer, const ClusterLevel& level,
                             const Tile& nominal, Faults faults)
    : layer_(layer),
      level_(level),
      nominal_(nominal),
      faults_(faults),
      map_of_(nominal.size(), -1) {
  for (std::size_t i = 0; i < level_.maps.size(); ++i)
    map_of_[level_.maps[i].dimension] = static_cast<int>(i);
  for (const auto& map : level_.maps) extents_.push_back(extents_of(map));
  for (std::size_t i = 0; i < level_.maps.size(); ++i)
    output_extents_.push_back(output_extents_of(static_cast<int>(i)));
  edge_units_ = edge_units_of(level_.maps[first_spatial()]);
}

std::int64_t LevelAnalysis::edge_units_of(const Map& map) const {
  const auto extent = nominal_[map.dimension];
  const auto covered = map.offset * (level_.units - 1) + map.size;
  // The tool forgets the chunk behind the last whole one when the units work in several rounds.
  const bool adds_rest = extent <= covered || faults_ == Faults::kFixed;
  auto rest = extent;
  if (extent > covered) {
    const auto steps = ((extent - map.size) / map.offset + 1) / level_.units - 1;
    rest -= (steps + 1) * map.offset * level_.units;
  }
  if (rest <= map.size) return 1;
  const auto whole = (rest - map.size) / map.offset + 1;
  return whole + (adds_rest && map.offset * (whole - 1) + map.size < rest ? 1 : 0);
}

int LevelAnalysis::first_spatial() const {
  for (std::size_t i = 0; i < level_.maps.size(); ++i)
    if (level_.maps[i].spatial) return static_cast<int>(i);
  return 0;
}

std::vector<MapState> LevelAnalysis::states_of(const Map& map, std::int64_t extent) const {
  const auto units = map.spatial ? level_.units : 1;
  const auto covered = map.size + map.offset * (units - 1);
  const auto stride = map.offset * units;
  MapState init;
  init.unrolled = extent <= covered;
  init.edge = extent < covered;
  init.partial_unit = map.spatial && init.edge;
  std::vector<MapState> states;
  std::int64_t steady = 0;
  if (covered < extent)
    steady = map.spatial ? ((extent - map.size) / map.offset + 1) / units - 1
                         : (extent - map.size) / map.offset;
  if (steady > 0) states.push_back({Position::kSteady, false, false, false, false, steady});
  if (!map.spatial) {
    if (steady * map.offset + map.size < extent) states.push_back({Position::kEdge});
  } else if (!init.unrolled && (steady + 1) * stride + covered > extent &&
             steady * stride + covered != extent) {
    MapState edge{Position::kEdge};
    const auto rest = extent - (steady + 1) * stride;
    const auto active = rest < map.size ? 1 : (rest - map.size) / map.offset + 1;
    edge.partial_unit = (active - 1) * map.offset + map.size < rest;
    edge.lone_rest = rest < map.size;
    states.push_back(edge);
  }
  states.push_back(init);
  return states;
}

std::vector<Case> LevelAnalysis::cases(const Tile& tile) const {
  std::vector<Case> cases(1);
  for (const auto& map : level_.maps) {
    std::vector<Case> longer;
    const auto states = states_of(map, tile[map.dimension]);
    for (const auto& c : cases)
      for (const auto& state : states) {
        longer.push_back(c);
        longer.back().push_back(state);
      }
    cases = std::move(longer);
  }
  std::rotate(cases.begin(), cases.end() - 1, cases.end());
  return cases;
}

MapExtents LevelAnalysis::extents_of(const Map& map) const {
  const auto extent = nominal_[map.dimension];
  MapExtents extents;
  extents.full = map.size;
  extents.fresh = !map.spatial && extent <= map.size ? 0 : std::min(map.size, map.offset);
  const auto steps = std::max<std::int64_t>((extent - map.size) / map.offset, 0);
  const bool has_edge = steps * map.offset + map.size < extent || map.size > extent;
  extents.edge = map.size;
  if (faults_ == Faults::kFixed) extents.edge_fresh = extents.fresh;
  if (has_edge) {
    const auto rest = extent - (steps + 1) * map.offset;
    const bool larger = faults_ == Faults::kFixed && map.size > extent;
    extents.edge = rest < 0 || larger ? extent : rest;
    extents.edge_fresh = std::max<std::int64_t>(map.offset - (map.size - extents.edge), 0);
  }
  return extents;
}

MapExtents LevelAnalysis::output_extents_of(int map_index) const {
  const Map& map = level_.maps[map_index];
  const int window = layer_.dimensions[map.dimension].window;
  if (window < 0) return extents_[map_index];
  const auto filter = level_.maps[map_of(window)].size;
  // The tool forgets the stride here: a tile of several outputs is taken for more than it is.
  const auto stride = faults_ == Faults::kFixed ? layer_.dimensions[map.dimension].stride : 1;
  const auto outputs = [&](std::int64_t inputs) {
    return inputs < filter && faults_ == Faults::kFixed ? 0 : (inputs - filter) / stride + 1;
  };
  MapExtents extents;
  extents.full = outputs(extents_[map_index].full);
  extents.edge = outputs(extents_[map_index].edge);
  extents.fresh = std::min(map.offset / stride, map.size);
  extents.edge_fresh = std::min(map.offset / stride, extents.edge);
  return extents;
}

bool LevelAnalysis::spatially_mapped(const std::vector<int>& dimensions) const {
  return std::any_of(dimensions.begin(), dimensions.end(),
                     [&](int d) { return level_.maps[map_of(d)].spatial; });
}

std::int64_t LevelAnalysis::active_units(const Case& c) const {
  return c[first_spatial()].at_edge() ? edge_units_ : level_.units;
}

bool LevelAnalysis::has_partial_unit(const Case& c) const {
  return c[first_spatial()].at_edge() && c[first_spatial()].partial_unit;
}

std::int64_t LevelAnalysis::over_units(const Case& c, std::int64_t first, std::int64_t other,
                                       std::int64_t partial) const {
  if (active_units(c) == 1) return first;
  const std::int64_t partials = has_partial_unit(c) ? 1 : 0;
  return first + (active_units(c) - 1 - partials) * other + partials * partial;
}

bool LevelAnalysis::restarts(const Case& c, const std::vector<int>& dimensions,
                             int changing) const {
  return std::any_of(dimensions.begin(), dimensions.end(), [&](int d) {
    const int i = map_of(d);
    return i > changing && !c[i].unrolled && c[i].position == Position::kInit;
  });
}

std::int64_t LevelAnalysis::ingress_of_unit(const Case& c, const std::vector<int>& dimensions,
                                            int changing, Unit unit) const {
  const bool restarted = restarts(c, dimensions, changing);
  std::int64_t words = 1;
  for (const int d : dimensions) {
    const int i = map_of(d);
    const MapExtents& extents = extents_[i];
    const bool initial = c[i].position == Position::kInit;
    const bool moving = !initial && i == changing && !restarted;
    if (!level_.maps[i].spatial) {
      words *= moving ? extents.fresh : initial && c[i].edge ? extents.edge : extents.full;
    } else if (unit == Unit::kFirst) {
      words *= extents.full;
    } else {
      const bool fresh = initial ? changing >= 0 && i > changing : moving;
      if (unit == Unit::kOther) words *= fresh ? extents.fresh : extents.full;
      if (unit == Unit::kPartial) words *= fresh ? extents.edge_fresh : extents.edge;
    }
  }
  return words;
}

std::int64_t LevelAnalysis::ingress(const Case& c, const std::vector<int>& dimensions) const {
  int changing = static_cast<int>(c.size()) - 1;
  while (changing >= 0 && c[changing].position == Position::kInit) --changing;
  if (changing >= 0) {
    const int dimension = level_.maps[changing].dimension;
    if (std::find(dimensions.begin(), dimensions.end(), dimension) == dimensions.end() &&
        !(faults_ == Faults::kFixed && restarts(c, dimensions, changing)))
      return 0;
  }
  const auto first = ingress_of_unit(c, dimensions, changing, Unit::kFirst);
  if (!spatially_mapped(dimensions)) return first;
  return over_units(c, first, ingress_of_unit(c, dimensions, changing, Unit::kOther),
                    ingress_of_unit(c, dimensions, changing, Unit::kPartial));
}

std::int64_t LevelAnalysis::egress_of_unit(const Case& c, Unit unit) const {
  std::int64_t words = 1;
  for (const int d : layer_.output) {
    const int i = map_of(d);
    const MapExtents& extents = output_extents_[i];
    if (!level_.maps[i].spatial)
      words *= c[i].at_edge() ? extents.edge : extents.full;
    else
      words *= unit == Unit::kFirst   ? extents.full
               : unit == Unit::kOther ? extents.fresh
                                      : extents.edge_fresh;
  }
  return words;
}

std::int64_t LevelAnalysis::egress(const Case& c) const {
  const auto first = egress_of_unit(c, Unit::kFirst);
  if (!spatially_mapped(layer_.output)) return first;
  if (c[first_spatial()].lone_rest) return as_rest(first);
  return over_units(c, first, egress_of_unit(c, Unit::kOther), egress_of_unit(c, Unit::kPartial));
}

StepTraffic LevelAnalysis::traffic(const Case& c) const {
  return {ingress(c, layer_.input), ingress(c, layer_.weight), egress(c)};
}

std::int64_t LevelAnalysis::unit_work(const Case& c, bool partial_unit) const {
  std::int64_t work = 1;
  const auto extent = [&](const MapExtents& extents, int i) {
    const bool edge = level_.maps[i].spatial ? partial_unit : c[i].at_edge();
    return edge ? extents.edge : extents.full;
  };
  for (const int d : layer_.output) work *= extent(output_extents_[map_of(d)], map_of(d));
  for (const int d : layer_.reduced) work *= extent(extents_[map_of(d)], map_of(d));
  return work;
}

std::int64_t LevelAnalysis::products(const Case& c) const {
  const auto full = unit_work(c, false);
  const std::int64_t partials = has_partial_unit(c) ? 1 : 0;
  if (c[first_spatial()].lone_rest) return as_rest(full);
  return (active_units(c) - partials) * full + partials * unit_work(c, true);
}

std::int64_t LevelAnalysis::as_rest(std::int64_t full) const {
  const int i = first_spatial();
  const auto rest = faults_ == Faults::kFixed ? output_extents_[i].edge : extents_[i].edge;
  return full / output_extents_[i].full * rest;
}

Tile LevelAnalysis::unit_tile(const Case& c, bool partial_unit) const {
  Tile tile(nominal_.size());
  for (std::size_t i = 0; i < level_.maps.size(); ++i) {
    const Map& map = level_.maps[i];
    const bool edge = map.spatial ? partial_unit : c[i].at_edge();
    tile[map.dimension] = edge ? extents_[i].edge : std::min(map.size, nominal_[map.dimension]);
  }
  return tile;
}

Tile LevelAnalysis::inner_nominal() const {
  Tile tile(nominal_.size());
  for (const auto& map : level_.maps)
    tile[map.dimension] = std::min(map.size, nominal_[map.dimension]);
  return tile;
}

std::int64_t LevelAnalysis::unit_footprint() const {
  std::int64_t words = 0;
  for (const auto* dimensions : {&layer_.input, &layer_.weight, &layer_.output}) {
    std::int64_t product = 1;
    for (const int d : *dimensions) product *= extents_[map_of(d)].full;
    words += product;
  }
  return words;
}

}  // namespace tessera::mapping::maestro
