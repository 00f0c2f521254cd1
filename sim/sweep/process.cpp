#include "sim/sweep/process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/base/error.h"
#include "sim/base/message_io.h"
#include "sim/base/scratch_folder.h"

namespace tessera::sweep {

namespace {

constexpr int kCannotExecute = 127;

int open_for(const std::string& path) {
  return open(path.empty() ? "/dev/null" : path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
}

ChildEnd end_of(pid_t child, int status) {
  if (WIFSIGNALED(status)) return {child, -1, WTERMSIG(status)};
  return {child, WEXITSTATUS(status), 0};
}

/// Only calls that are safe between fork and exec.
[[noreturn]] void become(char* const* arguments, int standard, int errors, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(kCannotExecute);
  const int nothing = open("/dev/null", O_RDONLY);
  dup2(nothing, STDIN_FILENO);
  dup2(standard, STDOUT_FILENO);
  dup2(errors, STDERR_FILENO);
  execvp(arguments[0], arguments);
  _exit(kCannotExecute);
}

}  // namespace

pid_t start(const std::vector<std::string>& command, const ChildOutput& output) {
  std::vector<char*> arguments;
  for (const auto& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const int standard = open_for(output.standard);
  const int errors = open_for(output.errors);
  if (standard < 0 || errors < 0) throw UserError(output.standard.string(), ": cannot be written");
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child < 0) throw UserError(command[0], ": cannot be started: no more processes");
  if (child == 0) become(arguments.data(), standard, errors, parent);
  close(standard);
  close(errors);
  return child;
}

ChildEnd wait_for_any(bool block) {
  int status = 0;
  const pid_t child = waitpid(-1, &status, block ? 0 : WNOHANG);
  return child <= 0 ? ChildEnd{} : end_of(child, status);
}

ChildEnd wait_for(pid_t child, bool block) {
  int status = 0;
  return waitpid(child, &status, block ? 0 : WNOHANG) <= 0 ? ChildEnd{} : end_of(child, status);
}

CommandOutput run(const std::vector<std::string>& command) {
  const ScratchFolder folder;
  const ChildOutput output = {folder / "standard", folder / "errors"};
  const auto end = wait_for(start(command, output));
  return {end.exit_code, read_file(output.standard), read_file(output.errors)};
}

std::filesystem::path own_program() { return std::filesystem::read_symlink("/proc/self/exe"); }

}  // namespace tessera::sweep
