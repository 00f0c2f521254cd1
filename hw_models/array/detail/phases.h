// The order of events inside a clock cycle of the detailed array.
#pragma once

#include <systemc>

#include "sim/base/types.h"

namespace tessera::hw::detail {

/// One event per phase, fired in this order in successive delta cycles of every clock cycle in
/// which the array works. Combinational paths lead from earlier to later phases only.
struct Phases {
  sc_core::sc_event ev_read;     ///< feeders take buffer lines
  sc_core::sc_event ev_bus;      ///< buses carry words towards the PEs
  sc_core::sc_event ev_issue;    ///< the sequencer issues a step
  sc_core::sc_event ev_execute;  ///< PEs
  sc_core::sc_event ev_collect;  ///< results leave
  sc_core::sc_event ev_write;    ///< result lines are written
  Cycle now = 0;                 ///< cycle of the chip clock
};

}  // namespace tessera::hw::detail
