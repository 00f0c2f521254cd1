// --tangram-...: what the schedule `tangram` may use.
#pragma once

#include <boost/program_options.hpp>
#include <string>

#include "mapping/tangram/switches.h"

namespace tessera::app {

boost::program_options::options_description tangram_options();

/// UserError for an unknown value, and when one is given with another schedule.
mapping::TangramSwitches tangram_switches(const boost::program_options::variables_map& options,
                                          const std::string& schedule);

}  // namespace tessera::app
