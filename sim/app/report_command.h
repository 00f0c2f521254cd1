// `tessera report`.
#pragma once

#include "sim/app/command.h"

namespace tessera::app {

Command report_command();

}  // namespace tessera::app
