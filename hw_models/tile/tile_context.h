// What all tiles of a machine share and only read.
#pragma once

#include <vector>

#include "hw_models/description/accelerator.h"
#include "hw_models/tile/compute_model.h"
#include "hw_models/tile/message.h"
#include "hw_models/tile/tool_machine.h"
#include "mapping/program_index.h"

namespace tessera::hw {

/// The machine's description and program, the costs of computing, and which nodes of the network
/// the memories are: tiles come first, then the DRAM interfaces, then the shared buffers.
struct TileContext {
  const hw::Accelerator& accelerator;
  const mapping::Program& program;
  const mapping::ProgramIndex& index;
  ComputeModel& compute;
  bool functional = false;
  bool whole_blocks =
      false;  ///< idealisation toolwords counts as Interstellar does, not as Timeloop
  ToolMachine* tool = nullptr;  ///< idealisations make nn_dataflow's machine of this one

  bool ideal(Ideal part) const { return accelerator.ideal.has(part); }

  NodeId dram_node(std::size_t channel) const {
    return static_cast<NodeId>(accelerator.tiles()) + static_cast<NodeId>(channel);
  }
  NodeId shared_node(std::size_t buffer) const {
    return dram_node(accelerator.dram.size() + buffer);
  }

  // Of a part that lives in a memory: the channels are DRAM's, or the shared buffers.
  std::size_t channels(mapping::Home home) const {
    return home == mapping::Home::kShared ? accelerator.shared_buffers.size()
                                          : accelerator.dram.size();
  }
  NodeId memory_node(mapping::Home home, std::size_t channel) const {
    return home == mapping::Home::kShared ? shared_node(channel) : dram_node(channel);
  }
  /// The bytes of a region of the part that an order asks of each channel, as addresses inside it.
  std::vector<std::vector<mapping::Run>> runs_per_channel(const mapping::Part& part,
                                                          const workloads::Region& region,
                                                          const Order& order) const;
  /// Of the whole part, in one channel.
  Bytes bytes_in(std::size_t channel, const mapping::Part& part) const;

 private:
  std::size_t channel_of_copy(mapping::Copies copies, const Order& order) const;
};

}  // namespace tessera::hw
