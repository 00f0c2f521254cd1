#include "hw_models/array/detail/step_sequencer.h"

namespace tessera::hw::detail {

StepSequencer::StepSequencer(const sc_core::sc_module_name& name, Phases& phases)
    : sc_module(name), phases_(phases) {
  SC_HAS_PROCESS(StepSequencer);
  SC_METHOD(issue);
  sensitive << phases_.ev_issue;
  dont_initialize();
}

void StepSequencer::configure(const ArrayWork& work, const ArrayPlan& plan,
                              std::vector<ProcessingElement*> pes,
                              const std::vector<ProcessingElement*> (&edge)[2]) {
  work_ = &work;
  pes_ = std::move(pes);
  odometer_.emplace(work, static_cast<int>(work.loops.size()));
  tile_.emplace(work, kOutputOperand, 1);
  for (int x = 0; x < kOperands; ++x) {
    if (x != kOutputOperand) edge_[x] = edge[x];
    used_[x] = plan.operand[x].used;
    streams_[x] = plan.operand[x].streaming;
    releases_at_issue_ = plan.operand[kOutputOperand].streaming || plan.sums_join;
    depth_[x] = loops_that_change(work, x);
    fills_there_[x] = 0;
    in_ready[x] = {};
  }
  places_ = streams_[kOutputOperand] ? plan.result_credits : plan.operand[kOutputOperand].copies;
  in_drained = {};
  drained_ = 0;
  sums_read_ = -1;
  step_ = {};
  tile_begins_ = true;
  any_issued_ = false;
}

void StepSequencer::issue() {
  if (work_ == nullptr || odometer_->done() || !may_issue()) return;
  if (!any_issued_) first_issue_ = phases_.now;
  any_issued_ = true;
  last_issue_ = phases_.now;
  broadcast();
  advance();
}

bool StepSequencer::has_fill(int x) {
  for (; in_ready[x].ready(phases_.now); in_ready[x].pop()) ++fills_there_[x];
  return !used_[x] || fills_there_[x] > step_.fill[x];
}

bool StepSequencer::may_issue() {
  for (; in_drained.ready(phases_.now); in_drained.pop()) ++drained_;
  const bool operands = has_fill(kInputOperand) && has_fill(kWeightOperand);
  if (!operands || !tile_begins_) return operands;
  if (step_.fill[kOutputOperand] - drained_ >= places_) return false;
  TokenQueue<FillToken>& sums = in_ready[kOutputOperand];
  if (sums_read_ < step_.fill[kOutputOperand] && sums.ready(phases_.now))
    sums_read_ = sums.pop().fill;
  return !tile_->revisits() || sums_read_ == step_.fill[kOutputOperand];
}

void StepSequencer::broadcast() {
  for (int x = 0; x < kOperands; ++x) step_.closes[x] = odometer_->is_last_within(depth_[x]);
  for (auto* pe : pes_) pe->in_steps.push(phases_.now, step_);
  for (int x : {kInputOperand, kWeightOperand}) {
    if (!used_[x] || !streams_[x]) continue;
    for (auto* pe : edge_[x]) pe->in_operand[x].push(phases_.now, {step_.fill[x]});
    out_taken[x]->push(phases_.now + 1, {step_.fill[x]});
  }
  if (releases_at_issue_ && step_.closes[kOutputOperand] && out_taken[kOutputOperand] != nullptr)
    out_taken[kOutputOperand]->push(phases_.now + 1, {step_.fill[kOutputOperand]});
  if (tile_begins_ && out_started != nullptr)
    out_started->push(phases_.now + 1, {step_.fill[kOutputOperand]});
}

void StepSequencer::advance() {
  ++step_.step;
  for (int x = 0; x < kOperands; ++x) step_.fill[x] += step_.closes[x] ? 1 : 0;
  tile_begins_ = step_.closes[kOutputOperand];
  if (tile_begins_) tile_->advance();
  odometer_->advance();
}

}  // namespace tessera::hw::detail
