// `tessera compile`
#pragma once

#include "sim/app/command.h"

namespace tessera::app {

Command compile_command();

}  // namespace tessera::app
