// What an array instruction moves out of the buffer as Timeloop counts it.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "mapping/array_mapping.h"
#include "workloads/layer.h"

namespace tessera::hw {

/// Words of both inputs for a rank tile with these extents. Every PE's tile counts by itself unless
/// the ranks that its split deals do not index the operand (a multicast): windows of neighbours
/// that overlap, as along a diagonal, count for each. Kept tiles that slide need only what is new;
/// an operand without registers is counted again in every step.
std::array<std::int64_t, 2> tool_words(const workloads::Layer& layer,
                                       const mapping::ArrayMapping& mapping,
                                       const std::vector<std::int64_t>& extents);

/// The blocks that the registers of all PEs together keep of an input while a rank tile runs, as
/// Interstellar counts them: the box around all words, gaps included, fetched whole when its
/// coordinates change.
struct KeptBlocks {
  workloads::Region first, last;
};
KeptBlocks kept_blocks(const workloads::Layer& layer, const mapping::ArrayMapping& mapping,
                       int kind, const workloads::RankTile& ranks);

}  // namespace tessera::hw
