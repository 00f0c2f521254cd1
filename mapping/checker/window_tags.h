// What a window holds, element by element.
#pragma once

#include <cstdint>
#include <vector>

#include "workloads/layer.h"

namespace tessera::mapping::checker {

/// Which element of a tensor stands in each place of a window: index i of a dimension lies at i
/// modulo the window's extent.
class WindowTags {
 public:
  WindowTags(const std::vector<std::int64_t>& extents, const std::vector<std::int64_t>& tensor);

  void write(const workloads::Region& region);
  bool has(const workloads::Region& region);

 private:
  std::size_t place() const { return flat(extents_, true); }
  std::int64_t tag() const { return static_cast<std::int64_t>(flat(tensor_, false)); }
  std::size_t flat(const std::vector<std::int64_t>& extents, bool wrap) const;

  std::vector<std::int64_t> extents_, tensor_;
  std::vector<std::int64_t> tags_;
  std::vector<std::int64_t> index_;
};

}  // namespace tessera::mapping::checker
