#include "hw_models/array/timeline.h"

#include <algorithm>
#include <limits>

namespace tessera::hw {

namespace {

constexpr Time kLatest = std::numeric_limits<Time>::max();
constexpr int kReadStreams[2] = {kInputStream, kWeightStream};

/// Result places: credits of the output FIFO, or register copies.
std::int64_t places_of(const ArrayPlan& plan) {
  const OperandPlan& outputs = plan.operand[kOutputOperand];
  return outputs.streaming ? plan.result_credits : outputs.copies;
}

/// Beyond this distance the FIFOs' capacities alone keep a read-back behind the write it needs.
std::int64_t hazard_of(const ArrayPlan& plan) {
  const OperandPlan& outputs = plan.operand[kOutputOperand];
  const std::int64_t covered = 2 * outputs.ahead + outputs.copies + places_of(plan);
  return plan.revisit_distance < covered ? plan.revisit_distance : 0;
}

}  // namespace

Timeline::Timeline(const ArrayPlan& plan, const ArrayWork& work, const BufferPorts& ports,
                   Time start)
    : plan_(plan),
      ports_(ports),
      now_(start),
      result_places_(places_of(plan)),
      reads_sums_(plan.revisit_distance > 0 || work.accumulate_in_buffer),
      hazard_(hazard_of(plan)),
      next_write_(start),
      result_bus_free_(start),
      last_written_(start),
      drained_(result_places_, start),
      written_(std::max(plan.operand[kOutputOperand].ahead, hazard_), start) {
  const auto stream = [start](const OperandPlan& operand) {
    return ReadStream{start, start, History(operand.ahead, start), History(operand.copies, start)};
  };
  for (int x : {kInputOperand, kWeightOperand}) stream_[x] = stream(plan.operand[x]);
  read_back_ = stream(plan.read_back);
  std::copy(std::begin(work.line_address), std::end(work.line_address), std::begin(address_));
}

void Timeline::run_group(OperandSet opens, OperandSet slid, OperandSet closes, bool revisit) {
  Time step = now_;
  for (int x : {kWeightOperand, kInputOperand})
    if (opens & operand_bit(x)) step = std::max(step, open_input(x, slid));
  const bool opens_output = (opens & operand_bit(kOutputOperand)) != 0;
  if (opens_output) step = std::max(step, open_output(revisit));
  if (opens_output && !revisit) {
    read_back_.bus_free = step + 1;
    read_back_.left.push(step + 1);
  }
  if (first_step_ < 0) first_step_ = step;
  now_ = step + plan_.steps_per_group;

  for (int x : {kInputOperand, kWeightOperand})
    if (closes & operand_bit(x))
      stream_[x].released.push(now_ + (plan_.operand[x].streaming ? 0 : plan_.skew));
  if (closes & operand_bit(kOutputOperand)) drain(now_ - 1);
}

Time Timeline::slot(int stream, int operand, std::int64_t line_offset, Time from) const {
  return static_cast<Time>(
      ports_.array_slot(stream, address_[operand] + line_offset, static_cast<Cycle>(from)));
}

/// Earliest first step with the next inputs or weights. The controller sees the first weights
/// complete and lets the other streams go a cycle later.
Time Timeline::open_input(int operand, OperandSet slid) {
  ReadStream& state = stream_[operand];
  const Time ready = deliver(plan_.operand[operand], (slid & operand_bit(operand)) != 0,
                             kReadStreams[operand], operand, state, state.next_slot);
  if (plan_.weights_first && operand == kWeightOperand && first_step_ < 0)
    stream_[kInputOperand].next_slot = read_back_.next_slot = state.bus_free + 1;
  return ready;
}

/// Moves one fill from the buffer into the array; the earliest cycle of a step that uses it.
Time Timeline::deliver(const OperandPlan& plan, bool slid, int stream, int operand,
                       ReadStream& state, Time from) {
  const FillPlan& fill = plan.fill(slid);
  const Time first_line =
      slot(stream, operand, plan.line_offset(slid), std::max(from, state.left.at(plan.ahead)));
  state.next_slot = first_line + fill.lines * static_cast<Time>(ports_.slot_spacing());
  const Time bus = std::max({first_line, state.bus_free, state.released.at(plan.copies)});
  state.bus_free = bus + fill.bus_cycles;
  state.left.push(state.bus_free);
  return state.bus_free - (plan.streaming ? 1 : fill.head_start);
}

/// Earliest first step of the next output tile.
Time Timeline::open_output(bool revisit) {
  const Time place = drained_.at(result_places_);
  if (!revisit) return place;
  const Time sums = hazard_ > 0 ? written_.at(hazard_) : read_back_.next_slot;
  return std::max(place, deliver(plan_.read_back, false, kPartialSumStream, kOutputOperand,
                                 read_back_, std::max(read_back_.next_slot, sums)));
}

void Timeline::drain(Time last_step) {
  const OperandPlan& plan = plan_.operand[kOutputOperand];
  const Time bus =
      std::max({last_step + plan_.result_latency, result_bus_free_, written_.at(plan.ahead)});
  result_bus_free_ = bus + plan.whole.bus_cycles;
  drained_.push(result_bus_free_);
  read_back_.released.push(plan.streaming || plan_.sums_join ? last_step + 1 : result_bus_free_);
  const Time first_line =
      slot(kOutputStream, kOutputOperand, 0, std::max(next_write_, bus + plan.write_lag));
  const Time spacing = static_cast<Time>(ports_.slot_spacing());
  next_write_ = first_line + plan.whole.lines * spacing;
  last_written_ = next_write_ - spacing + 1;
  written_.push(last_written_);
}

/// The next fill is read no earlier than next_slot, each one after it no earlier than its lines
/// take, and moved no earlier than the bus is free; a fill in use is released before the next is
/// delivered.
void Timeline::ReadStream::settle(Time lines_cycles, Time bus_cycles) {
  next_slot = std::max(next_slot, left.at(left.size()));
  bus_free = std::max(bus_free, next_slot);
  for (std::int64_t i = 1; i <= left.size(); ++i)
    left.raise(i, next_slot + (left.size() - i) * lines_cycles);
  for (std::int64_t i = 1; i <= released.size(); ++i)
    released.raise(i, bus_free + std::max<Time>(0, released.size() - i - 1) * bus_cycles);
}

void Timeline::ReadStream::save(Time base, std::vector<Time>& out) const {
  out.push_back(next_slot - base);
  out.push_back(bus_free - base);
  left.save(base, out);
  released.save(base, out);
}

const Time* Timeline::ReadStream::load(Time base, const Time* in) {
  next_slot = *in++ + base;
  bus_free = *in++ + base;
  return released.load(base, left.load(base, in));
}

void Timeline::ReadStream::shift(Time by) {
  next_slot += by;
  bus_free += by;
  left.shift(by);
  released.shift(by);
}

void Timeline::settle(OperandSet operands) {
  const Time spacing = static_cast<Time>(ports_.slot_spacing());
  for (int x : {kInputOperand, kWeightOperand})
    if (operands & operand_bit(x)) {
      const FillPlan& least = plan_.operand[x].fill(plan_.operand[x].slides());
      stream_[x].settle(least.lines * spacing, least.bus_cycles);
    }
  if (operands & operand_bit(kOutputOperand)) settle_output();
}

/// The next tile opens no earlier than now, its results come no earlier than their latency after
/// that, and every tile takes its steps. Not every tile is read back, so read-backs only move on
/// from now.
void Timeline::settle_output() {
  if (reads_sums_) read_back_.settle(0, 0);
  const OperandPlan& plan = plan_.operand[kOutputOperand];
  const Time result = now_ + plan_.result_latency;
  result_bus_free_ = std::max(result_bus_free_, result);
  next_write_ = std::max(next_write_, result_bus_free_ + plan.write_lag);
  for (std::int64_t i = 1; i <= drained_.size(); ++i)
    drained_.raise(i, now_ + std::max<Time>(0, drained_.size() - i - 1) * plan.steps);
  for (std::int64_t i = 1; i <= written_.size(); ++i) {
    Time least = i <= plan.ahead ? result + (plan.ahead - i) * plan.steps : kLatest;
    if (i <= hazard_) least = std::min(least, read_back_.next_slot);
    written_.raise(i, least);
  }
}

Time Timeline::slot_phases(OperandSet operands) const {
  const Time spacing = static_cast<Time>(ports_.slot_spacing());
  if (spacing == 0) return 0;
  const Time banks = ports_.banks();
  const Time slot = now_ / spacing % banks;
  Time phases = now_ % spacing;
  for (int x = 0; x < kOperands; ++x)
    if (operands & operand_bit(x))
      phases = phases * banks + (address_[x] % banks + banks - slot) % banks;
  return phases;
}

void Timeline::save(OperandSet operands, Time base, std::vector<Time>& out) const {
  for (int x : {kInputOperand, kWeightOperand})
    if (operands & operand_bit(x)) stream_[x].save(base, out);
  if ((operands & operand_bit(kOutputOperand)) == 0) return;
  if (reads_sums_) read_back_.save(base, out);
  out.push_back(next_write_ - base);
  out.push_back(result_bus_free_ - base);
  drained_.save(base, out);
  written_.save(base, out);
}

void Timeline::save_outcome(OperandSet operands, Time base, std::vector<Time>& out) const {
  out.push_back(now_ - base);
  out.push_back(last_written_ - base);
  save(operands, base, out);
}

void Timeline::load_outcome(OperandSet operands, Time base, const std::vector<Time>& in) {
  const Time* next = in.data();
  now_ = *next++ + base;
  const Time written = *next++ + base;
  for (int x : {kInputOperand, kWeightOperand})
    if (operands & operand_bit(x)) next = stream_[x].load(base, next);
  if ((operands & operand_bit(kOutputOperand)) == 0) return;
  last_written_ = written;
  if (reads_sums_) next = read_back_.load(base, next);
  next_write_ = *next++ + base;
  result_bus_free_ = *next++ + base;
  written_.load(base, drained_.load(base, next));
}

void Timeline::shift(OperandSet operands, Time by) {
  now_ += by;
  for (int x : {kInputOperand, kWeightOperand})
    if (operands & operand_bit(x)) stream_[x].shift(by);
  if ((operands & operand_bit(kOutputOperand)) == 0) return;
  read_back_.shift(by);
  last_written_ += by;
  next_write_ += by;
  result_bus_free_ += by;
  drained_.shift(by);
  written_.shift(by);
}

}  // namespace tessera::hw
