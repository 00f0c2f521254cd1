// `tessera dram`: one DRAM channel on its own.
#pragma once

#include "sim/app/command.h"

namespace tessera::app {

Command dram_command();

}  // namespace tessera::app
