// What one region has that another has not.
#pragma once

#include <vector>

#include "workloads/layer.h"

namespace tessera::mapping {

/// Elements of `from` without those of `hole`, as disjoint boxes; none when nothing is left. Both
/// have step 1 in every dimension of more than one index.
std::vector<workloads::Region> difference(const workloads::Region& from,
                                          const workloads::Region& hole);

}  // namespace tessera::mapping
