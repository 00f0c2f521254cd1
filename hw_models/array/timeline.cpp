#include "hw_models/array/timeline.h"

#include <algorithm>

namespace tessera::hw {

namespace {

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
      hazard_(hazard_of(plan)),
      next_write_(start),
      drained_(result_places_, start),
      written_(std::max(plan.operand[kOutputOperand].ahead, hazard_), start) {
  const auto stream = [start](const OperandPlan& operand) {
    return ReadStream{start, History(operand.ahead, start), History(operand.copies, start)};
  };
  for (int x : {kInputOperand, kWeightOperand}) stream_[x] = stream(plan.operand[x]);
  read_back_ = stream(plan.read_back);
  std::copy(std::begin(work.line_address), std::end(work.line_address), std::begin(address_));
}

void Timeline::run_group(OperandSet opens, OperandSet closes, bool revisit) {
  Time step = now_;
  for (int x : {kInputOperand, kWeightOperand})
    if (opens & operand_bit(x))
      step = std::max(
          step, deliver(plan_.operand[x], kReadStreams[x], x, stream_[x], stream_[x].next_slot));
  const bool opens_output = (opens & operand_bit(kOutputOperand)) != 0;
  if (opens_output) step = std::max(step, open_output(revisit));
  if (opens_output && !revisit) read_back_.delivered.push(step + 1);
  if (first_step_ < 0) first_step_ = step;
  now_ = step + plan_.steps_per_group;

  for (int x : {kInputOperand, kWeightOperand})
    if (closes & operand_bit(x))
      stream_[x].released.push(now_ + (plan_.operand[x].streaming ? 0 : plan_.skew));
  if (closes & operand_bit(kOutputOperand)) drain(now_ - 1);
}

Time Timeline::slot(int stream, int operand, Time from) const {
  return static_cast<Time>(ports_.array_slot(stream, address_[operand], static_cast<Cycle>(from)));
}

/// Moves one fill from the buffer into the array; the earliest cycle of a step that uses it.
Time Timeline::deliver(const OperandPlan& plan, int stream, int operand, ReadStream& state,
                       Time from) {
  const Time first_line = slot(stream, operand, std::max(from, state.delivered.at(plan.ahead)));
  state.next_slot = first_line + plan.lines * static_cast<Time>(ports_.slot_spacing());
  const Time bus = std::max({first_line, state.delivered.at(1), state.released.at(plan.copies)});
  const Time delivered = bus + plan.bus_cycles;
  state.delivered.push(delivered);
  return plan.streaming ? delivered - 1 : delivered;
}

/// Earliest first step of the next output tile.
Time Timeline::open_output(bool revisit) {
  const Time place = drained_.at(result_places_);
  if (!revisit) return place;
  const Time sums = hazard_ > 0 ? written_.at(hazard_) : read_back_.next_slot;
  return std::max(place, deliver(plan_.read_back, kPartialSumStream, kOutputOperand, read_back_,
                                 std::max(read_back_.next_slot, sums)));
}

void Timeline::drain(Time last_step) {
  const OperandPlan& plan = plan_.operand[kOutputOperand];
  const Time bus =
      std::max({last_step + plan_.result_latency, drained_.at(1), written_.at(plan.ahead)});
  drained_.push(bus + plan.bus_cycles);
  read_back_.released.push(plan.streaming ? last_step + 1 : drained_.at(1));
  const Time first_line =
      slot(kOutputStream, kOutputOperand, std::max(next_write_, bus + plan.write_lag));
  const Time spacing = static_cast<Time>(ports_.slot_spacing());
  next_write_ = first_line + plan.lines * spacing;
  written_.push(next_write_ - spacing + 1);
}

void Timeline::ReadStream::save(Time base, std::vector<Time>& out) const {
  out.push_back(next_slot - base);
  delivered.save(base, out);
  released.save(base, out);
}

const Time* Timeline::ReadStream::load(Time base, const Time* in) {
  next_slot = *in++ + base;
  return released.load(base, delivered.load(base, in));
}

void Timeline::ReadStream::shift(Time by) {
  next_slot += by;
  delivered.shift(by);
  released.shift(by);
}

void Timeline::save_situation(OperandSet operands, std::vector<Time>& out) const {
  const Time spacing = static_cast<Time>(ports_.slot_spacing());
  const Time banks = ports_.banks();
  out.push_back(now_ % spacing);
  for (int x = 0; x < kOperands; ++x)
    if (operands & operand_bit(x))
      out.push_back((address_[x] % banks + banks - now_ / spacing % banks) % banks);
  save(operands, now_, out);
}

void Timeline::save(OperandSet operands, Time base, std::vector<Time>& out) const {
  for (int x : {kInputOperand, kWeightOperand})
    if (operands & operand_bit(x)) stream_[x].save(base, out);
  if ((operands & operand_bit(kOutputOperand)) == 0) return;
  read_back_.save(base, out);
  out.push_back(next_write_ - base);
  drained_.save(base, out);
  written_.save(base, out);
}

void Timeline::load(OperandSet operands, Time base, const std::vector<Time>& in) {
  const Time* next = in.data();
  now_ = *next++ + base;
  for (int x : {kInputOperand, kWeightOperand})
    if (operands & operand_bit(x)) next = stream_[x].load(base, next);
  if ((operands & operand_bit(kOutputOperand)) == 0) return;
  next = read_back_.load(base, next);
  next_write_ = *next++ + base;
  written_.load(base, drained_.load(base, next));
}

void Timeline::shift(OperandSet operands, Time by) {
  now_ += by;
  for (int x : {kInputOperand, kWeightOperand})
    if (operands & operand_bit(x)) stream_[x].shift(by);
  if ((operands & operand_bit(kOutputOperand)) == 0) return;
  read_back_.shift(by);
  next_write_ += by;
  drained_.shift(by);
  written_.shift(by);
}

}  // namespace tessera::hw
