// Elements that are handed over once, by stages of a pipeline, and what has come of them.
#pragma once

#include <vector>

#include "mapping/program_index.h"

namespace tessera::mapping {

/// True when all elements of the tensor come out of streamed slots, which give each away once.
bool comes_once(const ProgramIndex& index, workloads::TensorId tensor);

/// Whatever has been received of a tensor is not asked for again.
class ReceivedRegions {
 public:
  /// Boxes of `next` that have not been received before; from now on they have.
  std::vector<workloads::Region> advance(const workloads::Region& next);

 private:
  void remember(workloads::Region next);

  std::vector<workloads::Region> received_;  ///< few: boxes that form one are merged
};

}  // namespace tessera::mapping
