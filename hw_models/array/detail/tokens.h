// What moves between the modules of the detailed array.
#pragma once

#include <cstdint>

#include "hw_models/description/accelerator.h"

namespace tessera::hw::detail {

/// Control word of a step, broadcast to all PEs when the sequencer issues it.
struct StepToken {
  std::int64_t step = 0;
  std::int64_t fill[kOperands] =
      {};                       ///< which fill of each operand the step uses; outputs: which tile
  bool closes[kOperands] = {};  ///< the operand's contents are used up after the step
};

/// Words of a streaming operand for one PE and step.
struct OperandToken {
  std::int64_t fill = 0;
};

/// Words on a multicast bus, or one position's words in a shift chain.
struct WordsToken {
  std::int64_t fill = 0;
  std::int64_t words = 0;
  std::int64_t of = 0;  ///< bus: words of the whole fill
  int target = -1;      ///< position in the shift chain where the words belong; -1: bus
};

/// A PE has received or used up a fill.
struct FillToken {
  std::int64_t fill = 0;
};

/// A sum, or the right of a column's next PE to add to it.
struct SumToken {
  std::int64_t tile = 0;
};

}  // namespace tessera::hw::detail
