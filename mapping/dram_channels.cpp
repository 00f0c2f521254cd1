#include "mapping/dram_channels.h"

#include <algorithm>

namespace tessera::mapping {

std::size_t ways_of(const DramLayout& layout, std::size_t channels) {
  if (layout.copies != Copies::kOne) return 1;
  return layout.channels > 0 ? static_cast<std::size_t>(layout.channels) : channels;
}

bool holds_part(const DramLayout& layout, std::size_t channel, std::size_t channels) {
  if (layout.copies != Copies::kOne) return true;
  const std::size_t turn =
      (channel + channels - static_cast<std::size_t>(layout.first_channel)) % channels;
  return turn < ways_of(layout, channels);
}

bool holds(const DramLayout& layout, std::uint64_t address, std::size_t channel,
           std::size_t channels) {
  if (layout.copies != Copies::kOne) return true;
  const std::uint64_t stripe = (address - layout.base_address) / layout.stripe_bytes;
  const std::size_t turn = stripe % ways_of(layout, channels);
  return (static_cast<std::size_t>(layout.first_channel) + turn) % channels == channel;
}

Bytes bytes_per_channel(const DramLayout& layout, std::size_t channels) {
  const std::size_t ways = ways_of(layout, channels);
  if (ways == 1) return layout.footprint_bytes;
  return ceil_div(layout.footprint_bytes, layout.stripe_bytes * ways) * layout.stripe_bytes;
}

std::vector<std::vector<Run>> deal(const DramLayout& layout, const std::vector<Run>& runs,
                                   std::size_t channels) {
  std::vector<std::vector<Run>> dealt(channels);
  const std::size_t ways = ways_of(layout, channels);
  for (const auto& run : runs) {
    std::uint64_t offset = run.address - layout.base_address;
    const std::uint64_t end = offset + run.bytes;
    while (offset < end) {
      const std::uint64_t stripe = offset / layout.stripe_bytes;
      const std::uint64_t inside = offset % layout.stripe_bytes;
      const Bytes bytes = std::min(end - offset, layout.stripe_bytes - inside);
      const std::uint64_t address =
          layout.base_address + stripe / ways * layout.stripe_bytes + inside;
      auto& channel =
          dealt[(static_cast<std::size_t>(layout.first_channel) + stripe % ways) % channels];
      if (!channel.empty() && channel.back().address + channel.back().bytes == address)
        channel.back().bytes += bytes;
      else
        channel.push_back({address, bytes});
      offset += bytes;
    }
  }
  return dealt;
}

}  // namespace tessera::mapping
