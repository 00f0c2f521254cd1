// Instructions of a small array, whose cycles tests derive by hand.
//
// Unless a test says otherwise: 8 x 8 PEs, 16-bit words, a buffer of 8 banks with lines of 16
// words, every bus 8 words per cycle, start in cycle 0. In cycle t stream s reaches the line
// addresses that equal t + s modulo 8, so `reached(s, t)` is an address whose first line has no
// alignment wait in cycle t.
#pragma once

#include <gtest/gtest.h>

#include "hw_models/array/pe_array.h"

namespace tessera::hw {

inline constexpr int kRows = 8;
inline constexpr int kColumns = 8;

inline std::int64_t reached(int stream, Cycle t) { return static_cast<std::int64_t>(t) + stream; }

/// Inputs and weights meet their banks in cycle 0.
inline void align_operands(ArrayWork& work) {
  work.line_address[kInputOperand] = reached(kInputStream, 0);
  work.line_address[kWeightOperand] = reached(kWeightStream, 0);
}

inline PeArrayDescription array_of(Delivery delivery, SpatialReduction reduction, int bus) {
  PeArrayDescription array;
  array.rows = kRows;
  array.columns = kColumns;
  array.delivery[kInputOperand] = array.delivery[kWeightOperand] = delivery;
  array.reduction = reduction;
  array.register_bytes = 1024;
  for (int& words : array.bus_words_per_cycle) words = bus;
  return array;
}

inline ArrayTiming time(const PeArrayDescription& array, const ArrayWork& work, Cycle start = 0,
                        int ports = 2) {
  BufferDescription buffer;
  buffer.ports = ports;
  const PeArray model(array, buffer, 2);
  model.check(work, "test");
  return model.time(work, start);
}

inline ArrayLoop loop(std::int64_t count, bool input, bool weight, bool output) {
  return {count, {input, weight, output}};
}

inline ArrayWork full_array(std::vector<ArrayLoop> loops) {
  ArrayWork work;
  work.rows_used = kRows;
  work.columns_used = kColumns;
  work.loops = std::move(loops);
  return work;
}

}  // namespace tessera::hw
