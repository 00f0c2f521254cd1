#include "hw_models/dram/address_interleaver.h"

#include <bit>

#include "sim/base/error.h"

namespace tessera::dram {

AddressInterleaver::AddressInterleaver(const Config& config) : config_(config) {
  if (config.channels == 0) throw UserError("DRAM channels = 0: must be above 0");
  if (!std::has_single_bit(config.unit_bytes))
    throw UserError("DRAM interleaving unit_bytes = ", config.unit_bytes,
                    ": must be a power of two");
  if (config.hashed && !std::has_single_bit(config.channels))
    throw UserError("DRAM channels = ", config.channels,
                    ": must be a power of two for hashed interleaving");
  unit_shift_ = static_cast<std::uint32_t>(std::countr_zero(config.unit_bytes));
  channel_bits_ = static_cast<std::uint32_t>(std::bit_width(config.channels - 1));
}

std::uint32_t AddressInterleaver::hash_of(std::uint64_t turn) const {
  if (!config_.hashed || channel_bits_ == 0) return 0;
  std::uint64_t folded = 0;
  for (; turn != 0; turn >>= channel_bits_) folded ^= turn;
  return static_cast<std::uint32_t>(folded & (config_.channels - 1));
}

AddressInterleaver::Place AddressInterleaver::locate(std::uint64_t address) const {
  const std::uint64_t unit = address >> unit_shift_;
  const std::uint64_t turn = unit / config_.channels;
  const auto slot = static_cast<std::uint32_t>(unit % config_.channels);
  return {slot ^ hash_of(turn), (turn << unit_shift_) | (address & (config_.unit_bytes - 1))};
}

std::uint64_t AddressInterleaver::address_of(const Place& place) const {
  const std::uint64_t turn = place.address >> unit_shift_;
  const std::uint64_t slot = place.channel ^ hash_of(turn);
  return ((turn * config_.channels + slot) << unit_shift_) |
         (place.address & (config_.unit_bytes - 1));
}

}  // namespace tessera::dram
