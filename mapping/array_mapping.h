// How a tile of a layer runs on the PE array: the part of the schedule tree below the buffer.
#pragma once

#include <cstdint>
#include <vector>

#include "workloads/layer.h"

namespace tessera::mapping {

/// `ways` neighbouring indices of a rank side by side; several splits on one axis nest, outermost
/// first.
struct SpatialSplit {
  workloads::RankId rank = 0;
  std::int64_t ways = 1;
  bool operator==(const SpatialSplit&) const = default;
};

/// Temporal loop inside the buffer; `tile` is the extent of the rank left inside the loop.
struct ArrayLoopSpec {
  workloads::RankId rank = 0;
  std::int64_t tile = 1;
  bool operator==(const ArrayLoopSpec&) const = default;
};

enum class ArrayOperand { kInput = 0, kWeight = 1, kOutput = 2 };

struct ArrayMapping {
  std::vector<SpatialSplit> rows, columns, lanes;
  std::vector<ArrayLoopSpec> loops;  ///< outermost first
  int store_depth[3] = {};  ///< per operand: its register store stands inside this many loops
  bool double_buffered[3] = {true, true, true};
  bool streamed[3] = {};  ///< inputs that no register keeps: delivered again for every step
};

}  // namespace tessera::mapping
