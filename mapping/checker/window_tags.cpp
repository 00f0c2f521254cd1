#include "mapping/checker/window_tags.h"

#include "workloads/region_indices.h"

namespace tessera::mapping::checker {

using workloads::Region;

WindowTags::WindowTags(const std::vector<std::int64_t>& extents,
                       const std::vector<std::int64_t>& tensor)
    : extents_(extents), tensor_(tensor) {
  std::int64_t places = 1;
  for (const auto extent : extents) places *= extent;
  tags_.assign(static_cast<std::size_t>(places), -1);
}

void WindowTags::write(const Region& region) {
  for_each_index(region, [&](Index index) { tags_[place(index)] = tag(index); });
}

bool WindowTags::has(const Region& region) const {
  bool all = true;
  for_each_index(region, [&](Index index) { all = all && tags_[place(index)] == tag(index); });
  return all;
}

std::size_t WindowTags::place(Index index) const {
  std::int64_t place = 0;
  for (std::size_t d = 0; d < index.size(); ++d)
    place = place * extents_[d] + index[d] % extents_[d];
  return static_cast<std::size_t>(place);
}

std::int64_t WindowTags::tag(Index index) const {
  std::int64_t tag = 0;
  for (std::size_t d = 0; d < index.size(); ++d) tag = tag * tensor_[d] + index[d];
  return tag;
}

}  // namespace tessera::mapping::checker
