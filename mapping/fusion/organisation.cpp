#include "mapping/fusion/organisation.h"

#include "sim/base/error.h"

namespace tessera::mapping {

namespace {

/// Largest divisor not above the square root.
int short_side(int depth) {
  int side = 1;
  for (int i = 1; i * i <= depth; ++i)
    if (depth % i == 0) side = i;
  return side;
}

/// Which of `parts` equal pieces of a length a position lies in.
int piece(int position, int length, int parts) {
  int part = 0;
  while (position >= (part + 1) * length / parts) ++part;
  return part;
}

int layer_at(const PlaceNode& place, TileGrid grid, int row, int column) {
  const int high = short_side(place.depth);
  const int wide = place.depth / high;
  switch (place.organisation) {
    case Organisation::kBlocked1d:
      return piece(row, grid.rows, place.depth);
    case Organisation::kBlocked2d:
      return piece(row, grid.rows, high) * wide + piece(column, grid.columns, wide);
    case Organisation::kStriped1d:
      return row % place.depth;
    default:
      return (row + column) % place.depth;
  }
}

}  // namespace

std::vector<TileId> organised_tiles(const PlaceNode& place, TileGrid grid) {
  if (place.depth < 1 || place.index < 0 || place.index >= place.depth)
    throw UserError("place: layer ", place.index, " of ", place.depth, "; allowed: 0 to depth - 1");
  std::vector<TileId> tiles;
  for (int row = 0; row < grid.rows; ++row)
    for (int column = 0; column < grid.columns; ++column)
      if (layer_at(place, grid, row, column) == place.index)
        tiles.push_back(row * grid.columns + column);
  if (tiles.empty())
    throw UserError("place: layer ", place.index, " of ", place.depth,
                    " gets no tile of a grid of ", grid.rows, " x ", grid.columns);
  return tiles;
}

}  // namespace tessera::mapping
