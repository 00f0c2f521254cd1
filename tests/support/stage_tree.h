// Stage plans for tests, which can force any partition, blocking, loop order and home on any layer.
#pragma once

#include "hw_models/description/accelerator.h"
#include "mapping/schedule.h"
#include "mapping/stage_plan.h"

namespace tessera::test {

/// A plan that runs the whole layer on tile 0 in one piece.
mapping::StagePlan plain_plan(const workloads::Network& network, workloads::LayerId layer);

/// Chooses how the innermost tile of the plan runs on the PE array.
void choose_array(mapping::StagePlan& plan, const workloads::Network& network,
                  const hw::Accelerator& accelerator);

/// All plans one after the other.
mapping::Schedule schedule_of(const workloads::Network& network,
                              const std::vector<mapping::StagePlan>& plans);

/// The children from `first` to `last` of a sequence as a segment: a pipeline of whole stages.
void join(mapping::Schedule& schedule, int first, int last);

}  // namespace tessera::test
