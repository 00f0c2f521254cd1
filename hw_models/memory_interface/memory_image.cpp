#include "hw_models/memory_interface/memory_image.h"

namespace tessera::hw {

MemoryImage::MemoryImage(const mapping::Program& program, ChannelStripes stripes, workloads::TensorValues values)
    : program_(program), stripes_(stripes), values_(std::move(values)) {
  for (std::size_t t = 0; t < values_.size(); ++t)
    values_[t].resize(static_cast<std::size_t>(program.network.tensors[t].elements()));
}

std::size_t MemoryImage::flat(workloads::TensorId tensor, std::span<const std::int64_t> index) const {
  std::int64_t offset = 0;
  for (std::size_t d = 0; d < index.size(); ++d)
    offset = offset * program_.network.tensors[tensor].extents[d] + index[d];
  return static_cast<std::size_t>(offset);
}

std::size_t MemoryImage::channel_of(workloads::TensorId tensor, std::span<const std::int64_t> index) const {
  return stripes_.channel_of(mapping::address_of(program_.layouts[tensor], program_.network.tensors[tensor].extents,
                                                 index, program_.word_bytes));
}

RegionValues MemoryImage::read(std::size_t channel, const Order& order) const {
  const auto tensor = program_.parts[order.part].tensor;
  RegionValues values(order.region);
  for_each_index(order.region, [&](std::span<const std::int64_t> index) {
    if (channel_of(tensor, index) == channel) values.set(index, values_[tensor][flat(tensor, index)]);
  });
  return values;
}

namespace {

/// Granules of outputs are disjoint: the first index tells them apart.
std::pair<int, std::vector<std::int64_t>> place_of(const Order& order) {
  std::vector<std::int64_t> first;
  for (const auto& range : order.region.dimensions) first.push_back(range.begin);
  return {order.part, std::move(first)};
}

}  // namespace

std::shared_ptr<const workloads::Accumulators> MemoryImage::sums(const Order& order) const {
  return sums_.at(place_of(order));
}

void MemoryImage::write(std::size_t channel, const Order& order) {
  if (order.partial) {
    sums_[place_of(order)] = order.sums;
    return;
  }
  const auto tensor = program_.parts[order.part].tensor;
  for_each_index(order.region, [&](std::span<const std::int64_t> index) {
    if (channel_of(tensor, index) == channel) values_[tensor][flat(tensor, index)] = order.values->at(index);
  });
}

}  // namespace tessera::hw
