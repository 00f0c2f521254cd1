// Starting programs and hearing how they ended.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace tessera::sweep {

/// Where a child's output goes; empty: /dev/null.
struct ChildOutput {
  std::filesystem::path standard, errors;
};

/// Starts a program, found on PATH unless its name holds a slash. It is killed when the calling
/// process dies. One that cannot be executed ends with exit code 127.
pid_t start(const std::vector<std::string>& command, const ChildOutput& output);

/// How a child ended.
struct ChildEnd {
  pid_t child = -1;    ///< -1: there was none to wait for
  int exit_code = -1;  ///< -1: a signal ended it
  int signal = 0;
};

/// Waits for any child, or for one; with `block` false returns at once when none has ended.
ChildEnd wait_for_any(bool block = true);
ChildEnd wait_for(pid_t child, bool block = true);

/// Runs a command to its end.
struct CommandOutput {
  int exit_code = -1;
  std::string standard, errors;
};
CommandOutput run(const std::vector<std::string>& command);

/// The running program's own file.
std::filesystem::path own_program();

}  // namespace tessera::sweep
