#include "hw_models/array/detail/processing_element.h"

#include "sim/base/error.h"

namespace tessera::hw::detail {

ProcessingElement::ProcessingElement(const sc_core::sc_module_name& name, Phases& phases, int row,
                                     int column)
    : sc_module(name), phases_(phases), row_(row), column_(column) {
  SC_HAS_PROCESS(ProcessingElement);
  SC_METHOD(execute);
  sensitive << phases_.ev_execute;
  dont_initialize();
}

void ProcessingElement::configure(const ArrayWork& work, const ArrayPlan& plan,
                                  const PeArrayDescription& array) {
  const bool active = row_ < work.rows_used && column_ < work.columns_used;
  work_ = active ? &work : nullptr;
  chain_ = work.reduction == SpatialReduction::kChain;
  lanes_ = array.macs_per_pe;
  macs_ = 0;
  const OperandPlan& inputs = plan.operand[kInputOperand];
  ring_ = array.register_rings && !inputs.streaming;
  window_ = inputs.used ? kept_words(work, kInputOperand) : 1;
  window_steps_ = inputs.steps;
  window_step_ = 0;
  for (int x = 0; x < kOperands; ++x) {
    used_[x] = plan.operand[x].used;
    streams_[x] = plan.operand[x].streaming;
    loaded_[x] = words_seen_[x] = words_of_[x] = 0;
    if (x == kOutputOperand) continue;
    moves_[x] = streams_[x] && array.delivery[x] == Delivery::kSystolic;
    shifts_[x] = !streams_[x] && array.delivery[x] == Delivery::kSystolic;
    shifts_seen_[x] = 0;
    held_[x] = held_last_[x] = {};
  }
}

void ProcessingElement::execute() {
  if (work_ == nullptr) return;
  for (int x : {kInputOperand, kWeightOperand})
    if (shifts_[x]) shift(x);
  take_words();
  if (can_step()) step();
  finish_sums();
}

void ProcessingElement::take_words() {
  for (int x = 0; x < kOperands; ++x)
    while (in_words[x].ready(phases_.now)) {
      const WordsToken token = in_words[x].pop();
      words_seen_[x] += token.words;
      words_of_[x] = token.of;
      if (words_seen_[x] < token.of) continue;
      words_seen_[x] = 0;
      ++loaded_[x];
      out_loaded[x]->push(phases_.now + 1, {token.fill});
    }
}

/// The content of the place before this one, as it was before a shift in this cycle.
WordsToken ProcessingElement::held_before(int operand) const {
  return shifted_at_[operand] == phases_.now ? held_last_[operand] : held_[operand];
}

void ProcessingElement::shift(int x) {
  if (!in_shift[x].ready(phases_.now)) return;
  const std::int64_t fill = in_shift[x].pop().fill;
  held_last_[x] = held_[x];
  shifted_at_[x] = phases_.now;
  held_[x] = shift_source[x] != nullptr ? shift_source[x]->held_before(x) : edge_words[x]->front();
  const int length = x == kInputOperand ? work_->columns_used : work_->rows_used;
  if (++shifts_seen_[x] < length) return;
  shifts_seen_[x] = 0;
  const int place = x == kInputOperand ? column_ : row_;
  if (held_[x].fill != fill || held_[x].target != place)
    throw InvariantViolation(name(), phases_.now, "words of fill ", held_[x].fill, " for place ",
                             held_[x].target, " came to rest at place ", place, " in fill ", fill);
  ++loaded_[x];
  out_loaded[x]->push(phases_.now + 1, {fill});
}

bool ProcessingElement::can_step() const {
  if (!in_steps.ready(phases_.now)) return false;
  for (int x : {kInputOperand, kWeightOperand})
    if (used_[x] && streams_[x] && !in_operand[x].ready(phases_.now)) return false;
  const bool waits_for_sum = chain_ && streams_[kOutputOperand] && row_ > 0;
  return !waits_for_sum || in_sum.ready(phases_.now);
}

/// A fill that is still coming in serves the steps whose words are there: word by word all PEs have
/// their share of what the bus has carried, the words of the window before come first.
bool ProcessingElement::has_words(int x, std::int64_t fill) const {
  if (loaded_[x] > fill) return true;
  if (!ring_ || x != kInputOperand || loaded_[x] < fill || words_seen_[x] == 0) return false;
  const std::int64_t fresh = ceil_div(window_ * words_of_[x], work_->operand[x].words_per_fill);
  const std::int64_t word = window_step_ * window_ / window_steps_ - (window_ - fresh);
  return word < 0 || words_seen_[x] >= ceil_div((word + 1) * words_of_[x], fresh);
}

void ProcessingElement::step() {
  const StepToken token = in_steps.pop();
  for (int x : {kInputOperand, kWeightOperand}) {
    if (!used_[x]) continue;
    if (!streams_[x] && !has_words(x, token.fill[x]))
      throw InvariantViolation(name(), phases_.now, "step ", token.step, " without fill ",
                               token.fill[x], " of operand ", x);
    if (!streams_[x]) {
      if (token.closes[x]) out_released[x]->push(phases_.now + 1, {token.fill[x]});
      continue;
    }
    const OperandToken words = in_operand[x].pop();
    if (words.fill != token.fill[x])
      throw InvariantViolation(name(), phases_.now, "step ", token.step, " met fill ", words.fill,
                               " of operand ", x, " instead of ", token.fill[x]);
    if (moves_[x] && out_operand[x] != nullptr) out_operand[x]->push(phases_.now + 1, words);
  }
  if (++window_step_ == window_steps_) window_step_ = 0;
  macs_ += lanes_;
  if (token.closes[kOutputOperand]) own_sums_.push(phases_.now, {token.fill[kOutputOperand]});
}

/// Hands a finished tile's sums to the PE below in a chain, else to the collector. Sums that stream
/// leave in the cycle of their step, sums that were kept leave their register a cycle later.
void ProcessingElement::finish_sums() {
  const Cycle leaves = phases_.now + (streams_[kOutputOperand] ? 0 : 1);
  while (own_sums_.ready(phases_.now)) {
    if (chain_ && row_ > 0) {
      if (!in_sum.ready(phases_.now)) return;
      if (in_sum.pop().tile != own_sums_.front().tile)
        throw InvariantViolation(name(), phases_.now, "sums of two tiles meet in the chain");
    }
    const SumToken sum = own_sums_.pop();
    if (chain_ && !is_last_row())
      out_sum->push(phases_.now + 1, sum);
    else
      out_result->push(leaves, sum);
  }
}

}  // namespace tessera::hw::detail
