// An instruction of the PE array and what its execution costs. hw_models/array/README.md has the
// rules.
#pragma once

#include <cstdint>
#include <vector>

#include "hw_models/description/accelerator.h"
#include "sim/base/types.h"

namespace tessera::hw {

/// A temporal loop between buffer and PEs.
struct ArrayLoop {
  std::int64_t count = 1;
  bool indexes[kOperands] = {};  ///< operands whose words change with the loop
};

/// How one operand moves between buffer and PEs.
struct ArrayOperand {
  std::int64_t words_per_fill =
      0;                ///< bus words of one fill (drain), all PEs together; 0: operand not used
  int store_depth = 0;  ///< the register store stands inside the first `store_depth` loops
  std::int64_t multicast =
      1;  ///< PEs that receive each word; outputs: PEs whose sums each word collects
  bool double_buffered = false;     ///< a second register copy
  std::int64_t register_words = 0;  ///< kept in one PE per copy; 0: an even share of a fill
  /// Inputs in rings: words that are new when only the innermost loop that indexes the operand has
  /// moved on; 0: every fill is whole.
  std::int64_t slide_words = 0;
};

/// One array instruction: a nest of temporal loops, outermost first. A step is one iteration of all
/// of them: every active PE does one multiply-accumulate (macs_per_pe lanes).
struct ArrayWork {
  int rows_used = 1;
  int columns_used = 1;
  std::vector<ArrayLoop> loops;
  ArrayOperand operand[kOperands];
  SpatialReduction reduction = SpatialReduction::kNone;
  bool accumulate_in_buffer =
      false;              ///< sums of an earlier instruction are read before the first step
  std::int64_t macs = 0;  ///< useful multiply-accumulates, at most those of all steps and lanes
  std::int64_t line_address[kOperands] = {};  ///< first buffer line of each operand's words
};

/// Event counts of one instruction; independent of when it runs.
struct ArrayCounts {
  std::int64_t macs = 0;
  std::int64_t mac_slots = 0;              ///< steps x active PEs x lanes
  std::int64_t bus_words[kOperands] = {};  ///< outputs: drained words
  std::int64_t partial_sum_words = 0;      ///< words read back over the output bus
  std::int64_t register_words[kOperands] =
      {};                              ///< words that delivery writes into registers of all PEs
  std::int64_t lines[kOperands] = {};  ///< buffer line accesses; outputs: written lines
  std::int64_t partial_sum_lines = 0;  ///< lines read back
  std::int64_t register_accesses =
      0;                            ///< by the multiply-accumulates: two operands, sum in and out
  std::int64_t register_fills = 0;  ///< words written on delivery or read on drain, all PEs
  std::int64_t array_hops = 0;      ///< words x PEs that each passes or reaches
  bool operator==(const ArrayCounts&) const = default;
};

/// cycles = steady + fill + drain + stall.
struct ArrayTiming {
  Cycle cycles = 0;  ///< from the start to the cycle after the last buffer write
  Cycle steady = 0;  ///< steps
  Cycle fill = 0;    ///< before the first step
  Cycle drain = 0;   ///< after the last step's issue
  Cycle stall = 0;   ///< between first and last step, without a step
  ArrayCounts counts;
  bool operator==(const ArrayTiming&) const = default;
};

}  // namespace tessera::hw
