#include "hw_models/array/detail/result_collector.h"

#include <algorithm>

#include "sim/base/error.h"

namespace tessera::hw::detail {

ResultCollector::ResultCollector(const sc_core::sc_module_name& name, Phases& phases,
                                 BufferArbiter& arbiter)
    : sc_module(name), phases_(phases), arbiter_(arbiter) {
  SC_HAS_PROCESS(ResultCollector);
  SC_METHOD(collect);
  sensitive << phases_.ev_collect;
  dont_initialize();
  SC_METHOD(write);
  sensitive << phases_.ev_write;
  dont_initialize();
}

void ResultCollector::configure(const ArrayWork& work, const CollectorSetup& setup) {
  setup_ = setup;
  lag_ = burst_lag();
  reported_.clear();
  tiles_.clear();
  in_results = complete_ = {};
  drained_ = written_ = writing_line_ = 0;
  writing_.emplace(work, kOutputOperand, setup.lines);
}

/// Fewest cycles behind the first bus cycle at which a burst may start so that a line per slot
/// never overtakes the bus: tried out.
Cycle ResultCollector::burst_lag() const {
  for (Cycle lag = 0;; ++lag) {
    bool overtakes = false;
    std::int64_t carried = 0;
    Cycle bus_cycle = 0;
    for (std::int64_t line = 0; line < setup_.lines; ++line) {
      const std::int64_t needed = std::min((line + 1) * setup_.words_per_line, setup_.words);
      for (; carried < needed; ++bus_cycle) carried += setup_.bus_words;
      overtakes |= lag + static_cast<Cycle>(line) * setup_.slot_spacing + 1 < bus_cycle;
    }
    if (!overtakes) return lag;
  }
}

void ResultCollector::collect() {
  while (in_results.ready(phases_.now)) {
    const SumToken sum = in_results.pop();
    if (++reported_[sum.tile] < setup_.reports) continue;
    reported_.erase(sum.tile);
    complete_.push(phases_.now + setup_.latency, sum);
  }
  carry();
}

void ResultCollector::carry() {
  const auto current = tiles_.find(drained_);
  if (current == tiles_.end()) {
    if (!complete_.ready(phases_.now) || drained_ - written_ >= setup_.fifo_tiles) return;
    if (complete_.pop().tile != drained_)
      throw InvariantViolation(name(), phases_.now, "tile ", drained_, " was overtaken");
    tiles_[drained_] = {phases_.now, 0};
  }
  BusTile& tile = tiles_[drained_];
  tile.carried = std::min(tile.carried + setup_.bus_words, setup_.words);
  if (tile.carried < setup_.words) return;
  for (auto* listener : out_drained)
    if (listener != nullptr) listener->push(phases_.now + 1, {drained_});
  ++drained_;
}

void ResultCollector::write() {
  const auto tile = tiles_.find(written_);
  if (tile == tiles_.end()) return;
  if (writing_line_ == 0 && phases_.now < tile->second.start + lag_) return;
  const std::int64_t line = writing_->first_line() + writing_line_;
  if (!arbiter_.offers(kOutputStream, line)) return;
  const std::int64_t needed = std::min((writing_line_ + 1) * setup_.words_per_line, setup_.words);
  if (tile->second.carried < needed)
    throw InvariantViolation(name(), phases_.now, "a burst of writes ran dry in tile ", written_);
  arbiter_.access(kOutputStream, line);
  if (++writing_line_ < setup_.lines) return;
  writing_line_ = 0;
  if (out_written != nullptr) out_written->push(phases_.now + 1, {written_});
  tiles_.erase(tile);
  writing_->advance();
  ++written_;
}

}  // namespace tessera::hw::detail
