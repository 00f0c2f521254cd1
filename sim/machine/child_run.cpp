#include "sim/machine/child_run.h"

#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>
#include <string>

#include "sim/base/error.h"
#include "sim/machine/machine.h"

namespace tessera::sim {

namespace {

/// First byte of what the child writes.
enum class End : char { kCycles = 'c', kUserError = 'u', kNoProgress = 'n', kFault = 'f' };

std::string report(End end, const std::string& text) { return static_cast<char>(end) + text; }

std::string run(const hw::Accelerator& accelerator, const mapping::Program& program,
                MachineOptions options) {
  try {
    Machine machine(accelerator, program, std::move(options));
    return report(End::kCycles, std::to_string(machine.run()));
  } catch (const UserError& error) {
    return report(End::kUserError, error.what());
  } catch (const NoProgress& error) {
    return report(End::kNoProgress, error.what());
  } catch (const std::exception& error) {
    return report(End::kFault, error.what());
  }
}

void write_all(int file, const std::string& bytes) {
  for (std::size_t written = 0; written < bytes.size();) {
    const ssize_t count = write(file, bytes.data() + written, bytes.size() - written);
    if (count <= 0) return;
    written += static_cast<std::size_t>(count);
  }
}

std::string read_all(int file) {
  std::string bytes;
  char block[4096];
  for (ssize_t count; (count = read(file, block, sizeof block)) > 0;)
    bytes.append(block, static_cast<std::size_t>(count));
  return bytes;
}

}  // namespace

Cycle cycles_in_child(const hw::Accelerator& accelerator, const mapping::Program& program,
                      MachineOptions options) {
  int ends[2];
  if (pipe(ends) != 0) throw std::runtime_error("no pipe to a child process");
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("cannot start a child process");
  if (child == 0) {
    close(ends[0]);
    write_all(ends[1], run(accelerator, program, std::move(options)));
    _exit(0);
  }
  close(ends[1]);
  const std::string bytes = read_all(ends[0]);
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (bytes.empty())
    throw std::runtime_error("a simulation in a child process ended with status " +
                             std::to_string(status));
  const std::string text = bytes.substr(1);
  switch (static_cast<End>(bytes[0])) {
    case End::kCycles:
      return std::stoull(text);
    case End::kUserError:
      throw UserError(text);
    case End::kNoProgress:
      throw NoProgress(text);
    default:
      throw std::runtime_error(text);
  }
}

}  // namespace tessera::sim
