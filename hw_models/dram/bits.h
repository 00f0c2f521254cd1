// Walking the bits of a bank mask.
#pragma once

#include <bit>
#include <cstdint>

namespace tessera::dram {

constexpr std::uint64_t bit(std::uint32_t bank) { return std::uint64_t{1} << bank; }

/// Calls `visit` with the index of every bit that is set, lowest first.
template <typename Visit>
void for_each_bit(std::uint64_t mask, Visit visit) {
  for (; mask != 0; mask &= mask - 1) visit(static_cast<std::uint32_t>(std::countr_zero(mask)));
}

}  // namespace tessera::dram
