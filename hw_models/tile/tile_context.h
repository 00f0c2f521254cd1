// What all tiles of a machine share and only read.
#pragma once

#include <vector>

#include "hw_models/description/accelerator.h"
#include "hw_models/tile/compute_model.h"
#include "hw_models/tile/message.h"
#include "mapping/program_index.h"

namespace tessera::hw {

/// Deals DRAM addresses to channels in stripes.
class ChannelStripes {
 public:
  ChannelStripes(std::size_t channels, Bytes stripe_bytes) : channels_(channels), stripe_bytes_(stripe_bytes) {}

  std::size_t channels() const { return channels_; }
  std::size_t channel_of(std::uint64_t address) const { return address / stripe_bytes_ % channels_; }
  /// The bytes of `runs` that each channel holds, as addresses inside the channel.
  std::vector<std::vector<mapping::Run>> deal(const std::vector<mapping::Run>& runs) const;

 private:
  std::size_t channels_;
  Bytes stripe_bytes_;
};

struct TileContext {
  const hw::Accelerator& accelerator;
  const mapping::Program& program;
  const mapping::ProgramIndex& index;
  ComputeModel& compute;
  ChannelStripes stripes;
  bool functional = false;
  bool whole_blocks = false;  ///< idealisation toolwords counts as Interstellar does, not as Timeloop

  bool ideal(Ideal part) const { return accelerator.ideal.has(part); }

  NodeId dram_node(std::size_t channel) const {
    return static_cast<NodeId>(accelerator.tiles()) + static_cast<NodeId>(channel);
  }
};

}  // namespace tessera::hw
