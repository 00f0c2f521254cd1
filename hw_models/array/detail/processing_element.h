// One PE of the detailed array.
#pragma once

#include <systemc>

#include "hw_models/array/array_plan.h"
#include "hw_models/array/array_work.h"
#include "hw_models/array/detail/phases.h"
#include "hw_models/array/detail/token_queue.h"
#include "hw_models/array/detail/tokens.h"

namespace tessera::hw::detail {

/// Multiplies and accumulates one step per cycle once the step's control word, its streaming
/// operands and, in a chain, the sum of the PE above have come; passes systolic operands and sums
/// on to its neighbours; keeps count of the fills in its registers. Executing a step without its
/// words is an InvariantViolation.
class ProcessingElement : public sc_core::sc_module {
 public:
  ProcessingElement(const sc_core::sc_module_name& name, Phases& phases, int row, int column);

  /// Prepares for an instruction in which `lanes` multiply-accumulates make a step.
  void configure(const ArrayWork& work, const ArrayPlan& plan, const PeArrayDescription& array);

  TokenQueue<StepToken> in_steps;
  TokenQueue<OperandToken> in_operand[2];
  TokenQueue<WordsToken> in_words[kOperands];
  TokenQueue<FillToken> in_shift[2];
  TokenQueue<SumToken> in_sum;

  TokenQueue<OperandToken>* out_operand[2] =
      {};  ///< to the next PE of a row (inputs) or column (weights)
  ProcessingElement* shift_source[2] =
      {};  ///< the PE before this one in the shift chain; null: edge
  TokenQueue<WordsToken>* edge_words[2] = {};  ///< words at the edge of the shift chain
  TokenQueue<SumToken>* out_sum = nullptr;     ///< to the PE below
  TokenQueue<FillToken>* out_loaded[kOperands] = {};
  TokenQueue<FillToken>* out_released[kOperands] = {};
  TokenQueue<SumToken>* out_result = nullptr;  ///< to the collector

  std::int64_t macs() const { return macs_; }

 private:
  void execute();
  void take_words();
  void shift(int operand);
  bool can_step() const;
  bool has_words(int operand, std::int64_t fill) const;
  void step();
  void finish_sums();
  bool is_last_row() const { return row_ + 1 == work_->rows_used; }
  WordsToken held_before(int operand) const;

  Phases& phases_;
  int row_;
  int column_;
  const ArrayWork* work_ = nullptr;
  bool streams_[kOperands] = {};
  bool moves_[2] = {};  ///< streaming operand passed from PE to PE
  bool used_[kOperands] = {};
  bool shifts_[2] = {};
  bool chain_ = false;
  int lanes_ = 1;
  std::int64_t loaded_[kOperands] = {};  ///< complete fills so far
  std::int64_t words_seen_[kOperands] = {};
  std::int64_t words_of_[kOperands] = {};  ///< words of the fill that is coming in
  bool ring_ = false;                      ///< inputs are used word by word as they come
  std::int64_t window_ = 1;                ///< input words of a window in this PE
  std::int64_t window_steps_ = 1;          ///< steps that use a window
  std::int64_t window_step_ = 0;           ///< of those, already done
  int shifts_seen_[2] = {};
  WordsToken held_[2];       ///< content of this place of the shift chain
  WordsToken held_last_[2];  ///< the same before the latest shift
  Cycle shifted_at_[2] = {};
  TokenQueue<SumToken> own_sums_;  ///< tiles this PE has finished, to be added to the chain
  std::int64_t macs_ = 0;
};

}  // namespace tessera::hw::detail
