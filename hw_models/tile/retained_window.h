// What a window slot still holds of earlier granules: index i of a dimension lies at i modulo the
// slot's extent.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "hw_models/tile/region_values.h"
#include "workloads/layer.h"

namespace tessera::hw {

/// Elements and, in functional mode, their values. An element is overwritten by the one an extent
/// further on, so reading what was not retained is noticed.
class RetainedWindow {
 public:
  explicit RetainedWindow(std::vector<std::int64_t> extents) : extents_(std::move(extents)) {}

  /// Boxes of `next` that the granule before did not hold; from now on `next` is what the window
  /// holds. An empty granule leaves the window as it is.
  std::vector<workloads::Region> advance(const workloads::Region& next);

  /// Functional mode.
  void write(const RegionValues& values);
  bool present(std::span<const std::int64_t> index) const;
  workloads::Element at(std::span<const std::int64_t> index) const { return values_[place(index)]; }

 private:
  std::size_t place(std::span<const std::int64_t> index) const;

  std::vector<std::int64_t> extents_;
  workloads::Region held_;
  std::vector<workloads::Element> values_;
  std::vector<std::vector<std::int64_t>>
      indices_;  ///< per place: whose value it is; empty: nobody's
};

}  // namespace tessera::hw
