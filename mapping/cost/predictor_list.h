// The one list of analytical models: adding a model is a declaration here and a line in
// predictor_list.cpp.
#pragma once

#include <memory>

#include "mapping/cost/predictor.h"

namespace tessera::mapping {}  // namespace tessera::mapping
