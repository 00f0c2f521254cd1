// Delivery of one operand in the detailed array: buffer lines, line FIFO, bus, edge of the array.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <systemc>
#include <vector>

#include "hw_models/array/array_plan.h"
#include "hw_models/array/array_work.h"
#include "hw_models/array/detail/loop_odometer.h"
#include "hw_models/array/detail/phases.h"
#include "hw_models/array/detail/processing_element.h"
#include "hw_models/array/detail/token_queue.h"
#include "hw_models/array/detail/tokens.h"
#include "hw_models/buffer/buffer_arbiter.h"

namespace tessera::hw::detail {

/// How a feeder hands its words over.
enum class FeedMode {
  kEdgeRegister,  ///< streaming: the words wait at the edge for their step
  kBroadcast,     ///< to the registers of all PEs at once
  kShift,         ///< into the registers along the rows or columns, the farthest PE's words first
};

/// One fill as a feeder moves it.
struct FillSetup {
  std::int64_t words = 0;
  std::int64_t lines = 0;
  Cycle usable_after = 0;  ///< bus cycles before steps may use it; 0: when it is complete
};

/// Constants of a feeder for one instruction.
struct FeederSetup {
  BufferStream stream = kInputStream;
  int operand = kInputOperand;
  FeedMode mode = FeedMode::kEdgeRegister;
  FillSetup whole;
  FillSetup slid;  ///< fills whose window has only moved on
  std::int64_t words_per_line = 1;
  std::int64_t bus_words = 1;   ///< per cycle
  std::int64_t fifo_fills = 1;  ///< fills that may have a line in the FIFO
  std::int64_t fifo_lines = 1;
  std::int64_t copies = 1;            ///< register copies
  std::int64_t loaded_reports = 1;    ///< PEs that report a fill as complete
  std::int64_t released_reports = 1;  ///< parts that report it as used up
  Cycle slot_spacing = 1;             ///< cycles between slots of the port
  int shift_length = 1;
  std::int64_t hazard =
      0;  ///< a fill is read after the write of the one so many before it; 0: no such
  bool only_revisits = false;      ///< partial sums: first visits of a tile are not read
  bool waits_for_weights = false;  ///< nothing is read before the first weights are complete
};

/// Reads the operand's fills in order at the slots of its stream and moves them over its bus as
/// soon as registers are free. Serves inputs, weights and read-back partial sums.
class OperandFeeder : public sc_core::sc_module {
 public:
  OperandFeeder(const sc_core::sc_module_name& name, Phases& phases, BufferArbiter& arbiter);

  void configure(const ArrayWork& work, const FeederSetup& setup,
                 std::vector<ProcessingElement*> receivers);
  void disable() { setup_.reset(); }

  TokenQueue<FillToken> in_loaded;    ///< from PEs: a fill is complete in one of them
  TokenQueue<FillToken> in_released;  ///< from PEs or sequencer or collector: a fill is used up
  TokenQueue<FillToken> in_started;   ///< partial sums: the first step of a tile has been issued
  TokenQueue<FillToken> in_written;   ///< partial sums: a tile is in the buffer again
  TokenQueue<FillToken> in_go;        ///< from the weights' feeder: the first weights are complete
  TokenQueue<FillToken>* out_ready = nullptr;  ///< to the sequencer
  TokenQueue<FillToken>* out_go[2] = {};       ///< to feeders that wait; null: nobody does
  TokenQueue<WordsToken> edge;                 ///< words at the edge of the shift chain

 private:
  void read();
  void take_reports();
  void complete(std::int64_t fill);
  void complete_unread_tiles();
  void read_line();
  bool may_read_fill() const;
  std::int64_t lines_held() const;
  void skip_unread();
  void bus();
  bool may_start() const;
  void carry();
  void hand_over(std::int64_t words);
  void shift_if_ready();
  void announce();
  const FillSetup& shape(bool slid) const { return slid ? setup_->slid : setup_->whole; }
  const FillSetup& carried_shape() const { return shape(held_.front().slid); }

  Phases& phases_;
  BufferArbiter& arbiter_;
  std::optional<FeederSetup> setup_;
  std::vector<ProcessingElement*> receivers_;
  std::optional<FillSequence> reading_;
  std::int64_t reading_line_ = 0;  ///< lines of the fill being read that have been read
  struct Held {
    std::int64_t fill;
    bool slid;
  };
  std::deque<Held> held_;  ///< fills in the line FIFO, oldest first, the newest perhaps in part
  std::optional<FillSequence> completing_;
  std::int64_t released_ = 0;
  std::int64_t written_ = 0;
  std::map<std::int64_t, std::int64_t> loaded_by_, released_by_;  ///< PEs that reported, per fill
  std::int64_t started_tiles_ = 0;

  bool carrying_ = false;
  Cycle carry_start_ = 0;
  std::int64_t carried_ = 0;
  int shifts_ = 0;
};

}  // namespace tessera::hw::detail
