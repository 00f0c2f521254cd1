#include "mapping/received_regions.h"

#include <algorithm>

#include "mapping/region_difference.h"

namespace tessera::mapping {

using workloads::IndexRange;
using workloads::Region;

namespace {

bool contains(const IndexRange& outer, const IndexRange& inner) {
  return outer.begin <= inner.begin && inner.last() <= outer.last();
}

bool touch(const IndexRange& a, const IndexRange& b) {
  return a.begin <= b.last() + 1 && b.begin <= a.last() + 1;
}

IndexRange hull(const IndexRange& a, const IndexRange& b) {
  const auto begin = std::min(a.begin, b.begin);
  return {begin, std::max(a.last(), b.last()) - begin + 1, 1};
}

/// Makes `into` both boxes together when that is a box: equal but for one dimension, or one inside
/// the other.
bool merge(Region& into, const Region& other) {
  int differing = 0;
  bool covers = true;
  bool covered = true;
  for (std::size_t d = 0; d < into.dimensions.size(); ++d) {
    const auto& a = into.dimensions[d];
    const auto& b = other.dimensions[d];
    if (!touch(a, b)) return false;
    differing += a.begin != b.begin || a.count != b.count;
    covers = covers && contains(a, b);
    covered = covered && contains(b, a);
  }
  if (differing > 1 && !covers && !covered) return false;
  for (std::size_t d = 0; d < into.dimensions.size(); ++d)
    into.dimensions[d] = hull(into.dimensions[d], other.dimensions[d]);
  return true;
}

}  // namespace

bool comes_once(const ProgramIndex& index, workloads::TensorId tensor) {
  const auto& parts = index.parts_of(tensor);
  return !parts.empty() &&
         std::ranges::all_of(parts, [&](int part) { return index.is_streamed(part); });
}

std::vector<Region> ReceivedRegions::advance(const Region& next) {
  if (next.empty()) return {};
  std::vector<Region> fresh = {next};
  for (const auto& received : received_) {
    std::vector<Region> left;
    for (const auto& box : fresh)
      std::ranges::move(difference(box, received), std::back_inserter(left));
    fresh = std::move(left);
  }
  remember(next);
  return fresh;
}

void ReceivedRegions::remember(Region next) {
  for (bool merged = true; merged;) {
    merged = false;
    for (auto other = received_.begin(); other != received_.end() && !merged; ++other)
      if (merge(next, *other)) {
        received_.erase(other);
        merged = true;
        break;
      }
  }
  received_.push_back(std::move(next));
}

}  // namespace tessera::mapping
