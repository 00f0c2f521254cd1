#include "hw_models/array/pe_array.h"

#include "hw_models/array/nest_walk.h"
#include "hw_models/array/timeline.h"

namespace tessera::hw {

PeArray::PeArray(const PeArrayDescription& array, const BufferDescription& buffer, int word_bytes)
    : array_(array), buffer_(buffer), word_bytes_(word_bytes), ports_(buffer) {}

ArrayTiming PeArray::time(const ArrayWork& work, Cycle start) const {
  const ArrayPlan plan(array_, buffer_, word_bytes_, work);
  const Time begin = static_cast<Time>(start % slot_period());
  Timeline timeline(plan, work, ports_, begin);
  NestWalk(plan, work, timeline).run();

  ArrayTiming timing;
  timing.cycles = static_cast<Cycle>(timeline.last_written() - begin);
  timing.steady = static_cast<Cycle>(plan.steps);
  timing.fill = static_cast<Cycle>(timeline.first_step() - begin);
  timing.drain = static_cast<Cycle>(timeline.last_written() - timeline.now());
  timing.stall = timing.cycles - timing.steady - timing.fill - timing.drain;
  timing.counts = plan.counts(work);
  if (array_.instant) {
    timing.cycles -= timing.fill + timing.drain;
    timing.fill = timing.drain = 0;
  }
  return timing;
}

}  // namespace tessera::hw
