// Timeloop v0.4 problem files: one layer as ranks, tensors and projections.
#pragma once

#include <string>

#include "workloads/network.h"

namespace tessera::mapping::importers {

/// A network of one layer, named after the problem's shape. Tensors are in the order of
/// `data_spaces`, which is the order of the tool's tables. Padding is implicit: a tensor extends as
/// far as the ranks reach. UserError with file, line and column for malformed files, flattened
/// ranks, negative coefficients and sparse tensors.
workloads::Network load_timeloop_problem(const std::string& path);

/// Same from text; `origin` names it in messages.
workloads::Network parse_timeloop_problem(const std::string& text, const std::string& origin);

}  // namespace tessera::mapping::importers
