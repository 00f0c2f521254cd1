// What all tiles of a machine share and only read.
#pragma once

#include <vector>

#include "hw_models/description/accelerator.h"
#include "hw_models/tile/compute_model.h"
#include "hw_models/tile/message.h"
#include "mapping/program_index.h"

namespace tessera::hw {

/// Deals the addresses of a memory to its channels (DRAM channels, shared buffers) in stripes.
class ChannelStripes {
 public:
  ChannelStripes(std::size_t channels, Bytes stripe_bytes)
      : channels_(channels), stripe_bytes_(stripe_bytes) {}

  std::size_t channels() const { return channels_; }
  std::size_t channel_of(std::uint64_t address) const {
    return address / stripe_bytes_ % channels_;
  }
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
  ChannelStripes dram_stripes, shared_stripes;
  bool functional = false;

  NodeId dram_node(std::size_t channel) const {
    return static_cast<NodeId>(accelerator.tiles()) + static_cast<NodeId>(channel);
  }
  NodeId shared_node(std::size_t buffer) const {
    return dram_node(accelerator.dram.size() + buffer);
  }

  // Of a part that lives in a memory.
  const ChannelStripes& stripes_of(mapping::Home home) const {
    return home == mapping::Home::kShared ? shared_stripes : dram_stripes;
  }
  NodeId memory_node(mapping::Home home, std::size_t channel) const {
    return home == mapping::Home::kShared ? shared_node(channel) : dram_node(channel);
  }
  /// The bytes of a region of the part that each channel holds.
  std::vector<std::vector<mapping::Run>> deal(const mapping::Part& part,
                                              const workloads::Region& region) const;
  /// Of the whole part, in one channel.
  Bytes bytes_in(std::size_t channel, const mapping::Part& part) const;
};

}  // namespace tessera::hw
