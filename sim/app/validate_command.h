// `tessera validate`: prediction beside simulation of the same schedule tree.
#pragma once

#include "sim/app/command.h"

namespace tessera::app {

Command validate_command();

}  // namespace tessera::app
