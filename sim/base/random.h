// Seeded random numbers with the same sequence on every machine: the standard engines are portable,
// the standard distributions are not, so the few distributions needed are written out here.
#pragma once

#include <cmath>
#include <cstdint>

namespace tessera {

/// Bernoulli trials with 0 < probability <= 1; what many draws share.
struct Geometric {
  Geometric(double probability)  // NOLINT: a probability is all there is to say
      : certain(probability >= 1.0), log_of_failure(certain ? 0 : std::log1p(-probability)) {}
  bool certain;
  double log_of_failure;
};

/// xoshiro256** by Blackman and Vigna (public domain reference algorithm), seeded through
/// splitmix64.
class Random {
 public:
  explicit Random(std::uint64_t seed) {
    for (auto& word : state_) word = splitmix(seed);
  }

  std::uint64_t next() {
    const std::uint64_t result = rotate(state_[1] * 5, 7) * 9;
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = rotate(state_[3], 45);
    return result;
  }

  /// Uniform in [0, bound), bound > 0; without modulo bias beyond 2^-64.
  std::uint64_t below(std::uint64_t bound) {
    return static_cast<std::uint64_t>((static_cast<Wide>(next()) * bound) >> 64);
  }

  /// Uniform in [low, high], both included.
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(high - low) + 1));
  }

  /// Uniform in [0, 1) with 53 random bits.
  double uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

  bool bernoulli(double probability) { return uniform() < probability; }

  /// Number of Bernoulli trials until and including the first success.
  std::uint64_t geometric(const Geometric& trials) {
    if (trials.certain) return 1;
    return 1 + static_cast<std::uint64_t>(std::log1p(-uniform()) / trials.log_of_failure);
  }

 private:
  /// Not in the standard; every compiler for 64-bit machines has it.
  __extension__ using Wide = unsigned __int128;

  static std::uint64_t splitmix(std::uint64_t& seed) {
    std::uint64_t z = (seed += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  static std::uint64_t rotate(std::uint64_t value, int bits) {
    return (value << bits) | (value >> (64 - bits));
  }

  std::uint64_t state_[4];
};

}  // namespace tessera
