// `tessera list`: what can be named on the command line.
#pragma once

#include "sim/app/command.h"

namespace tessera::app {

Command list_command();

}  // namespace tessera::app
