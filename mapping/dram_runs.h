// Which bytes of DRAM hold a region of a tensor.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "mapping/program.h"

namespace tessera::mapping {

/// Contiguous bytes.
struct Run {
  std::uint64_t address = 0;
  Bytes bytes = 0;
  bool operator==(const Run&) const = default;
};

/// Runs of a region in layout order, neighbouring ones merged. `extents` are the tensor's.
std::vector<Run> runs_of(const DramLayout& layout, const std::vector<std::int64_t>& extents,
                         const workloads::Region& region, int word_bytes);

/// Byte address of one element.
std::uint64_t address_of(const DramLayout& layout, const std::vector<std::int64_t>& extents,
                         std::span<const std::int64_t> index, int word_bytes);

}  // namespace tessera::mapping
