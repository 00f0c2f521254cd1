#include "mapping/cost/tangram/hops.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "sim/base/types.h"

namespace tessera::mapping::tangram {

namespace {

using hw::Coordinate;

std::int64_t distance(Coordinate a, Coordinate b) {
  return std::abs(a.row - b.row) + std::abs(a.column - b.column);
}

/// Weight of the tree that reaches all tiles, always by the closest pair of a reached and an
/// unreached one.
std::int64_t tree_weight(std::vector<Coordinate> reached, std::vector<Coordinate> missing) {
  std::int64_t weight = 0;
  std::vector<std::int64_t> nearest;
  for (const auto tile : missing) {
    std::int64_t least = distance(tile, reached.front());
    for (const auto source : reached) least = std::min(least, distance(tile, source));
    nearest.push_back(least);
  }
  while (!missing.empty()) {
    const auto next = std::min_element(nearest.begin(), nearest.end()) - nearest.begin();
    weight += nearest[next];
    const Coordinate tile = missing[next];
    missing.erase(missing.begin() + next);
    nearest.erase(nearest.begin() + next);
    for (std::size_t i = 0; i < missing.size(); ++i)
      nearest[i] = std::min(nearest[i], distance(missing[i], tile));
  }
  return weight;
}

std::vector<Coordinate> without(const std::vector<Coordinate>& tiles, std::size_t index) {
  auto rest = tiles;
  rest.erase(rest.begin() + static_cast<long>(index));
  return rest;
}

/// Tiles by the range that they need, ranges in ascending order, tiles as listed.
template <typename Range>
std::vector<Tiles> by_range(const LayerDecisions& layer, Range TileShare::*range) {
  std::map<Range, Tiles> groups;
  for (const auto& share : layer.shares) groups[share.*range].push_back(&share);
  std::vector<Tiles> lists;
  for (auto& [key, tiles] : groups) lists.push_back(std::move(tiles));
  return lists;
}

std::vector<Coordinate> places(const Tiles& tiles) {
  std::vector<Coordinate> at;
  for (const auto* share : tiles) at.push_back(share->at);
  return at;
}

std::int64_t filter_hops(const LayerDecisions& layer, const Tiles& tiles,
                         const HardwareFacts& hardware) {
  if (!layer.shape.is_convolution) return 0;
  const auto& range = tiles.front()->filter;
  const auto words = range.inputs.size() * range.outputs.size() * layer.shape.filter_rows *
                     layer.shape.filter_columns;
  if (hardware.forwards) return words * tree_weight(hardware.dram_nodes, places(tiles));
  std::int64_t steps = 0;
  for (const auto tile : places(tiles)) steps += tree_weight(hardware.dram_nodes, {tile});
  return words * steps;
}

/// Word-hops between the layout's pieces and each of the tiles.
std::vector<std::int64_t> hops_to_layout(const FmapRange& range,
                                         const std::vector<Coordinate>& tiles,
                                         const std::vector<Piece>& layout) {
  std::vector<std::int64_t> hops(tiles.size(), 0);
  for (const auto& piece : layout) {
    const auto words = common_words(range, piece.range);
    for (std::size_t i = 0; i < tiles.size(); ++i) hops[i] += words * distance(tiles[i], piece.at);
  }
  return hops;
}

std::int64_t stored_words(const FmapRange& range, const std::vector<Piece>& layout) {
  std::int64_t words = 0;
  for (const auto& piece : layout) words += common_words(range, piece.range);
  return words;
}

std::int64_t ifmap_hops(const LayerDecisions& layer, const Tiles& tiles,
                        const HardwareFacts& hardware) {
  const auto& range = tiles.front()->ifmap;
  const auto at = places(tiles);
  const auto each = hops_to_layout(range, at, layer.ifmap_layout);
  if (!hardware.forwards) return std::accumulate(each.begin(), each.end(), std::int64_t{0});
  const auto best = std::ranges::min_element(each) - each.begin();
  return each[best] +
         stored_words(range, layer.ifmap_layout) * tree_weight({at[best]}, without(at, best));
}

/// True when every tile's outputs are laid out at that tile.
bool stays_in_place(const LayerDecisions& layer) {
  std::vector<std::pair<int, FmapRange>> shares, pieces;
  const auto key = [](Coordinate at) { return at.row * 65536 + at.column; };
  for (const auto& share : layer.shares) shares.emplace_back(key(share.at), share.ofmap);
  for (const auto& piece : layer.ofmap_layout) pieces.emplace_back(key(piece.at), piece.range);
  std::sort(shares.begin(), shares.end());
  std::sort(pieces.begin(), pieces.end());
  return shares == pieces;
}

}  // namespace

OutputHops output_hops(const LayerDecisions& layer, const Tiles& tiles,
                       const HardwareFacts& hardware) {
  if (stays_in_place(layer)) return {};
  const auto at = places(tiles);
  const auto& range = tiles.front()->ofmap;
  const auto words = range.words();
  const auto each = hops_to_layout(range, at, layer.ofmap_layout);
  if (hardware.forwards) {
    const auto best = std::ranges::min_element(each) - each.begin();
    return {each[best],
            ceil_div(words * tree_weight({at[best]}, without(at, best)), std::int64_t{2})};
  }
  const auto owner = at.size() / 2;
  OutputHops hops{each[owner], 0};
  for (const auto tile : at)
    hops.sums += ceil_div(words * distance(tile, at[owner]), std::int64_t{2});
  return hops;
}

std::int64_t group_hops(const LayerDecisions& layer, Datum datum, const Tiles& tiles,
                        const HardwareFacts& hardware) {
  if (datum == kFilter) return filter_hops(layer, tiles, hardware);
  if (datum == kIfmap) return ifmap_hops(layer, tiles, hardware);
  const auto hops = output_hops(layer, tiles, hardware);
  return hops.layout + hops.sums;
}

std::vector<Tiles> tiles_alike(const LayerDecisions& layer, Datum datum) {
  if (datum == kFilter) return by_range(layer, &TileShare::filter);
  return by_range(layer, datum == kIfmap ? &TileShare::ifmap : &TileShare::ofmap);
}

PerDatum<std::int64_t> hops_once(const LayerDecisions& layer, const HardwareFacts& hardware) {
  PerDatum<std::int64_t> hops{};
  for (const Datum datum : {kFilter, kIfmap, kOfmap})
    for (const auto& tiles : tiles_alike(layer, datum))
      hops[datum] += group_hops(layer, datum, tiles, hardware);
  return hops;
}

}  // namespace tessera::mapping::tangram
