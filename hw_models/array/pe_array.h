// Timing of the PE array in closed form.
#pragma once

#include <string>

#include "hw_models/array/array_plan.h"
#include "hw_models/array/array_work.h"
#include "hw_models/buffer/buffer_ports.h"
#include "hw_models/description/accelerator.h"

namespace tessera::hw {

/// Grid of PEs with a delivery bus per operand, register stores, a reduction path and the line
/// FIFOs between buffer and buses. Executes one instruction at a time from a quiet state. Leaves
/// out: values (functional mode has them), zero skipping, and instruction overlap: the next
/// instruction's fills start when this one has ended.
class PeArray {
 public:
  PeArray(const PeArrayDescription& array, const BufferDescription& buffer, int word_bytes);

  /// Cycles and counts of the work when it starts in cycle `start`. A pure function of the work and
  /// of start modulo slot_period(); its cost grows with the changes of register contents up to the
  /// point where they repeat, not with the steps.
  ArrayTiming time(const ArrayWork& work, Cycle start) const;

  /// UserError when the array cannot execute the work; `origin` leads the message.
  void check(const ArrayWork& work, const std::string& origin) const {
    check_array_work(array_, word_bytes_, work, origin);
  }

  Cycle slot_period() const { return ports_.slot_period(); }

 private:
  PeArrayDescription array_;
  BufferDescription buffer_;
  int word_bytes_;
  BufferPorts ports_;
};

}  // namespace tessera::hw
