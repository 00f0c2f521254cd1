#include "hw_models/tile/retained_window.h"

#include <algorithm>

#include "mapping/region_difference.h"

namespace tessera::hw {

using workloads::Region;

std::vector<Region> RetainedWindow::advance(const Region& next) {
  if (next.empty()) return {};
  if (comes_once_) return received_.advance(next);
  auto fresh =
      held_.dimensions.empty() ? std::vector<Region>{next} : mapping::difference(next, held_);
  held_ = next;
  return fresh;
}

std::size_t RetainedWindow::place(std::span<const std::int64_t> index) const {
  std::int64_t place = 0;
  for (std::size_t d = 0; d < index.size(); ++d)
    place = place * extents_[d] + index[d] % extents_[d];
  return static_cast<std::size_t>(place);
}

void RetainedWindow::write(const RegionValues& values) {
  if (values_.empty()) {
    std::size_t elements = 1;
    for (const auto extent : extents_) elements *= static_cast<std::size_t>(extent);
    values_.resize(elements);
    indices_.resize(elements);
  }
  for_each_index(values.region(), [&](std::span<const std::int64_t> index) {
    if (!values.present(index)) return;
    values_[place(index)] = values.at(index);
    indices_[place(index)].assign(index.begin(), index.end());
  });
}

bool RetainedWindow::present(std::span<const std::int64_t> index) const {
  return !indices_.empty() && std::ranges::equal(indices_[place(index)], index);
}

}  // namespace tessera::hw
