// `tessera run`
#pragma once

#include "sim/app/command.h"

namespace tessera::app {

Command run_command();

}  // namespace tessera::app
