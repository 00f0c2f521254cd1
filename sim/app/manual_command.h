// `tessera man` and `tessera completion`: written from the commands' option tables.
#pragma once

#include "sim/app/command.h"

namespace tessera::app {

Command man_command();
Command completion_command();

}  // namespace tessera::app
