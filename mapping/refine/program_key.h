// What decides how long a program takes: everything but names.
#pragma once

#include <string>

#include "mapping/program.h"

namespace tessera::mapping {

/// Equal for programs that take the same time on one machine.
std::string key_of(Program program);

}  // namespace tessera::mapping
