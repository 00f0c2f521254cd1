#include "mapping/checker/window_tags.h"

namespace tessera::mapping::checker {

using workloads::Region;

namespace {

/// Visits every index of a region, row-major.
template <typename Visit>
void visit_indices(const Region& region, std::vector<std::int64_t>& index, Visit visit) {
  if (region.empty()) return;
  index.clear();
  for (const auto& range : region.dimensions) index.push_back(range.begin);
  for (;;) {
    visit();
    std::size_t d = index.size();
    for (; d > 0; --d) {
      const auto& range = region.dimensions[d - 1];
      if (index[d - 1] != range.last()) {
        index[d - 1] += range.step;
        break;
      }
      index[d - 1] = range.begin;
    }
    if (d == 0) return;
  }
}

}  // namespace

WindowTags::WindowTags(const std::vector<std::int64_t>& extents,
                       const std::vector<std::int64_t>& tensor)
    : extents_(extents), tensor_(tensor) {
  std::int64_t places = 1;
  for (const auto extent : extents) places *= extent;
  tags_.assign(static_cast<std::size_t>(places), -1);
}

void WindowTags::write(const Region& region) {
  visit_indices(region, index_, [&] { tags_[place()] = tag(); });
}

bool WindowTags::has(const Region& region) {
  bool all = true;
  visit_indices(region, index_, [&] { all = all && tags_[place()] == tag(); });
  return all;
}

std::size_t WindowTags::flat(const std::vector<std::int64_t>& extents, bool wrap) const {
  std::int64_t flat = 0;
  for (std::size_t d = 0; d < index_.size(); ++d)
    flat = flat * extents[d] + (wrap ? index_[d] % extents[d] : index_[d]);
  return static_cast<std::size_t>(flat);
}

}  // namespace tessera::mapping::checker
