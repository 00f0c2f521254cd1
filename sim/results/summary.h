// What a person reads after a run.
#pragma once

#include <string>

#include "sim/result.pb.h"

namespace tessera::sim {

std::string summary(const proto::Result& result, const proto::Host& host);

}  // namespace tessera::sim
