// Remembers the timing of array instructions: layers issue the same few thousands of times.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "hw_models/array/array_work.h"
#include "hw_models/array/pe_array.h"

namespace tessera::hw {

/// PeArray::time by (work, start phase). Starts and line addresses that differ by whole rotations
/// of the bank slots share an entry. Forgets everything when full, which changes no result.
class ArrayTimingCache {
 public:
  explicit ArrayTimingCache(const PeArray& array, int banks, std::size_t most_entries = 1 << 14)
      : array_(array), banks_(banks), most_entries_(most_entries) {}

  /// The reference holds until the next call.
  const ArrayTiming& time(const ArrayWork& work, Cycle start);

  std::size_t hits() const { return hits_; }
  std::size_t misses() const { return misses_; }

 private:
  using Key = std::vector<std::int64_t>;
  Key key_of(const ArrayWork& work, Cycle start) const;

  const PeArray& array_;
  std::int64_t banks_;
  std::size_t most_entries_;
  std::map<Key, ArrayTiming> entries_;
  std::size_t hits_ = 0;
  std::size_t misses_ = 0;
};

}  // namespace tessera::hw
