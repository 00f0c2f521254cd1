#include "hw_models/memory_interface/memory_image.h"

#include "mapping/dram_channels.h"

namespace tessera::hw {

MemoryImage::MemoryImage(const mapping::Program& program, std::size_t channels, workloads::TensorValues values)
    : program_(program), channels_(channels), values_(std::move(values)) {
  for (std::size_t t = 0; t < values_.size(); ++t)
    values_[t].resize(static_cast<std::size_t>(program.network.tensors[t].elements()));
}

std::size_t MemoryImage::flat(workloads::TensorId tensor, std::span<const std::int64_t> index) const {
  std::int64_t offset = 0;
  for (std::size_t d = 0; d < index.size(); ++d)
    offset = offset * program_.network.tensors[tensor].extents[d] + index[d];
  return static_cast<std::size_t>(offset);
}

bool MemoryImage::holds(std::size_t channel, workloads::TensorId tensor, std::span<const std::int64_t> index) const {
  const auto& layout = program_.layouts[tensor];
  const auto address =
      mapping::address_of(layout, program_.network.tensors[tensor].extents, index, program_.word_bytes);
  return mapping::holds(layout, address, channel, channels_);
}

RegionValues MemoryImage::read(std::size_t channel, const Order& order) const {
  const auto tensor = program_.parts[order.part].tensor;
  RegionValues values(order.region);
  for_each_index(order.region, [&](std::span<const std::int64_t> index) {
    if (holds(channel, tensor, index)) values.set(index, values_[tensor][flat(tensor, index)]);
  });
  return values;
}

void MemoryImage::write(std::size_t channel, const Order& order) {
  const auto tensor = program_.parts[order.part].tensor;
  for_each_index(order.region, [&](std::span<const std::int64_t> index) {
    if (holds(channel, tensor, index)) values_[tensor][flat(tensor, index)] = order.values->at(index);
  });
}

}  // namespace tessera::hw
