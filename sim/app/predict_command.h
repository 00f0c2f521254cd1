// `tessera predict`: what an analytical model says, without simulation.
#pragma once

#include "sim/app/command.h"

namespace tessera::app {

Command predict_command();

}  // namespace tessera::app
