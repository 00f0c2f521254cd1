// LoopTree fused mappings into the schedule tree.
#pragma once

#include <string>

#include "mapping/importers/timeloop/architecture.h"
#include "mapping/schedule.h"
#include "workloads/network.h"

namespace tessera::mapping::importers {

/// Nodes map one to one: `storage` to a store node (its integer target counts the architecture's
/// components, 0 outermost; `memory` is the component's name), `temporal` to a loop, `spatial` to a
/// split, `sequential` and `pipeline` to a sequence and a pipeline, `compute` to a leaf. Splits
/// alternate between the array's y and x.
///
/// UserError with file, line, column and token: unknown node types, targets, ranks, tensors or
/// einsums, lists that do not end in a branch or a compute node, nodes after one, `factor` instead
/// of `tile_shape`, einsums without or with two leaves.
Schedule load_looptree_mapping(const std::string& path, const TimeloopArchitecture& architecture,
                               const workloads::Network& network);

/// Same from text; `origin` names it in messages.
Schedule parse_looptree_mapping(const std::string& text, const std::string& origin,
                                const TimeloopArchitecture& architecture,
                                const workloads::Network& network);

}  // namespace tessera::mapping::importers
