#include "hw_models/tile/tile_context.h"

#include <algorithm>
#include <cstdlib>

#include "mapping/dram_channels.h"

namespace tessera::hw {

namespace {

/// Sum over the readers of the hops between them and the router of a channel, along a grid.
std::int64_t hops_to(const Accelerator& accelerator, Coordinate at,
                     const std::vector<NodeId>& readers) {
  std::int64_t hops = 0;
  for (const auto reader : readers) {
    const auto tile = accelerator.coordinate(static_cast<int>(reader));
    hops += std::abs(tile.row - at.row) + std::abs(tile.column - at.column);
  }
  return hops;
}

}  // namespace

std::vector<std::vector<mapping::Run>> TileContext::runs_per_channel(
    const mapping::Part& part, const workloads::Region& region, const Order& order) const {
  const auto& layout = program.layout_of(part);
  auto runs = mapping::runs_of(layout, program.network.tensors[part.tensor].extents, region,
                               program.word_bytes);
  if (layout.copies == mapping::Copies::kOne)
    return mapping::deal(layout, runs, channels(part.home));
  std::vector<std::vector<mapping::Run>> dealt(channels(part.home));
  dealt[channel_of_copy(layout.copies, order)] = std::move(runs);
  return dealt;
}

Bytes TileContext::bytes_in(std::size_t channel, const mapping::Part& part) const {
  Bytes bytes = 0;
  const auto dealt = runs_per_channel(part, part.region, {});
  for (const auto& run : dealt[channel]) bytes += run.bytes;
  return bytes;
}

/// Different groups begin with different channels, so that granules of equal number spread.
std::size_t TileContext::channel_of_copy(mapping::Copies copies, const Order& order) const {
  std::vector<std::size_t> choices;
  std::int64_t fewest = 0;
  for (std::size_t channel = 0; channel < accelerator.dram.size(); ++channel) {
    const bool by_hops = copies == mapping::Copies::kNearest;
    const std::int64_t hops =
        by_hops ? hops_to(accelerator, accelerator.dram[channel].at, order.destinations) : 0;
    if (!choices.empty() && hops > fewest) continue;
    if (choices.empty() || hops < fewest) choices.clear();
    fewest = hops;
    choices.push_back(channel);
  }
  const auto turn = static_cast<std::size_t>(order.granule.sequence) + order.destinations.front();
  return choices[turn % choices.size()];
}

}  // namespace tessera::hw
