// A subcommand of the `tessera` program. One file per command; command.cpp lists them.
#pragma once

#include <boost/program_options.hpp>
#include <string>
#include <vector>

namespace tessera::app {

/// What the command line, the man page and the shell completion know of a command.
struct Command {
  std::string name;
  std::string summary;  ///< one line
  /// Options with their descriptions; the parser, --help and the man page all come from here.
  boost::program_options::options_description (*options)();
  /// Runs with parsed options. Throws the errors of sim/base/error.h; returns normally on success.
  void (*run)(const boost::program_options::variables_map& options);
  /// Names of positional arguments in order, "" for none; the last may be repeated when it ends in
  /// "...".
  std::vector<std::string> positional = {};
};

/// All commands in the order in which --help prints them.
const std::vector<Command>& commands();

/// Parses and runs; prints errors as one line on standard error. Returns the exit code.
int run_program(int argc, char** argv);

}  // namespace tessera::app
