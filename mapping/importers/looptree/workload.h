// LoopTree workloads: a list of einsums that read each other's outputs.
#pragma once

#include <string>

#include "workloads/network.h"

namespace tessera::mapping::importers {

/// One layer per einsum, in file order; tensors in the order in which they first appear. Names of
/// dimensions are unique over the whole file, as the mapping refers to them without an einsum.
/// UserError with file, line, column and token for malformed files.
workloads::Network load_looptree_workload(const std::string& path);

/// Same from text; `origin` names it in messages.
workloads::Network parse_looptree_workload(const std::string& text, const std::string& origin);

}  // namespace tessera::mapping::importers
