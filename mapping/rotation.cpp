#include "mapping/rotation.h"

#include <algorithm>
#include <set>

#include "mapping/code_cursor.h"
#include "sim/base/error.h"

namespace tessera::mapping {

using workloads::Layer;
using workloads::RankTile;

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

/// Walks down to the loop that is dealt to the places. Loops over reduced ranks only add to
/// outputs.
class Completed {
 public:
  Completed(const Layer& layer, const TileShare& share) : layer_(layer), share_(share) {}

  std::vector<RankTile> of(const CodeBlock& compute) {
    visit(compute, share_.ranks);
    return std::move(found_);
  }

 private:
  void visit(const CodeBlock& block, const RankTile& ranks) {
    for (const auto& node : block) {
      if (!node.is_loop) continue;
      if (node.rotates)
        add(node, ranks);
      else if (node.rank < 0 || layer_.ranks[node.rank].reduced)
        visit(node.body, ranks);
      else
        for (std::int64_t trip = 0; trip < node.count; ++trip)
          visit(node.body, narrowed(node, ranks, trip, trip));
    }
  }

  /// The part of the place before: it began there and has been everywhere.
  void add(const CodeNode& loop, const RankTile& ranks) {
    const auto& [place, places, next] = share_.rotation;
    const int before = (place + places - 1) % places;
    found_.push_back(narrowed(loop, ranks, first_turn(loop.count, before, places),
                              first_turn(loop.count, before + 1, places) - 1));
  }

  RankTile narrowed(const CodeNode& loop, RankTile ranks, std::int64_t first,
                    std::int64_t last) const {
    const auto outer = ranks[loop.rank];
    ranks[loop.rank] = {trip_range(loop, outer, outer.begin, first).begin,
                        trip_range(loop, outer, outer.begin, last).end};
    return ranks;
  }

  const Layer& layer_;
  const TileShare& share_;
  std::vector<RankTile> found_;
};

}  // namespace

std::vector<RankTile> completed(const Stage& stage, const Layer& layer, const TileShare& share) {
  if (!stage.slots[stage.output_slot].rotating) return {share.ranks};
  return Completed(layer, share).of(stage.codes[share.code].compute);
}

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
