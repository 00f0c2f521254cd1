// Events as columns of small numbers, and back.
#pragma once

#include <span>
#include <vector>

#include "sim/trace.pb.h"
#include "sim/trace/event.h"

namespace tessera::sim {

proto::TraceEvents to_columns(std::span<const TraceEvent> events);

/// Throws DamagedPart when the columns do not fit together.
std::vector<TraceEvent> from_columns(proto::TraceEvents& message);

}  // namespace tessera::sim
