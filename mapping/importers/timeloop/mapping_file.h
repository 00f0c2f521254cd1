// Timeloop v0.4 mapping files into the schedule tree.
#pragma once

#include <string>

#include "mapping/importers/timeloop/architecture.h"
#include "mapping/schedule.h"
#include "workloads/network.h"

namespace tessera::mapping::importers {

/// The tree has one leaf. A store node stands for every storage of the architecture, outermost
/// first, also for one that all tensors bypass (it still cuts the loop nest in two); its `memory`
/// is the storage's name. Loops with a factor of one are left out; a residual factor shows as a
/// tile that does not divide what the loops outside leave. Splits carry the name of their container
/// and the outermost of one container comes first, y before x as in Timeloop's nest.
///
/// UserError with file, line and column when the directives do not fit the architecture or the
/// problem: unknown targets, dimensions or tensors, factors whose product is not the dimension, a
/// mesh that is too small, a tensor kept nowhere, directives given twice, skewed fan-outs.
Schedule load_timeloop_mapping(const std::string& path, const TimeloopArchitecture& architecture,
                               const workloads::Network& network);

/// Same from text; `origin` names it in messages.
Schedule parse_timeloop_mapping(const std::string& text, const std::string& origin,
                                const TimeloopArchitecture& architecture,
                                const workloads::Network& network);

}  // namespace tessera::mapping::importers
