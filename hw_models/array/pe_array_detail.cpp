#include "hw_models/array/pe_array_detail.h"

#include <string>

#include "hw_models/array/detail/loop_odometer.h"
#include "sim/base/error.h"

namespace tessera::hw {

using detail::FeederSetup;
using detail::FeedMode;
using detail::OperandFeeder;
using detail::ProcessingElement;

namespace {

constexpr BufferStream kStreams[kOperands] = {kInputStream, kWeightStream, kPartialSumStream};
constexpr const char* kFeederNames[kOperands] = {"input_feeder", "weight_feeder", "sum_feeder"};

/// Levels of an adder tree over so many sums.
Cycle tree_levels(int sums) {
  Cycle levels = 0;
  for (; sums > 1; sums = (sums + 1) / 2) ++levels;
  return levels;
}

}  // namespace

PeArrayDetail::PeArrayDetail(const sc_core::sc_module_name& name, const PeArrayDescription& array,
                             const BufferDescription& buffer, int word_bytes,
                             const sc_core::sc_time& cycle)
    : sc_module(name),
      array_(array),
      buffer_(buffer),
      word_bytes_(word_bytes),
      cycle_(cycle),
      arbiter_(buffer, std::string(this->name()) + ".buffer") {
  build();
  SC_HAS_PROCESS(PeArrayDetail);
  SC_METHOD(drive);
  sensitive << ev_drive_;
  dont_initialize();
}

void PeArrayDetail::build() {
  for (int x = 0; x < kOperands; ++x)
    feeder_[x] = std::make_unique<OperandFeeder>(kFeederNames[x], phases_, arbiter_);
  sequencer_ = std::make_unique<detail::StepSequencer>("sequencer", phases_);
  collector_ = std::make_unique<detail::ResultCollector>("collector", phases_, arbiter_);
  for (int row = 0; row < array_.rows; ++row)
    for (int column = 0; column < array_.columns; ++column) {
      const std::string name = "pe_" + std::to_string(row) + "_" + std::to_string(column);
      pes_.push_back(std::make_unique<ProcessingElement>(name.c_str(), phases_, row, column));
    }
}

ProcessingElement* PeArrayDetail::at(int row, int column) const {
  if (row < 0 || column < 0 || row >= work_.rows_used || column >= work_.columns_used)
    return nullptr;
  return pes_[static_cast<std::size_t>(row * array_.columns + column)].get();
}

PeArrayDetail::ProcessingElements PeArrayDetail::active() const {
  ProcessingElements pes;
  for (int row = 0; row < work_.rows_used; ++row)
    for (int column = 0; column < work_.columns_used; ++column) pes.push_back(at(row, column));
  return pes;
}

/// PEs that take a streaming operand from outside: all on a bus, else the first column (inputs) or
/// row.
PeArrayDetail::ProcessingElements PeArrayDetail::edge(int operand) const {
  if (array_.delivery[operand] == Delivery::kMulticast) return active();
  ProcessingElements pes;
  const bool inputs = operand == kInputOperand;
  for (int i = 0; i < (inputs ? work_.rows_used : work_.columns_used); ++i)
    pes.push_back(inputs ? at(i, 0) : at(0, i));
  return pes;
}

void PeArrayDetail::start(const ArrayWork& work) {
  phases_.now = static_cast<Cycle>(sc_core::sc_time_stamp() / cycle_);
  if (busy_) throw InvariantViolation(name(), phases_.now, "started while busy");
  work_ = work;
  plan_ = std::make_unique<ArrayPlan>(array_, buffer_, word_bytes_, work_);
  busy_ = true;
  start_ = phases_.now;
  timing_ = {};
  for (int stream = 0; stream < kBufferStreams; ++stream)
    lines_before_[stream] = arbiter_.accesses(static_cast<BufferStream>(stream));
  configure_pes();
  configure_feeders();
  configure_sequencer();
  configure_collector();
  arbiter_.idle_until(phases_.now);
  phase_ = 0;
  ev_drive_.notify(sc_core::SC_ZERO_TIME);
}

void PeArrayDetail::configure_pes() {
  for (const auto& pe : pes_) {
    pe->configure(work_, *plan_, array_);
    pe->in_steps = {};
    pe->in_sum = {};
    pe->out_result = &collector_->in_results;
    for (int x = 0; x < kOperands; ++x) {
      pe->in_words[x] = {};
      pe->out_loaded[x] = &feeder_[x]->in_loaded;
      pe->out_released[x] = &feeder_[x]->in_released;
    }
  }
  for (int row = 0; row < work_.rows_used; ++row)
    for (int column = 0; column < work_.columns_used; ++column) {
      ProcessingElement& pe = *at(row, column);
      ProcessingElement* const below = at(row + 1, column);
      ProcessingElement* const next[2] = {at(row, column + 1), below};
      ProcessingElement* const before[2] = {at(row, column - 1), at(row - 1, column)};
      pe.out_sum = below != nullptr ? &below->in_sum : nullptr;
      for (int x : {kInputOperand, kWeightOperand}) {
        pe.in_operand[x] = {};
        pe.in_shift[x] = {};
        pe.out_operand[x] = next[x] != nullptr ? &next[x]->in_operand[x] : nullptr;
        pe.shift_source[x] = before[x];
        pe.edge_words[x] = &feeder_[x]->edge;
      }
    }
}

void PeArrayDetail::configure_feeders() {
  const auto pes = active();
  const bool reads_sums = plan_->counts(work_).partial_sum_lines > 0;
  for (int x = 0; x < kOperands; ++x) {
    const OperandPlan& plan = plan_->operand[x];
    const bool sums = x == kOutputOperand;
    feeder_[x]->out_ready = &sequencer_->in_ready[x];
    feeder_[x]->out_go[0] = feeder_[x]->out_go[1] = nullptr;
    feeder_[x]->disable();
    if (!plan.used || (sums && !reads_sums)) continue;
    FeederSetup setup;
    setup.stream = kStreams[x];
    setup.operand = x;
    const bool shifts = !sums && array_.delivery[x] == Delivery::kSystolic;
    setup.mode = plan.streaming ? FeedMode::kEdgeRegister
                 : shifts       ? FeedMode::kShift
                                : FeedMode::kBroadcast;
    const auto fill = [](const FillPlan& planned) -> detail::FillSetup {
      const Time usable = planned.head_start > 0 ? planned.bus_cycles - planned.head_start : 0;
      return {planned.words, planned.lines, static_cast<Cycle>(usable)};
    };
    setup.whole = fill(sums ? plan_->read_back.whole : plan.whole);
    setup.slid = fill(plan.slid);
    setup.waits_for_weights = plan_->weights_first && x != kWeightOperand;
    setup.words_per_line = static_cast<std::int64_t>(buffer_.line_bytes) / word_bytes_;
    setup.bus_words = array_.bus_words_per_cycle[x];
    setup.fifo_fills = plan.ahead;
    setup.fifo_lines = 2 * buffer_.banks;
    setup.copies = plan.copies;
    setup.slot_spacing = buffer_.ports == 2 ? 1 : 2;
    setup.loaded_reports = plan.streaming ? 1 : std::ssize(pes);
    setup.released_reports = plan.streaming || sums ? 1 : std::ssize(pes);
    setup.shift_length = x == kInputOperand ? work_.columns_used : work_.rows_used;
    setup.hazard = sums ? detail::shortest_revisit(work_) : 0;
    setup.only_revisits = sums;
    feeder_[x]->configure(work_, setup, pes);
  }
  if (!plan_->weights_first) return;
  feeder_[kWeightOperand]->out_go[0] = &feeder_[kInputOperand]->in_go;
  feeder_[kWeightOperand]->out_go[1] = &feeder_[kOutputOperand]->in_go;
}

void PeArrayDetail::configure_sequencer() {
  const ProcessingElements edges[2] = {edge(kInputOperand), edge(kWeightOperand)};
  sequencer_->configure(work_, *plan_, active(), edges);
  for (int x = 0; x < kOperands; ++x) sequencer_->out_taken[x] = &feeder_[x]->in_released;
  sequencer_->out_started = &feeder_[kOutputOperand]->in_started;
}

void PeArrayDetail::configure_collector() {
  const int pes = work_.rows_used * work_.columns_used;
  detail::CollectorSetup setup;
  setup.reports = work_.reduction == SpatialReduction::kChain ? work_.columns_used : pes;
  setup.latency = static_cast<Cycle>(array_.pipeline_cycles - 1);
  if (work_.reduction == SpatialReduction::kTree) setup.latency += tree_levels(work_.rows_used);
  setup.words = work_.operand[kOutputOperand].words_per_fill;
  setup.words_per_line = static_cast<std::int64_t>(buffer_.line_bytes) / word_bytes_;
  setup.lines = plan_->operand[kOutputOperand].whole.lines;
  setup.bus_words = array_.bus_words_per_cycle[kOutputOperand];
  setup.fifo_tiles = plan_->operand[kOutputOperand].ahead;
  setup.slot_spacing = buffer_.ports == 2 ? 1 : 2;
  collector_->configure(work_, setup);
  collector_->out_drained[0] = &sequencer_->in_drained;
  // Kept sums free their register for a read-back when they have left; streaming ones, and those
  // that join at the end, when the tile's last step has been issued.
  const bool at_issue = plan_->operand[kOutputOperand].streaming || plan_->sums_join;
  collector_->out_drained[1] = at_issue ? nullptr : &feeder_[kOutputOperand]->in_released;
  collector_->out_written = &feeder_[kOutputOperand]->in_written;
}

/// Fires the phases of a cycle in successive deltas, then moves to the next cycle or ends.
void PeArrayDetail::drive() {
  if (phase_ == 0 && collector_->finished()) return finish();
  sc_core::sc_event* const phases[] = {&phases_.ev_read,    &phases_.ev_bus,     &phases_.ev_issue,
                                       &phases_.ev_execute, &phases_.ev_collect, &phases_.ev_write};
  if (phase_ < std::ssize(phases)) phases[phase_]->notify(sc_core::SC_ZERO_TIME);
  // One delta more than there are phases, so that the last has run before the cycle ends.
  if (phase_++ <= std::ssize(phases)) return ev_drive_.notify(sc_core::SC_ZERO_TIME);
  phase_ = 0;
  ++phases_.now;
  arbiter_.next_cycle();
  ev_drive_.notify(cycle_);
}

void PeArrayDetail::finish() {
  timing_.cycles = phases_.now - start_;
  timing_.fill = sequencer_->first_issue() - start_;
  timing_.drain = phases_.now - sequencer_->last_issue() - 1;
  timing_.steady = static_cast<Cycle>(plan_->steps);
  timing_.stall = timing_.cycles - timing_.fill - timing_.drain - timing_.steady;
  timing_.counts = plan_->counts(work_);
  timing_.counts.mac_slots = 0;
  for (const auto& pe : pes_) timing_.counts.mac_slots += pe->macs();
  const auto lines = [this](BufferStream stream) {
    return arbiter_.accesses(stream) - lines_before_[stream];
  };
  timing_.counts.lines[kInputOperand] = lines(kInputStream);
  timing_.counts.lines[kWeightOperand] = lines(kWeightStream);
  timing_.counts.lines[kOutputOperand] = lines(kOutputStream);
  timing_.counts.partial_sum_lines = lines(kPartialSumStream);
  busy_ = false;
  ev_done_.notify(sc_core::SC_ZERO_TIME);
}

}  // namespace tessera::hw
