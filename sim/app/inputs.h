// The three inputs of a run, resolved from the command line.
#pragma once

#include <boost/program_options.hpp>
#include <string>

#include "hw_models/description/accelerator.h"
#include "mapping/program.h"
#include "mapping/schedule.h"

namespace tessera::app {

/// --accelerator, --network, --schedule, --batch, --set.
boost::program_options::options_description input_options();

struct Inputs {
  hw::Accelerator accelerator;
  std::string accelerator_text;  ///< resolved description, for the manifest
  workloads::Network network;
  mapping::Schedule schedule;
  std::string tool;  ///< whose files these are; "" for ours
};

/// Loads and checks all three; makes the schedule when it is named rather than given as a file.
Inputs load_inputs(const boost::program_options::variables_map& options);

/// The program of the inputs; a UserError names the schedule it is about.
mapping::Program lower(const Inputs& inputs);

/// Runs the program checker; a UserError names `origin`, the file that the program came from.
void check_program(const mapping::Program& program, const hw::Accelerator& accelerator,
                   const std::string& origin);

/// The accelerator alone, with --set applied.
hw::Accelerator load_accelerator(const boost::program_options::variables_map& options,
                                 std::string& text);

/// The assignments of --set that concern the schedule.
std::vector<std::string> schedule_settings(const boost::program_options::variables_map& options);

/// UserError when --set concerns the schedule, where there is none to set anything in.
void refuse_schedule_settings(const boost::program_options::variables_map& options);
/// --ideal; none when it is not given.
hw::IdealSet ideal_of(const boost::program_options::variables_map& options);

/// Schedulers by name.
struct ScheduleKind {
  std::string name;
  std::string summary;
};
const std::vector<ScheduleKind>& schedule_kinds();

/// Value of one of `input_options`, or UserError saying that it is needed and what it may be.
std::string required_input(const boost::program_options::variables_map& options,
                           const std::string& name);

}  // namespace tessera::app
