// `tessera noc`: the network on its own.
#pragma once

#include "sim/app/command.h"

namespace tessera::app {

Command noc_command();

}  // namespace tessera::app
