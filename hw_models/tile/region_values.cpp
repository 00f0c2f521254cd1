#include "hw_models/tile/region_values.h"

namespace tessera::hw {

RegionValues::RegionValues(workloads::Region region)
    : region_(std::move(region)),
      values_(static_cast<std::size_t>(region_.elements())),
      present_(values_.size(), false) {}

bool RegionValues::contains(std::span<const std::int64_t> index) const {
  for (std::size_t d = 0; d < index.size(); ++d) {
    const auto& range = region_.dimensions[d];
    const std::int64_t distance = index[d] - range.begin;
    if (distance < 0 || distance % range.step != 0 || distance / range.step >= range.count)
      return false;
  }
  return true;
}

std::size_t RegionValues::offset(std::span<const std::int64_t> index) const {
  std::int64_t offset = 0;
  for (std::size_t d = 0; d < index.size(); ++d) {
    const auto& range = region_.dimensions[d];
    offset = offset * range.count + (index[d] - range.begin) / range.step;
  }
  return static_cast<std::size_t>(offset);
}

void RegionValues::merge(const RegionValues& other) {
  for_each_index(workloads::intersect(region_, other.region_),
                 [&](std::span<const std::int64_t> index) {
                   if (other.present(index)) set(index, other.at(index));
                 });
}

}  // namespace tessera::hw
