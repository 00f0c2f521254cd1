// How tensors lie in DRAM, as far as scheduling has to know.
#pragma once

#include <cstdint>
#include <vector>

#include "workloads/network.h"

namespace tessera::mapping {

/// Dimensions slowest first. Feature maps of four dimensions keep their channels fastest, so that a
/// row of a window is one contiguous run; everything else lies as it is stored.
std::vector<int> dram_order(const workloads::Tensor& tensor);

/// Elements of the contiguous runs that a region with these extents per dimension consists of.
std::int64_t run_elements(const workloads::Tensor& tensor, const std::vector<std::int64_t>& region);

/// Bytes of whole bursts that a run costs on average, its start being anywhere in a burst.
double burst_bytes_of_run(double run_bytes, double burst_bytes);

}  // namespace tessera::mapping
