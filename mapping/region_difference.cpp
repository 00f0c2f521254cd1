#include "mapping/region_difference.h"

namespace tessera::mapping {

using workloads::Region;

/// Cuts off what lies before and behind the hole, dimension by dimension; what is left in the end
/// is the hole.
std::vector<Region> difference(const Region& from, const Region& hole) {
  if (from.empty()) return {};
  const Region common = intersect(from, hole);
  if (common.empty()) return {from};
  std::vector<Region> boxes;
  Region rest = from;
  for (std::size_t d = 0; d < rest.dimensions.size(); ++d) {
    auto& range = rest.dimensions[d];
    const auto& inside = common.dimensions[d];
    const std::int64_t before = inside.begin - range.begin;
    const std::int64_t behind = range.last() - inside.last();
    const auto cut = [&](std::int64_t begin, std::int64_t count) {
      if (count == 0) return;
      boxes.push_back(rest);
      boxes.back().dimensions[d] = {begin, count, 1};
    };
    cut(range.begin, before);
    cut(inside.last() + 1, behind);
    range = inside;
  }
  return boxes;
}

}  // namespace tessera::mapping
