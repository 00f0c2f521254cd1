// LoopTree's three files as the inputs of a run: workload, fused mapping, architecture.
#pragma once

#include <string>

#include "hw_models/description/accelerator.pb.h"
#include "mapping/importers/machine/tool_case.h"
#include "mapping/schedule.h"
#include "workloads/network.h"

namespace tessera::app {

/// A YAML file with a mapping of type fused, a list of einsums, or an architecture tree. False for
/// other files.
bool is_looptree_mapping(const std::string& path);
bool is_looptree_workload(const std::string& path);
bool is_looptree_architecture(const std::string& path);

workloads::Network load_looptree_network(const std::string& path);

/// `architecture`: file whose memories the mapping counts.
mapping::Schedule load_looptree_schedule(const std::string& path, const std::string& architecture,
                                         const workloads::Network& network);

/// A machine of one tile, or of a row of tiles that share the memory: the outer storage is a DRAM
/// channel re-clocked to the words per cycle of its ports, the inner one the tile buffer with lines
/// as wide as its ports, the mesh the PE array. What the file does not say (clock, registers,
/// network, vector unit) is our choice. UserError when it has other levels.
hw::proto::AcceleratorDescription looptree_machine(const std::string& path, int tiles = 1);

/// Tiles that a mapping needs: one, or one per stage of a pipeline.
int tiles_of_mapping(const mapping::Schedule& schedule);

/// All three together. What stands behind a comma in `architecture` (energies) is for the
/// prediction only.
mapping::importers::ToolCase load_looptree_case(const std::string& workload,
                                                const std::string& mapping,
                                                const std::string& architecture);

}  // namespace tessera::app
