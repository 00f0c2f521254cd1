// How the bytes of a tensor are dealt to the DRAM channels of a machine.
#pragma once

#include <cstddef>
#include <vector>

#include "mapping/dram_runs.h"
#include "mapping/program.h"

namespace tessera::mapping {

/// Number of channels that the stripes of a tensor go round in a machine of `channels`; 1 when
/// every channel has a copy of its own.
std::size_t ways_of(const DramLayout& layout, std::size_t channels);

/// Whether the channel holds any stripe, or a copy, of the tensor.
bool holds_part(const DramLayout& layout, std::size_t channel, std::size_t channels);

/// Whether the channel holds the byte that lies at `address` of the layout (as runs_of counts).
bool holds(const DramLayout& layout, std::uint64_t address, std::size_t channel,
           std::size_t channels);

/// Bytes from the base that the tensor takes in each channel that holds part of it.
Bytes bytes_per_channel(const DramLayout& layout, std::size_t channels);

/// The bytes of `runs` (of runs_of) that each channel holds, as addresses inside the channel. Not
/// for tensors with copies: all bytes of a copy lie in the channel of its reader's choice, at the
/// addresses that runs_of gives.
std::vector<std::vector<Run>> deal(const DramLayout& layout, const std::vector<Run>& runs,
                                   std::size_t channels);

}  // namespace tessera::mapping
