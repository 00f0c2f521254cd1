// What the schedule `pipeorgan` decides by itself and what it is told.
#pragma once

#include <optional>
#include <string>

#include "mapping/schedule.h"

namespace tessera::mapping {

/// Written behind the scheduler's name: pipeorgan:depth=2,organisation=blocked_1d,rows=1. What is
/// not given is decided by the policies described with `schedule_pipeorgan`. With a depth, every
/// run of exactly so many layers that can form a pipeline does, front to back, whatever analysis
/// says of it.
struct PipelinePolicy {
  int depth = 0;  ///< layers of a pipeline; 0: the weights decide
  std::optional<Organisation> organisation;
  int rows = 0;  ///< of the last layer's maps handed over at a time; 0: one
};

/// UserError naming what is wrong and what is allowed. `text` may be empty.
PipelinePolicy parse_pipeline_policy(const std::string& text);

}  // namespace tessera::mapping
