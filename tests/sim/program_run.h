// Runs the built `tessera` program as a user does, in a folder of its own.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace tessera::test {

/// How a program ended and what it said.
struct ProgramEnd {
  int exit_code = -1;  ///< -1: ended by a signal
  int signal = 0;      ///< that ended it, 0: none
  std::string errors;  ///< standard error
};

/// What the caller does to the running program, for example a signal after some time.
using Meddle = std::function<void(pid_t child)>;

/// Runs tessera in `folder` with these arguments; standard output is dropped. `address_space_bytes`
/// limits its memory, 0: no limit.
ProgramEnd run_tessera(const std::filesystem::path& folder,
                       const std::vector<std::string>& arguments, const Meddle& meddle = {},
                       std::size_t address_space_bytes = 0);

/// A new empty folder for the test that is running.
std::filesystem::path empty_test_folder();

/// Files below a folder that a run leaves, names relative to it, sorted.
std::vector<std::string> files_below(const std::filesystem::path& folder);

}  // namespace tessera::test
