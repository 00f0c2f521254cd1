// What a run executes: resolved from the command line by every command that simulates.
#pragma once

#include <boost/program_options.hpp>
#include <optional>
#include <string>

#include "hw_models/description/accelerator.h"
#include "mapping/estimate.h"
#include "mapping/program.h"
#include "sim/machine/machine.h"
#include "sim/result.pb.h"

namespace tessera::app {

/// Everything on a command line that decides what happens in a run: inputs, --program, --detail,
/// --functional,
/// --seed. Where results go and what is printed is the command's own.
boost::program_options::options_description job_options();

/// What a run executes and where it came from.
struct Job {
  hw::Accelerator accelerator;
  mapping::Program program;
  sim::proto::Manifest manifest;
  std::string schedule;
  std::optional<mapping::Estimate> expected;  ///< by the scheduler
  std::string tool;                           ///< whose schedule it is; "" for ours
  std::string origin;                         ///< file that a fault of the program is blamed on
  sim::MachineOptions machine;
};

/// Loads, schedules, lowers and checks.
Job load_job(const boost::program_options::variables_map& values);

}  // namespace tessera::app
