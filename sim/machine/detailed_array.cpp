#include "sim/machine/detailed_array.h"

namespace tessera::sim {

DetailedArray::DetailedArray(const sc_core::sc_module_name& name,
                             const hw::Accelerator& accelerator, std::uint64_t period_ps, Done done)
    : sc_module(name),
      period_ps_(period_ps),
      array_("array", accelerator.tile.array, accelerator.tile.buffer, accelerator.word_bytes(),
             sc_core::sc_time::from_value(period_ps)),
      done_(std::move(done)) {
  SC_HAS_PROCESS(DetailedArray);
  SC_METHOD(start);
  sensitive << ev_start_;
  dont_initialize();
  SC_METHOD(finish);
  sensitive << array_.ev_done();
  dont_initialize();
}

void DetailedArray::begin(const hw::ArrayWork& work, Cycle now, Cycle start) {
  work_ = work;
  ev_start_.notify(sc_core::sc_time::from_value((start - now) * period_ps_));
}

void DetailedArray::start() { array_.start(work_); }

void DetailedArray::finish() { done_(array_.timing()); }

}  // namespace tessera::sim
