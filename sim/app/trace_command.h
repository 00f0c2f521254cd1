// `tessera trace record|check|show|diff`
#pragma once

#include "sim/app/command.h"

namespace tessera::app {

Command trace_command();

}  // namespace tessera::app
