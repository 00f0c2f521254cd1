// The numbers of an array instruction that its timing rules work with.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hw_models/array/array_work.h"
#include "hw_models/buffer/buffer_ports.h"
#include "hw_models/description/accelerator.h"

namespace tessera::hw {

/// Signed cycles: fills run ahead of the steps that use them.
using Time = std::int64_t;

/// One fill on its way from the buffer.
struct FillPlan {
  std::int64_t words = 0;  ///< all PEs together
  std::int64_t lines = 0;  ///< of the buffer
  Time bus_cycles = 0;     ///< bus occupation
  /// Bus cycles that may be left when the first step that uses the fill is issued: kept inputs of
  /// rings are used in the order they come.
  Time head_start = 0;
};

/// One operand's traffic: fills that change at the same loop, all whole unless windows slide.
struct OperandPlan {
  bool used = false;
  int change_loop =
      -1;  ///< innermost loop that indexes the operand outside its store; -1: one fill
  std::int64_t fills = 1;  ///< register contents in the whole instruction
  std::int64_t steps = 1;  ///< steps per fill
  bool streaming =
      false;  ///< store inside all loops and a fill per step: words are used as they pass
  FillPlan whole;
  FillPlan slid;            ///< words of 0: windows do not slide
  std::int64_t copies = 1;  ///< register copies
  std::int64_t ahead = 1;   ///< whole fills that the line FIFO holds
  Time write_lag =
      0;  ///< outputs: from the first bus cycle to the earliest cycle of the first write
  std::vector<std::int64_t> line_stride;  ///< lines per iteration of each loop up to change_loop

  bool slides() const { return slid.words > 0; }
  const FillPlan& fill(bool has_slid) const { return has_slid ? slid : whole; }
  /// The lines of a slid fill follow those of the window before.
  std::int64_t line_offset(bool has_slid) const { return has_slid ? whole.lines - slid.lines : 0; }
  std::int64_t slid_fills(const ArrayWork& work) const;
};

struct ArrayPlan {
  ArrayPlan(const PeArrayDescription& array, const BufferDescription& buffer, int word_bytes,
            const ArrayWork& work);

  std::int64_t steps = 1;
  std::int64_t mac_slots = 0;        ///< steps x active PEs x lanes
  std::int64_t steps_per_group = 1;  ///< steps between changes of any operand
  int group_loops = 0;               ///< loops outside a group
  OperandPlan operand[kOperands];
  OperandPlan read_back;       ///< partial sums into the array; shape of the output operand
  Time skew = 0;               ///< from the issue of a step to the last PE that executes it
  Time result_latency = 0;     ///< from the issue of a tile's last step to its first bus cycle
  bool weights_first = false;  ///< inputs and read-back sums wait for the first weights
  bool sums_join = false;      ///< rings: read-back sums are needed when their tile's steps end
  std::int64_t result_credits = 0;  ///< streaming outputs: steps whose result may be on its way
  std::int64_t revisit_distance =
      0;                       ///< output tiles between two visits of the same one; 0: never twice
  std::vector<bool> reducing;  ///< loops up to the outputs' change loop that do not index them

  ArrayCounts counts(const ArrayWork& work) const;
};

/// Do the operand's words pass through instead of being kept: store inside all loops, a fill per
/// step?
bool is_streaming(const ArrayWork& work, int operand);

/// Words that one PE keeps of an operand, in one copy.
std::int64_t kept_words(const ArrayWork& work, int operand);

/// Refuses work that the array cannot execute, with a UserError that names the field, its value and
/// the limit; `origin` leads the message.
void check_array_work(const PeArrayDescription& array, int word_bytes, const ArrayWork& work,
                      const std::string& origin);

}  // namespace tessera::hw
