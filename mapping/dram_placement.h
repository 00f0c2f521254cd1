// Where tensors lie in the DRAM channels: the part of a schedule that decides bases and channels.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mapping/program.h"

namespace tessera::mapping {

/// One tensor's channels, when they are given by hand.
struct TensorPlacement {
  std::string tensor;
  int first_channel = 0;
  int channels = 1;  ///< stripes go round this many, from the first on
};

/// All addresses and sizes are bytes inside a channel. A tensor begins at the same address in every
/// channel that holds part of it.
struct DramPlacement {
  enum class Channels {
    kInterleaved,  ///< the stripes of every tensor go round all channels
    kPartitioned   ///< a tensor lies in one channel, the one with the least data so far
  };
  Channels channels = Channels::kInterleaved;
  Bytes interleave_bytes = 0;  ///< stripe; 0: the accelerator's dram_interleave_bytes
  bool hashed = false;         ///< XOR a stripe's turn with all higher bits of its number
  Copies weight_copies = Copies::kOne;
  /// Bases are multiples of this; 0: tensors follow each other closely. A multiple of what lies
  /// below the row bits of the address mapping puts all tensors' bases into the same bank.
  Bytes base_alignment_bytes = 0;
  /// The n-th tensor of the network begins n times this above its aligned base, modulo the
  /// alignment.
  Bytes base_stagger_bytes = 0;
  /// Tensors of layers that are not fused lie in blocks made for the pieces in which the schedule
  /// moves them, so that bursts of this size are full; 0: channels fastest.
  Bytes fitted_to_burst_bytes = 0;
  std::vector<TensorPlacement> tensors;  ///< exceptions
};

/// What can be said without network and machine. UserError with `origin` and field.
void check_placement(const DramPlacement& placement, const std::string& origin);

/// Gives every layout its channels and base; footprints are known. Only tensors with a part in DRAM
/// count for the balance of partitioned channels. UserError naming a tensor or channel that does
/// not exist.
void place_in_dram(const DramPlacement& placement, std::size_t channels, Bytes default_interleave,
                   Program& program);

}  // namespace tessera::mapping
