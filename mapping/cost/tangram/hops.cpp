#include <algorithm>
#include <map>

#include "mapping/cost/tangram/traffic.h"
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
std::map<Range, std::vector<Coordinate>> tiles_by_range(const LayerDecisions& layer,
                                                        Range TileShare::*range) {
  std::map<Range, std::vector<Coordinate>> groups;
  for (const auto& share : layer.shares) groups[share.*range].push_back(share.at);
  return groups;
}

std::int64_t filter_hops(const LayerDecisions& layer, const HardwareFacts& hardware) {
  if (!layer.shape.is_convolution) return 0;
  std::int64_t hops = 0;
  for (const auto& [range, tiles] : tiles_by_range(layer, &TileShare::filter)) {
    const auto words = range.inputs.size() * range.outputs.size() * layer.shape.filter_rows *
                       layer.shape.filter_columns;
    std::int64_t steps = 0;
    if (hardware.forwards) {
      steps = tree_weight(hardware.dram_nodes, tiles);
    } else {
      for (const auto tile : tiles) steps += tree_weight(hardware.dram_nodes, {tile});
    }
    hops += words * steps;
  }
  return hops;
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

std::int64_t ifmap_hops(const LayerDecisions& layer, const HardwareFacts& hardware) {
  std::int64_t hops = 0;
  for (const auto& [range, tiles] : tiles_by_range(layer, &TileShare::ifmap)) {
    const auto each = hops_to_layout(range, tiles, layer.ifmap_layout);
    if (!hardware.forwards) {
      for (const auto h : each) hops += h;
      continue;
    }
    const auto best = std::min_element(each.begin(), each.end()) - each.begin();
    hops += each[best] + stored_words(range, layer.ifmap_layout) *
                             tree_weight({tiles[best]}, without(tiles, best));
  }
  return hops;
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

/// Tiles with the same outputs and other inputs send their partial sums to one of them, one way
/// only: half of what an exchange would cost.
std::int64_t ofmap_hops(const LayerDecisions& layer, const HardwareFacts& hardware) {
  if (stays_in_place(layer)) return 0;
  std::int64_t hops = 0;
  for (const auto& [range, tiles] : tiles_by_range(layer, &TileShare::ofmap)) {
    const auto each = hops_to_layout(range, tiles, layer.ofmap_layout);
    const auto words = range.words();
    if (hardware.forwards) {
      const auto best = std::min_element(each.begin(), each.end()) - each.begin();
      hops += each[best] +
              ceil_div(words * tree_weight({tiles[best]}, without(tiles, best)), std::int64_t{2});
      continue;
    }
    const auto owner = tiles.size() / 2;
    hops += each[owner];
    for (const auto tile : tiles)
      hops += ceil_div(words * distance(tile, tiles[owner]), std::int64_t{2});
  }
  return hops;
}

}  // namespace

PerDatum<std::int64_t> hops_once(const LayerDecisions& layer, const HardwareFacts& hardware) {
  return {filter_hops(layer, hardware), ifmap_hops(layer, hardware), ofmap_hops(layer, hardware)};
}

}  // namespace tessera::mapping::tangram
