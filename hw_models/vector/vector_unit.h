// The vector unit of a tile: everything a layer computes outside multiply-accumulate.
#pragma once

#include <cstdint>
#include <string>

#include "hw_models/buffer/buffer_ports.h"
#include "hw_models/description/accelerator.h"
#include "sim/base/types.h"

namespace tessera::hw {

enum class FunctionClass {
  kSimple,   ///< add, multiply, compare, shift: a group of lanes per cycle
  kSpecial,  ///< exp, sqrt, division, erf, tanh: special_function_cycles per group
};

/// Up to three operands are read through the array's read streams; results use the output stream.
inline constexpr int kMostVectorInputs = 3;

/// One vector instruction.
struct VectorWork {
  std::int64_t elements = 1;  ///< results of the last pass, in words
  std::int64_t window =
      1;           ///< operand elements that each result combines (pooling); read for each result
  int inputs = 1;  ///< operand streams, 0 (fill with a constant) to 3
  int passes = 1;  ///< runs over the operands; only the last writes results
  FunctionClass function = FunctionClass::kSimple;
  bool reduction =
      false;  ///< a pass that is not the last folds the lanes to one value before the next starts
  std::int64_t input_line[kMostVectorInputs] = {};  ///< first buffer line of each operand
  std::int64_t output_line = 0;                     ///< first buffer line of the results
};

/// What one vector instruction takes and moves.
struct VectorTiming {
  Cycle cycles = 0;             ///< from the start to the cycle after the last buffer write
  Cycle busy = 0;               ///< cycles in which a group of lanes occupies the unit
  std::int64_t operations = 0;  ///< element operations: elements x window x passes
  std::int64_t words_read = 0;
  std::int64_t words_written = 0;
  std::int64_t lines_read = 0;
  std::int64_t lines_written = 0;
  bool operator==(const VectorTiming&) const = default;
};

/// `lanes` elements wide, fed from and writing to the tile buffer through port A. Lines are read
/// ahead into a FIFO of at least two rotations per stream, so that only the first line of a pass
/// waits for its bank. Leaves out: values, chaining with the PE array, and lanes of different
/// functions.
class VectorUnit {
 public:
  VectorUnit(const VectorUnitDescription& unit, const BufferDescription& buffer, int word_bytes);

  /// Cycles and counts when the work starts in cycle `start`; depends on start modulo the slot
  /// period only.
  VectorTiming time(const VectorWork& work, Cycle start) const;

  /// UserError when the unit cannot execute the work; `origin` leads the message.
  static void check(const VectorWork& work, const std::string& origin);

 private:
  /// What a run over the operands leaves behind.
  struct Pass {
    Cycle last_issue = 0;
    Cycle first_write =
        0;  ///< earliest start of a burst of writes, a line per slot, that never runs dry
  };

  Pass run_pass(const VectorWork& work, Cycle start) const;
  Cycle operands_ready(const VectorWork& work, Cycle start) const;
  Cycle issue_cycles(const VectorWork& work) const;
  Cycle result_latency(const VectorWork& work) const;
  Cycle fold_latency() const;

  VectorUnitDescription unit_;
  BufferPorts ports_;
  std::int64_t words_per_line_;
};

}  // namespace tessera::hw
