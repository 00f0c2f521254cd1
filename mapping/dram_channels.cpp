#include "mapping/dram_channels.h"

#include <algorithm>
#include <bit>

namespace tessera::mapping {

namespace {

/// Which of its channels holds a stripe. Hashed, the low bits of the number are XORed with all
/// groups of as many bits above them: every row of `ways` stripes still has one in each channel.
std::size_t turn_of(const DramLayout& layout, std::uint64_t stripe, std::size_t ways) {
  if (!layout.hashed || ways < 2) return stripe % ways;
  const int bits = std::countr_zero(ways);
  std::uint64_t hash = 0;
  for (; stripe != 0; stripe >>= bits) hash ^= stripe;
  return hash % ways;
}

}  // namespace

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
  const std::size_t turn = turn_of(layout, stripe, ways_of(layout, channels));
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
          dealt[(static_cast<std::size_t>(layout.first_channel) + turn_of(layout, stripe, ways)) %
                channels];
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
