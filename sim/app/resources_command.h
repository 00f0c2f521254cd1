#pragma once

#include "sim/app/command.h"

namespace tessera::app {

Command resources_command();

}  // namespace tessera::app
