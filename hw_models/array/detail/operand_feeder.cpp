#include "hw_models/array/detail/operand_feeder.h"

#include <algorithm>

#include "sim/base/error.h"

namespace tessera::hw::detail {

OperandFeeder::OperandFeeder(const sc_core::sc_module_name& name, Phases& phases,
                             BufferArbiter& arbiter)
    : sc_module(name), phases_(phases), arbiter_(arbiter) {
  SC_HAS_PROCESS(OperandFeeder);
  SC_METHOD(read);
  sensitive << phases_.ev_read;
  dont_initialize();
  SC_METHOD(bus);
  sensitive << phases_.ev_bus;
  dont_initialize();
}

void OperandFeeder::configure(const ArrayWork& work, const FeederSetup& setup,
                              std::vector<ProcessingElement*> receivers) {
  setup_ = setup;
  receivers_ = std::move(receivers);
  reading_.emplace(work, setup.operand, setup.whole.lines, setup.slid.lines);
  completing_.emplace(work, setup.operand, setup.whole.lines, setup.slid.lines);
  reading_line_ = released_ = written_ = started_tiles_ = 0;
  held_.clear();
  loaded_by_.clear();
  released_by_.clear();
  carrying_ = false;
  in_loaded = in_released = in_started = in_written = in_go = {};
  edge = {};
  skip_unread();
}

void OperandFeeder::read() {
  if (!setup_) return;
  take_reports();
  complete_unread_tiles();
  if (setup_->waits_for_weights && in_go.ready(phases_.now)) setup_->waits_for_weights = false;
  if (!reading_->done() && !setup_->waits_for_weights) read_line();
}

void OperandFeeder::take_reports() {
  const auto last_report = [](std::map<std::int64_t, std::int64_t>& by, std::int64_t fill,
                              std::int64_t reports) {
    if (++by[fill] < reports) return false;
    by.erase(fill);
    return true;
  };
  while (in_loaded.ready(phases_.now)) {
    const std::int64_t fill = in_loaded.pop().fill;
    if (last_report(loaded_by_, fill, setup_->loaded_reports)) complete(fill);
  }
  while (in_released.ready(phases_.now))
    if (last_report(released_by_, in_released.pop().fill, setup_->released_reports)) ++released_;
  for (; in_started.ready(phases_.now); in_started.pop()) ++started_tiles_;
  for (; in_written.ready(phases_.now); in_written.pop()) ++written_;
}

/// All PEs have the fill: its lines leave the FIFO, the bus is free, steps may use it.
void OperandFeeder::complete(std::int64_t fill) {
  if (fill != completing_->number() || held_.empty() || held_.front().fill != fill)
    throw InvariantViolation(name(), phases_.now, "fill ", fill, " completed out of order");
  const bool announced = carried_shape().usable_after > 0;
  held_.pop_front();
  completing_->advance();
  carrying_ = false;
  if (setup_->mode != FeedMode::kEdgeRegister && !announced) out_ready->push(phases_.now, {fill});
  for (auto* waiting : out_go)
    if (waiting != nullptr && fill == 0) waiting->push(phases_.now + 1, {fill});
}

/// A tile whose sums are not read gives up its place in the FIFO when its first step has been
/// issued.
void OperandFeeder::complete_unread_tiles() {
  while (setup_->only_revisits && !completing_->done() && !completing_->revisits() &&
         completing_->number() < started_tiles_)
    completing_->advance();
}

void OperandFeeder::skip_unread() {
  while (setup_->only_revisits && !reading_->done() && !reading_->revisits()) reading_->advance();
}

bool OperandFeeder::may_read_fill() const {
  const std::int64_t fill = reading_->number();
  if (fill - completing_->number() >= setup_->fifo_fills) return false;
  return setup_->hazard == 0 || fill < setup_->hazard || written_ > fill - setup_->hazard;
}

/// Lines read and not yet wholly carried.
std::int64_t OperandFeeder::lines_held() const {
  const bool last_in_part = !reading_->done() && reading_line_ > 0;
  const std::int64_t complete = std::ssize(held_) - (last_in_part ? 1 : 0);
  std::int64_t lines = reading_line_;
  for (std::int64_t i = 0; i < complete; ++i) lines += shape(held_[i].slid).lines;
  return lines - (carrying_ ? carried_ / setup_->words_per_line : 0);
}

void OperandFeeder::read_line() {
  if (reading_line_ == 0 && !may_read_fill()) return;
  if (lines_held() >= setup_->fifo_lines) return;
  const std::int64_t line = reading_->first_line() + reading_line_;
  if (!arbiter_.offers(setup_->stream, line)) return;
  arbiter_.access(setup_->stream, line);
  if (reading_line_ == 0) held_.push_back({reading_->number(), reading_->slid()});
  if (++reading_line_ < shape(reading_->slid()).lines) return;
  reading_line_ = 0;
  reading_->advance();
  skip_unread();
}

bool OperandFeeder::may_start() const {
  return !held_.empty() && held_.front().fill == completing_->number() &&
         held_.front().fill - released_ < setup_->copies;
}

void OperandFeeder::bus() {
  if (!setup_) return;
  if (!carrying_) {
    if (!may_start()) return;
    carrying_ = true;
    carry_start_ = phases_.now;
    carried_ = 0;
    shifts_ = 0;
  }
  carry();
  announce();
  if (setup_->mode == FeedMode::kShift) shift_if_ready();
}

/// The bus has a known time left: steps that use the words as they come may start.
void OperandFeeder::announce() {
  if (carried_shape().usable_after == phases_.now - carry_start_ + 1)
    out_ready->push(phases_.now + 1, {held_.front().fill});
}

/// The FIFO gives up a line per slot of the port, however long its lines have been waiting.
void OperandFeeder::carry() {
  const auto slots =
      static_cast<std::int64_t>((phases_.now - carry_start_) / setup_->slot_spacing) + 1;
  const std::int64_t lines = std::min(slots, carried_shape().lines);
  const std::int64_t there = std::min(lines * setup_->words_per_line, carried_shape().words);
  const std::int64_t words = std::min(setup_->bus_words, there - carried_);
  const bool all_read =
      held_.size() > 1 || reading_->done() || reading_->number() != held_.front().fill;
  if (!all_read && reading_line_ * setup_->words_per_line < carried_ + words)
    throw InvariantViolation(name(), phases_.now, "the line FIFO ran dry in fill ",
                             held_.front().fill);
  if (words == 0) return;
  carried_ += words;
  hand_over(words);
}

void OperandFeeder::hand_over(std::int64_t words) {
  const std::int64_t fill = held_.front().fill, all = carried_shape().words;
  if (setup_->mode == FeedMode::kBroadcast)
    for (auto* pe : receivers_)
      pe->in_words[setup_->operand].push(phases_.now, {fill, words, all, -1});
  if (setup_->mode == FeedMode::kEdgeRegister && carried_ == all) {
    out_ready->push(phases_.now, {fill});
    in_loaded.push(phases_.now + 1, {fill});
  }
}

void OperandFeeder::shift_if_ready() {
  if (shifts_ == setup_->shift_length) return;
  const std::int64_t words = carried_shape().words;
  const std::int64_t per_place = ceil_div<std::int64_t>(words, setup_->shift_length);
  const std::int64_t needed = std::min((shifts_ + 1) * per_place, words);
  if (carried_ < needed) return;
  const std::int64_t fill = held_.front().fill;
  if (!edge.empty()) edge.pop();
  edge.push(phases_.now, {fill, per_place, words, setup_->shift_length - 1 - shifts_});
  for (auto* pe : receivers_) pe->in_shift[setup_->operand].push(phases_.now, {fill});
  ++shifts_;
}

}  // namespace tessera::hw::detail
