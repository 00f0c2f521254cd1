#include "mapping/sliding_window.h"

#include <algorithm>

namespace tessera::mapping {

using workloads::IndexRange;
using workloads::Region;

Region bounding_box(Region region) {
  for (auto& range : region.dimensions)
    if (range.count > 0) range = {range.begin, range.last() - range.begin + 1, 1};
  return region;
}

std::vector<std::int64_t> SlidingWindow::move_to(const Region& tile) const {
  std::vector<std::int64_t> vector;
  for (std::size_t d = 0; d < tile.dimensions.size(); ++d)
    vector.push_back(tile.dimensions[d].begin - before_.dimensions[d].begin);
  return vector;
}

void SlidingWindow::translate(const std::vector<std::int64_t>& by) {
  for (std::size_t d = 0; d < before_.dimensions.size(); ++d) before_.dimensions[d].begin += by[d];
}

Region SlidingWindow::advance(const Region& tile) {
  const Region before = before_;
  if (before.dimensions.empty() || tile.empty() || before.empty()) {
    before_ = tile;
    vector_.clear();
    return tile;
  }
  const auto vector = move_to(tile);
  before_ = tile;
  const auto moved = std::ranges::count_if(vector, [](auto step) { return step != 0; });
  Region fresh = tile;
  if (moved == 0 && tile == before) {
    for (auto& range : fresh.dimensions) range.count = 0;
    return fresh;
  }
  const auto axis = static_cast<std::size_t>(
      std::ranges::find_if(vector, [](auto step) { return step != 0; }) - vector.begin());
  bool slides = moved == 1 && (vector_.empty() || vector_ == vector);
  for (std::size_t d = 0; slides && d < tile.dimensions.size(); ++d)
    slides = tile.dimensions[d].count == before.dimensions[d].count || d == axis;
  if (slides) slides = intersect(tile, before).elements() > 0;
  if (!slides) {
    vector_.clear();
    return tile;
  }
  vector_ = vector;
  IndexRange& range = fresh.dimensions[axis];
  const std::int64_t end = range.begin + range.count;
  const std::int64_t before_begin = before.dimensions[axis].begin;
  const std::int64_t before_end = before_begin + before.dimensions[axis].count;
  if (vector[axis] > 0)
    range = {std::min(before_end, end), std::max<std::int64_t>(end - before_end, 0), 1};
  else
    range.count = std::max<std::int64_t>(before_begin - range.begin, 0);
  return fresh;
}

}  // namespace tessera::mapping
