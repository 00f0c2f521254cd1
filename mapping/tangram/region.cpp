#include "mapping/tangram/region.h"

#include <algorithm>
#include <numeric>

namespace tessera::mapping {

namespace {

constexpr double kEnoughUse = 0.95;

/// Units go one by one to the stage that would be last to finish, which makes the last one as early
/// as possible.
std::vector<int> deal_units(const std::vector<double>& work, int units) {
  std::vector<int> dealt(work.size(), 1);
  for (int left = units - static_cast<int>(work.size()); left > 0; --left) {
    std::size_t slowest = 0;
    for (std::size_t i = 1; i < work.size(); ++i)
      if (work[i] / dealt[i] > work[slowest] / dealt[slowest]) slowest = i;
    ++dealt[slowest];
  }
  return dealt;
}

/// Share of all tiles' time that is used when stages work side by side.
double use(const std::vector<double>& work, const std::vector<int>& units) {
  double slowest = 0;
  for (std::size_t i = 0; i < work.size(); ++i) slowest = std::max(slowest, work[i] / units[i]);
  if (slowest == 0) return 1;
  return std::accumulate(work.begin(), work.end(), 0.0) /
         (slowest * std::accumulate(units.begin(), units.end(), 0));
}

}  // namespace

std::vector<int> region_sizes(const std::vector<double>& work, TileGrid grid) {
  std::vector<int> best;
  double most = 0;
  for (int factor = grid.rows; factor >= 1; --factor) {
    const int units = grid.rows * grid.columns / factor;
    if (grid.rows % factor != 0 || units < static_cast<int>(work.size())) continue;
    auto dealt = deal_units(work, units);
    const double used = use(work, dealt);
    if (used <= most) continue;
    most = used;
    for (auto& count : dealt) count *= factor;
    best = std::move(dealt);
    if (used >= kEnoughUse) break;
  }
  return best;
}

std::vector<std::vector<TileId>> place_regions(const std::vector<int>& sizes, TileGrid grid) {
  int height = grid.rows;
  for (const int size : sizes) height = std::gcd(height, size);
  std::vector<TileId> order;
  for (int stripe = 0; stripe < grid.rows / height; ++stripe)
    for (int step = 0; step < grid.columns; ++step) {
      const int column = stripe % 2 == 0 ? step : grid.columns - 1 - step;
      for (int row = 0; row < height; ++row)
        order.push_back((stripe * height + row) * grid.columns + column);
    }
  std::vector<std::vector<TileId>> regions;
  auto next = order.begin();
  for (const int size : sizes) {
    regions.emplace_back(next, next + size);
    next += size;
  }
  return regions;
}

}  // namespace tessera::mapping
