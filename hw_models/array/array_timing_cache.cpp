#include "hw_models/array/array_timing_cache.h"

#include <algorithm>

namespace tessera::hw {

const ArrayTiming& ArrayTimingCache::time(const ArrayWork& work, Cycle start) {
  Key key = key_of(work, start);
  if (const auto known = entries_.find(key); known != entries_.end()) {
    ++hits_;
    return known->second;
  }
  ++misses_;
  if (entries_.size() == most_entries_) entries_.clear();
  return entries_.emplace(std::move(key), array_.time(work, start)).first->second;
}

ArrayTimingCache::Key ArrayTimingCache::key_of(const ArrayWork& work, Cycle start) const {
  const auto spacing =
      std::max<Cycle>(1, static_cast<Cycle>(array_.slot_period()) / static_cast<Cycle>(banks_));
  const auto slot = static_cast<std::int64_t>(start / spacing % static_cast<Cycle>(banks_));
  Key key = {static_cast<std::int64_t>(start % spacing),
             work.rows_used,
             work.columns_used,
             static_cast<std::int64_t>(work.reduction),
             work.accumulate_in_buffer,
             work.macs};
  for (int x = 0; x < kOperands; ++x) {
    const ArrayOperand& operand = work.operand[x];
    key.insert(key.end(), {operand.words_per_fill, operand.store_depth, operand.multicast,
                           operand.double_buffered, operand.register_words, operand.slide_words,
                           (work.line_address[x] % banks_ + banks_ - slot) % banks_});
  }
  for (const ArrayLoop& loop : work.loops)
    key.insert(key.end(),
               {loop.count, loop.indexes[0] + 2 * loop.indexes[1] + 4 * loop.indexes[2]});
  return key;
}

}  // namespace tessera::hw
