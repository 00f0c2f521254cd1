// Elements of a region: what functional mode carries along with the bytes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "workloads/integer_functions.h"
#include "workloads/region_indices.h"

namespace tessera::hw {

/// Values of a region, row-major over its index ranges; an element is present once it was set.
class RegionValues {
 public:
  RegionValues() = default;
  explicit RegionValues(workloads::Region region);

  const workloads::Region& region() const { return region_; }
  bool contains(std::span<const std::int64_t> index) const;
  workloads::Element at(std::span<const std::int64_t> index) const {
    return values_[offset(index)];
  }
  bool present(std::span<const std::int64_t> index) const {
    return contains(index) && present_[offset(index)];
  }
  void set(std::span<const std::int64_t> index, workloads::Element value) {
    values_[offset(index)] = value;
    present_[offset(index)] = true;
  }

  /// Copies what is present in the other and lies in this region.
  void merge(const RegionValues& other);

 private:
  std::size_t offset(std::span<const std::int64_t> index) const;

  workloads::Region region_;
  std::vector<workloads::Element> values_;
  std::vector<bool> present_;
};

}  // namespace tessera::hw
