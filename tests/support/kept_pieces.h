// What stays in the buffers: layers that use the same filters one after the other, with trees that
// keep them from one to the next, and a map that tiles keep beside DRAM.
#pragma once

#include <string>
#include <vector>

#include "hw_models/description/accelerator.h"
#include "mapping/program.h"
#include "mapping/schedule.h"
#include "workloads/network.h"

namespace tessera::test {

/// `pieces` layers that multiply `images` inputs of 16 each with the same filters of 32 bytes.
/// `between`: filters of a layer of its own after the first piece; 0: none. The tensors of layer i
/// are 3 i (inputs), 3 i + 1 (filters; the pieces use the first one's) and 3 i + 2 (outputs).
workloads::Network pieces_of(int pieces, int images, int filters, int between = 0);

/// A layer on some tiles, images dealt to them; its filters kept from an earlier layer, shared.
mapping::Node piece_on(const workloads::Layer& layer, std::vector<int> tiles,
                       const std::string& kept_from, int shared_by = 1);

mapping::Schedule sequence_of(std::vector<mapping::Node> layers);

/// All layers on tile 0, the filters of the pieces kept from one to the next, or not.
mapping::Schedule kept_pieces(const workloads::Network& network, bool keep = true);

/// A map of `tiles` images, made on as many tiles by stage 0 and saved in DRAM. They keep it until
/// stage 1 has read it; stage 2 reads it in DRAM; stage 3 adds both.
mapping::Program kept_map(const hw::Accelerator& accelerator, int tiles);

}  // namespace tessera::test
