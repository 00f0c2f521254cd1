// Walking over the elements of a region.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "workloads/layer.h"

namespace tessera::workloads {

/// Calls `visit` with every index of a region, in row-major order.
template <typename Visit>
void for_each_index(const Region& region, Visit visit) {
  if (region.empty()) return;
  std::vector<std::int64_t> index;
  for (const auto& range : region.dimensions) index.push_back(range.begin);
  for (;;) {
    visit(std::span<const std::int64_t>(index));
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

}  // namespace tessera::workloads
