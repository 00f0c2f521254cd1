#include "hw_models/tile/tile_context.h"

#include <algorithm>

namespace tessera::hw {

std::vector<std::vector<mapping::Run>> ChannelStripes::deal(
    const std::vector<mapping::Run>& runs) const {
  std::vector<std::vector<mapping::Run>> dealt(channels_);
  for (const auto& run : runs) {
    std::uint64_t address = run.address;
    const std::uint64_t end = run.address + run.bytes;
    while (address < end) {
      const std::uint64_t stripe = address / stripe_bytes_;
      const std::uint64_t offset = address % stripe_bytes_;
      const Bytes bytes = std::min(end - address, stripe_bytes_ - offset);
      const std::uint64_t local = stripe / channels_ * stripe_bytes_ + offset;
      auto& channel = dealt[stripe % channels_];
      if (!channel.empty() && channel.back().address + channel.back().bytes == local)
        channel.back().bytes += bytes;
      else
        channel.push_back({local, bytes});
      address += bytes;
    }
  }
  return dealt;
}

std::vector<std::vector<mapping::Run>> TileContext::deal(const mapping::Part& part,
                                                         const workloads::Region& region) const {
  return stripes_of(part.home).deal(mapping::runs_of(program.layout_of(part),
                                                     program.network.tensors[part.tensor].extents,
                                                     region, program.word_bytes));
}

Bytes TileContext::bytes_in(std::size_t channel, const mapping::Part& part) const {
  Bytes bytes = 0;
  const auto dealt = deal(part, part.region);
  for (const auto& run : dealt[channel]) bytes += run.bytes;
  return bytes;
}

}  // namespace tessera::hw
