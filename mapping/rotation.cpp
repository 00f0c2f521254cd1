#include "mapping/rotation.h"

#include <algorithm>
#include <set>

#include "sim/base/error.h"

namespace tessera::mapping {

namespace {

/// Distance of neighbours among the positions; far when there is only one.
int spacing(const std::set<int>& positions) {
  constexpr int kFar = 1 << 20;
  if (positions.size() < 2) return kFar;
  return (*positions.rbegin() - *positions.begin()) / static_cast<int>(positions.size() - 1);
}

/// Lines of tiles along one axis, every second one backwards.
std::vector<TileId> snake(const std::vector<TileId>& tiles, int columns) {
  std::set<int> rows, lines;
  for (const TileId tile : tiles) {
    rows.insert(tile / columns);
    lines.insert(tile % columns);
  }
  const bool along_rows = spacing(lines) <= spacing(rows);
  std::map<int, std::vector<TileId>> by_line;
  for (const TileId tile : tiles)
    by_line[along_rows ? tile / columns : tile % columns].push_back(tile);
  std::vector<TileId> order;
  bool back = false;
  for (auto& [line, members] : by_line) {
    std::ranges::sort(members);
    if (back) std::ranges::reverse(members);
    order.insert(order.end(), members.begin(), members.end());
    back = !back;
  }
  return order;
}

}  // namespace

std::map<TileId, TileShare::Rotation> chain(const std::vector<TileId>& tiles, int shared_by,
                                            int columns, const std::string& layer) {
  if (tiles.size() % static_cast<std::size_t>(shared_by) != 0)
    throw UserError("layer ", layer, ": ", tiles.size(), " tiles need the same words and ",
                    shared_by, " share a copy; allowed: divisors of the former");
  const auto order = snake(tiles, columns);
  std::map<TileId, TileShare::Rotation> rotations;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const int place = static_cast<int>(i) % shared_by;
    const auto first = i - static_cast<std::size_t>(place);
    const auto next = first + static_cast<std::size_t>((place + 1) % shared_by);
    rotations[order[i]] = {place, shared_by, order[next]};
  }
  return rotations;
}

}  // namespace tessera::mapping
