// What DRAM and shared buffers hold in functional mode.
#pragma once

#include <map>
#include <memory>
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
  /// Partial sums as last written for this region. They are kept whole, whichever channel asks.
  std::shared_ptr<const workloads::Accumulators> sums(const Order& order) const;

  const workloads::TensorValues& values() const { return values_; }

 private:
  std::size_t flat(workloads::TensorId tensor, std::span<const std::int64_t> index) const;
  bool holds(std::size_t channel, const mapping::Part& part,
             std::span<const std::int64_t> index) const;

  const TileContext& context_;
  workloads::TensorValues values_;
  std::map<std::pair<int, std::vector<std::int64_t>>,
           std::shared_ptr<const workloads::Accumulators>>
      sums_;
};

}  // namespace tessera::hw
