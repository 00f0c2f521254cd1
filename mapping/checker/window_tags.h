// What a window holds, element by element.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "workloads/layer.h"

namespace tessera::mapping::checker {

/// Which element of a tensor stands in each place of a window: index i of a dimension lies at i
/// modulo the window's extent.
class WindowTags {
 public:
  WindowTags(const std::vector<std::int64_t>& extents, const std::vector<std::int64_t>& tensor);

  void write(const workloads::Region& region);
  bool has(const workloads::Region& region) const;

 private:
  using Index = std::span<const std::int64_t>;

  std::size_t place(Index index) const;
  std::int64_t tag(Index index) const;

  std::vector<std::int64_t> extents_, tensor_;
  std::vector<std::int64_t> tags_;
};

}  // namespace tessera::mapping::checker
