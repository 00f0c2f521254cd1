// What a window slot still holds of earlier granules: index i of a dimension lies at i modulo the
// slot's extent.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "hw_models/tile/region_values.h"
#include "mapping/received_regions.h"
#include "workloads/layer.h"

namespace tessera::hw {

/// Elements and, in functional mode, their values. An element is overwritten by the one an extent
/// further on, so reading what was not retained is noticed.
class RetainedWindow {
 public:
  /// `comes_once`: elements that will not come a second time, so that the window is large enough to
  /// hold what is still needed of all that came before.
  RetainedWindow(std::vector<std::int64_t> extents, bool comes_once)
      : extents_(std::move(extents)), comes_once_(comes_once) {}

  /// Boxes of `next` that the granule before did not hold, or that never came before; from now on
  /// `next` is what the window holds. An empty granule leaves the window as it is.
  std::vector<workloads::Region> advance(const workloads::Region& next);

  /// Functional mode.
  void write(const RegionValues& values);
  bool present(std::span<const std::int64_t> index) const;
  workloads::Element at(std::span<const std::int64_t> index) const { return values_[place(index)]; }

 private:
  std::size_t place(std::span<const std::int64_t> index) const;

  std::vector<std::int64_t> extents_;
  bool comes_once_;
  mapping::ReceivedRegions received_;
  workloads::Region held_;
  std::vector<workloads::Element> values_;
  std::vector<std::vector<std::int64_t>>
      indices_;  ///< per place: whose value it is; empty: nobody's
};

}  // namespace tessera::hw
