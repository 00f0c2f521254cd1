// The timing rules of the PE array: when fills, steps, drains and buffer lines happen.
#pragma once

#include <vector>

#include "hw_models/array/array_plan.h"
#include "hw_models/array/array_work.h"
#include "hw_models/array/history.h"
#include "hw_models/buffer/buffer_ports.h"

namespace tessera::hw {

/// Set of operands, one bit each.
using OperandSet = unsigned;
constexpr OperandSet operand_bit(int operand) { return 1u << operand; }

/// Moments of one array instruction, advanced group by group: a group is a run of steps in which no
/// register contents change. The state is a handful of moments per operand, so that two situations
/// can be compared relative to their own time.
class Timeline {
 public:
  Timeline(const ArrayPlan& plan, const ArrayWork& work, const BufferPorts& ports, Time start);

  /// Executes one group. `opens` are the operands whose contents change before it, `slid` those of
  /// them whose window has only moved on, `closes` those whose contents are used up after it;
  /// `revisit`: the output tile holds sums that must be read back.
  void run_group(OperandSet opens, OperandSet slid, OperandSet closes, bool revisit);

  /// Cycle after the last step.
  Time now() const { return now_; }
  Time first_step() const { return first_step_; }
  /// Cycle after the last buffer write so far.
  Time last_written() const { return last_written_; }

  /// A loop moves on by `lines` in the operand's words.
  void move_address(int operand, std::int64_t lines) { address_[operand] += lines; }

  /// Makes moments that can no longer matter equal to the earliest that could, so that situations
  /// with the same future look the same.
  void settle(OperandSet operands);
  /// Where the operands' next lines stand in the rotation of bank slots, as one number: the part of
  /// a situation that is cheap to compare.
  Time slot_phases(OperandSet operands) const;
  /// With the phases, everything the future of these operands depends on, relative to now(). Settle
  /// first.
  void save_moments(OperandSet operands, std::vector<Time>& out) const {
    save(operands, now_, out);
  }
  /// now() and the moments of these operands relative to `base`, and back.
  void save_outcome(OperandSet operands, Time base, std::vector<Time>& out) const;
  void load_outcome(OperandSet operands, Time base, const std::vector<Time>& in);
  /// Moves the operands' moments and now() by a number of cycles.
  void shift(OperandSet operands, Time by);

 private:
  struct ReadStream {
    Time next_slot = 0;  ///< after the last line of the newest fill
    Time bus_free = 0;   ///< after the last bus cycle of the newest fill
    History left;        ///< cycles in which a fill has left the line FIFO
    History released;    ///< cycles in which a register copy becomes free

    void settle(Time lines_cycles, Time bus_cycles);
    void save(Time base, std::vector<Time>& out) const;
    const Time* load(Time base, const Time* in);
    void shift(Time by);
  };

  Time slot(int stream, int operand, std::int64_t line_offset, Time from) const;
  Time deliver(const OperandPlan& plan, bool slid, int stream, int operand, ReadStream& state,
               Time from);
  Time open_input(int operand, OperandSet slid);
  void settle_output();
  void save(OperandSet operands, Time base, std::vector<Time>& out) const;
  Time open_output(bool revisit);
  void drain(Time last_step);

  const ArrayPlan& plan_;
  const BufferPorts& ports_;
  Time now_;
  Time first_step_ = -1;
  std::int64_t address_[kOperands];
  ReadStream stream_[2];
  ReadStream read_back_;
  std::int64_t result_places_;  ///< output tiles whose results have a place to wait in
  bool reads_sums_;             ///< some tile of the instruction is read back
  std::int64_t hazard_;         ///< writes that a read-back waits for: tiles back; 0: never binding
  Time next_write_;
  Time result_bus_free_;
  Time last_written_;
  History drained_;
  History written_;
};

}  // namespace tessera::hw
