// `tessera sweep`: a parameter study, run by run.
#pragma once

#include "sim/app/command.h"

namespace tessera::app {

Command sweep_command();

}  // namespace tessera::app
