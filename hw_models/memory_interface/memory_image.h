// What DRAM and shared buffers hold in functional mode.
#pragma once

#include <vector>

#include "hw_models/tile/tile_context.h"
#include "workloads/reference_executor.h"

namespace tessera::hw {

/// Values of all stored tensors. A channel (a shared buffer is one of its memory) reads and writes
/// only elements whose address it holds.
class MemoryImage {
 public:
  MemoryImage(const TileContext& context, workloads::TensorValues values);

  /// The elements of the order's region that lie in this channel.
  RegionValues read(std::size_t channel, const Order& order) const;
  void write(std::size_t channel, const Order& order);

  const workloads::TensorValues& values() const { return values_; }

 private:
  std::size_t flat(workloads::TensorId tensor, std::span<const std::int64_t> index) const;
  bool holds(std::size_t channel, const mapping::Part& part, std::span<const std::int64_t> index) const;

  const TileContext& context_;
  workloads::TensorValues values_;
};

}  // namespace tessera::hw
