// --refine: finalists of a scheduler decided by simulation.
#pragma once

#include <boost/program_options.hpp>
#include <string>

#include "mapping/schedule.h"
#include "sim/app/inputs.h"

namespace tessera::app {

/// --refine and what bounds or helps it.
boost::program_options::options_description refine_options();

/// Finalists per place that a command line asks for with a scheduler; 0: analysis decides alone.
/// UserError when the scheduler has no finalists.
int finalists_of(const boost::program_options::variables_map& options, const std::string& schedule);

/// The schedule of a scheduler with finalists, told `policy` where it takes one. Candidates are
/// simulated in child processes.
mapping::Schedule refined_schedule(const std::string& name, const std::string& policy,
                                   const Inputs& inputs,
                                   const boost::program_options::variables_map& options);

}  // namespace tessera::app
