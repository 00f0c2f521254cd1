// What all tiles of a machine share and only read.
#pragma once

#include <vector>

#include "hw_models/description/accelerator.h"
#include "hw_models/tile/compute_model.h"
#include "hw_models/tile/message.h"
#include "mapping/program_index.h"

namespace tessera::hw {

struct TileContext {
  const hw::Accelerator& accelerator;
  const mapping::Program& program;
  const mapping::ProgramIndex& index;
  ComputeModel& compute;
  bool functional = false;

  std::size_t channels() const { return accelerator.dram.size(); }

  /// The bytes of a tensor's region that an order asks of each channel, as addresses inside the channel.
  std::vector<std::vector<mapping::Run>> runs_per_channel(workloads::TensorId tensor, const workloads::Region& region,
                                                          const Order& order) const;

  NodeId dram_node(std::size_t channel) const {
    return static_cast<NodeId>(accelerator.tiles()) + static_cast<NodeId>(channel);
  }

 private:
  std::size_t channel_of_copy(mapping::Copies copies, const Order& order) const;
};

}  // namespace tessera::hw
