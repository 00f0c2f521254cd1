// Which channel an address belongs to.
#pragma once

#include <cstdint>

namespace tessera::dram {

/// Spreads a machine's addresses over its channels in turns of `unit_bytes`. The number of channels
/// may be any; with a power of two the turn can be hashed, so that streams whose distance is a
/// multiple of channels * unit do not all meet in one channel. A unit as large as a channel gives
/// each channel one contiguous part of the addresses (partitioned placement).
class AddressInterleaver {
 public:
  struct Config {
    std::uint32_t channels = 1;
    std::uint64_t unit_bytes = 256;
    /// XOR the channel with all higher bits of the turn number.
    bool hashed = false;
  };
  struct Place {
    std::uint32_t channel = 0;
    std::uint64_t address = 0;  ///< byte address inside the channel
    bool operator==(const Place&) const = default;
  };

  /// UserError when channels or unit are 0, the unit is no power of two, or hashing is asked for
  /// with a number of channels that is none.
  explicit AddressInterleaver(const Config& config);

  Place locate(std::uint64_t address) const;
  /// The inverse of `locate`.
  std::uint64_t address_of(const Place& place) const;
  const Config& config() const { return config_; }

 private:
  std::uint32_t hash_of(std::uint64_t turn) const;

  Config config_;
  std::uint32_t unit_shift_ = 0;
  std::uint32_t channel_bits_ = 0;
};

}  // namespace tessera::dram
