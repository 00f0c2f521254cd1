// Regions as sets of elements: whether some regions hold all elements of another.
#pragma once

#include <string>
#include <vector>

#include "workloads/layer.h"

namespace tessera::mapping::checker {

/// True when `outer` has every element of `inner`; exact for any steps.
bool contains(const workloads::Region& outer, const workloads::Region& inner);

/// True when every element of `needed` is in at least one of the regions; exact for any steps.
bool covered(const workloads::Region& needed, const std::vector<const workloads::Region*>& regions);

/// "[0,6) x [3]" with steps as "[0,6):2", for messages.
std::string to_text(const workloads::Region& region);

}  // namespace tessera::mapping::checker
