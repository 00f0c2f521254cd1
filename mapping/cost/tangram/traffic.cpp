#include "mapping/cost/tangram/traffic.h"

#include <algorithm>
#include <cmath>

#include "sim/base/error.h"
#include "sim/base/types.h"

namespace tessera::mapping::tangram {

namespace {

std::int64_t product_of(const std::vector<LoopFactor>& loops) {
  std::int64_t product = 1;
  for (const auto& loop : loops) product *= loop.factor;
  return product;
}

/// Product of the factors that index the datum.
std::int64_t indexed(const LayerShape& shape, Datum datum,
                     std::initializer_list<const std::vector<LoopFactor>*> levels) {
  std::int64_t product = 1;
  for (const auto* loops : levels)
    for (const auto& loop : *loops)
      if (indexes(shape, datum, loop.loop)) product *= loop.factor;
  return product;
}

/// Re-fetches at a level: factors outside the level's innermost loop over the datum that do not
/// index it. Without such a loop the count of the level above holds.
std::int64_t refetches(const LayerShape& shape, Datum datum, const std::vector<LoopFactor>& outer,
                       const std::vector<LoopFactor>& level, std::int64_t above) {
  std::size_t inside = level.size();
  while (inside > 0 && !indexes(shape, datum, level[inside - 1].loop)) --inside;
  if (inside == 0) return above;
  std::int64_t count = 1;
  for (const auto& loop : outer)
    if (!indexes(shape, datum, loop.loop)) count *= loop.factor;
  for (std::size_t i = 0; i + 1 < inside; ++i)
    if (!indexes(shape, datum, level[i].loop)) count *= level[i].factor;
  return count;
}

std::vector<LoopFactor> inner_loops(const LayerDecisions& layer) {
  auto loops = layer.sharing_loops;
  loops.insert(loops.end(), layer.gbuf_loops.begin(), layer.gbuf_loops.end());
  return loops;
}

/// Partitions along which tiles need the same words. Weights: batch and output rows, both when they
/// are neighbours in the order, else the lower one.
std::vector<Parallelism> common_parallelisms(const LayerDecisions& layer, Datum datum) {
  if (!layer.shape.is_convolution)
    return datum == kFilter ? std::vector<Parallelism>{} : std::vector<Parallelism>{kInpp};
  if (datum == kIfmap) return {kOutp};
  if (datum == kOfmap) return {kInpp};
  const auto& order = layer.partition.order;
  const auto batch = std::find(order.begin(), order.end(), kBatp) - order.begin();
  const auto rows = std::find(order.begin(), order.end(), kOfmp) - order.begin();
  if (std::abs(batch - rows) == 1) return {kBatp, kOfmp};
  return {batch > rows ? kBatp : kOfmp};
}

/// Rows and columns of the tiles of a group, and the distance of neighbours along both.
struct Group {
  std::array<int, 2> size{1, 1};
  std::array<int, 2> distance{1, 1};
  int tiles() const { return size[0] * size[1]; }
};

Group group_of(const LayerDecisions& layer, Datum datum) {
  Group group;
  const auto common = common_parallelisms(layer, datum);
  bool below = false;  // partitions under all of the group's spread its tiles apart
  std::size_t seen = 0;
  for (const Parallelism kind : layer.partition.order) {
    const auto& ways = layer.partition.ways[kind];
    const bool member = std::find(common.begin(), common.end(), kind) != common.end();
    for (int axis = 0; axis < 2; ++axis) {
      if (member) group.size[axis] *= ways[axis];
      if (below) group.distance[axis] *= ways[axis];
    }
    seen += member ? 1 : 0;
    below = seen == common.size();
  }
  return group;
}

/// Hops per round of the parts of a datum, relative to its size: the tiles of a subgroup form a
/// snake along the axis with nearer neighbours; every step sends each part to the next tile, the
/// last tile's to the first.
double hops_per_round(const Group& group, int subgroup, std::int64_t units) {
  const bool columns_nearer = group.size[1] > 1 && group.distance[1] <= group.distance[0];
  const int along = columns_nearer || group.size[0] == 1 ? 1 : 0;
  const int length = std::min(subgroup, group.size[along]);
  const int rows = subgroup / length;
  const int near = group.distance[along], far = group.distance[1 - along];
  const int forward = (length - 1) * near * rows + (rows - 1) * far;
  const int back = (rows - 1) * far + (rows % 2 == 1 ? (length - 1) * near : 0);
  const double skip = std::max(1.0, static_cast<double>(subgroup) / static_cast<double>(units));
  return (forward + back) * (subgroup - skip) / subgroup * group.tiles() / subgroup;
}

}  // namespace

bool indexes(const LayerShape& shape, Datum datum, Loop loop) {
  if (datum == kFilter) return shape.is_convolution && loop != kBatLoop;
  if (datum == kOfmap || !shape.is_convolution) return loop != kIfmLoop;
  return loop != kOfmLoop;
}

std::int64_t top_factor(const LayerDecisions& layer, Loop loop) {
  for (const auto& outer : layer.dram_loops) {
    if (outer.loop == kBatLoop) continue;
    return outer.loop == loop ? outer.factor : 1;
  }
  return 1;
}

bool hands_over_pieces(const LayerDecisions& producer, const LayerDecisions& reader) {
  const bool local = !reader.shape.is_convolution;
  const bool same_stage = reader.segment == producer.segment && reader.stage == producer.stage;
  return top_factor(reader, local ? kOfmLoop : kIfmLoop) == top_factor(producer, kOfmLoop) &&
         (local || !same_stage);
}

std::int64_t distinct_passes(const LayerDecisions& layer, Datum datum) {
  return indexed(layer.shape, datum,
                 {&layer.dram_loops, &layer.sharing_loops, &layer.gbuf_loops, &layer.regf_loops});
}

FetchCounts fetch_counts(const LayerDecisions& layer) {
  FetchCounts counts;
  const auto inner = inner_loops(layer);
  for (const Datum datum : {kFilter, kIfmap, kOfmap}) {
    const auto gbuf = refetches(layer.shape, datum, {}, layer.dram_loops, 1);
    const auto regf = refetches(layer.shape, datum, layer.dram_loops, inner, gbuf);
    const auto with_reads = [&](std::int64_t writes) {
      return datum == kOfmap ? 2 * writes - 1 : writes;
    };
    counts.gbuf[datum] = with_reads(gbuf);
    counts.regf[datum] = with_reads(regf);
  }
  if (layer.weights_pinned) counts.gbuf[kFilter] = 0;
  return counts;
}

std::int64_t passes_of(const LayerDecisions& layer) {
  return product_of(layer.dram_loops) * product_of(layer.sharing_loops) *
         product_of(layer.gbuf_loops) * product_of(layer.regf_loops);
}

std::int64_t operations_of(const LayerDecisions& layer) {
  return std::llround(layer.pass.operations * static_cast<double>(passes_of(layer)) *
                      static_cast<double>(layer.region.size()));
}

PerDatum<std::int64_t> buffer_words(const LayerDecisions& layer) {
  PerDatum<std::int64_t> words{};
  for (const Datum datum : {kFilter, kIfmap, kOfmap}) {
    if (!layer.in_gbuf[datum]) continue;
    const auto held =
        indexed(layer.shape, datum, {&layer.sharing_loops, &layer.gbuf_loops, &layer.regf_loops});
    words[datum] = ceil_div(held * layer.pass.gbuf_unit[datum],
                            static_cast<std::int64_t>(layer.sharing.subgroup[datum]));
  }
  return words;
}

PerDatum<int> group_sizes(const LayerDecisions& layer) {
  PerDatum<int> sizes{};
  for (const Datum datum : {kFilter, kIfmap, kOfmap}) sizes[datum] = group_of(layer, datum).tiles();
  return sizes;
}

Words words_of(const LayerDecisions& layer, const FetchCounts& fetches,
               const HardwareFacts& hardware) {
  Words words;
  const auto tiles = static_cast<std::int64_t>(layer.region.size());
  const auto groups = group_sizes(layer);
  const auto operations = operations_of(layer);
  const bool on_chip[kData] = {false, !layer.reads_dram, !layer.writes_dram};
  for (const Datum datum : {kFilter, kIfmap, kOfmap}) {
    const auto shares = static_cast<double>(distinct_passes(layer, datum) * tiles);
    const auto into_gbuf = shares * static_cast<double>(fetches.gbuf[datum]);
    const auto into_array = shares * static_cast<double>(fetches.regf[datum]);
    const auto& outside = layer.in_gbuf[datum] ? layer.pass.dram_access : layer.pass.gbuf_access;
    const auto moved =
        std::llround(outside[datum] * into_gbuf / (hardware.forwards ? groups[datum] : 1));
    (on_chip[datum] ? words.remote_gbuf : words.dram)[datum] = moved;
    if (layer.in_gbuf[datum])
      words.gbuf[datum] = std::llround(layer.pass.gbuf_access[datum] * into_array);
    words.itcn[datum] = std::llround(layer.pass.itcn_access[datum] * into_array);
  }
  words.regf = {layer.shape.is_convolution ? operations : 0, operations, 2 * operations};
  return words;
}

PerDatum<double> rotation_hops(const LayerDecisions& layer) {
  PerDatum<double> hops{};
  for (const Datum datum : {kFilter, kIfmap, kOfmap}) {
    const int subgroup = layer.sharing.subgroup[datum];
    const auto rounds = layer.sharing.rotation_rounds[datum];
    if (subgroup == 1 || rounds == 0) continue;
    if (layer.sharing.wide_fetch_width[datum] > 1)
      throw UserError("layer '", layer.name, "': wide fetch over ",
                      layer.sharing.wide_fetch_width[datum], " tiles; allowed: 1 or less");
    const Group group = group_of(layer, datum);
    const auto datum_words = layer.pass.gbuf_unit[datum] * distinct_passes(layer, datum);
    const auto groups = static_cast<double>(layer.region.size()) / group.tiles();
    hops[datum] = static_cast<double>(datum_words) * groups * static_cast<double>(rounds) *
                  hops_per_round(group, subgroup, layer.sharing.rotation_units[datum]);
  }
  return hops;
}

}  // namespace tessera::mapping::tangram
