#include "hw_models/memory_interface/memory_image.h"

#include "mapping/dram_channels.h"

namespace tessera::hw {

MemoryImage::MemoryImage(const TileContext& context, workloads::TensorValues values)
    : context_(context), values_(std::move(values)) {
  for (std::size_t t = 0; t < values_.size(); ++t)
    values_[t].resize(static_cast<std::size_t>(context.program.network.tensors[t].elements()));
}

std::size_t MemoryImage::flat(workloads::TensorId tensor,
                              std::span<const std::int64_t> index) const {
  std::int64_t offset = 0;
  for (std::size_t d = 0; d < index.size(); ++d)
    offset = offset * context_.program.network.tensors[tensor].extents[d] + index[d];
  return static_cast<std::size_t>(offset);
}

bool MemoryImage::holds(std::size_t channel, const mapping::Part& part,
                        std::span<const std::int64_t> index) const {
  const auto& program = context_.program;
  const auto& layout = program.layout_of(part);
  const auto address = mapping::address_of(layout, program.network.tensors[part.tensor].extents,
                                           index, program.word_bytes);
  return mapping::holds(layout, address, channel, context_.channels(part.home));
}

RegionValues MemoryImage::read(std::size_t channel, const Order& order) const {
  const auto& part = context_.program.parts[order.part];
  const auto tensor = part.tensor;
  RegionValues values(order.region);
  for_each_index(order.region, [&](std::span<const std::int64_t> index) {
    if (holds(channel, part, index)) values.set(index, values_[tensor][flat(tensor, index)]);
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
  const auto& part = context_.program.parts[order.part];
  const auto tensor = part.tensor;
  for_each_index(order.region, [&](std::span<const std::int64_t> index) {
    if (holds(channel, part, index)) values_[tensor][flat(tensor, index)] = order.values->at(index);
  });
}

}  // namespace tessera::hw
