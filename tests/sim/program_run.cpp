#include "tests/sim/program_run.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <stdexcept>

#include "sim/base/message_io.h"

namespace tessera::test {

namespace fs = std::filesystem;

namespace {

void redirect(int stream, const char* path) {
  const int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (file < 0 || dup2(file, stream) < 0) _exit(126);
}

[[noreturn]] void become_tessera(const fs::path& folder, const fs::path& errors,
                                 const std::vector<std::string>& arguments,
                                 std::size_t address_space_bytes) {
  if (chdir(folder.c_str()) != 0) _exit(126);
  redirect(STDOUT_FILENO, "/dev/null");
  redirect(STDERR_FILENO, errors.c_str());
  if (address_space_bytes != 0) {
    const rlimit limit{address_space_bytes, address_space_bytes};
    setrlimit(RLIMIT_AS, &limit);
  }
  std::vector<char*> words = {const_cast<char*>(TESSERA_PROGRAM)};
  for (const auto& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  execv(TESSERA_PROGRAM, words.data());
  _exit(127);
}

}  // namespace

ProgramEnd run_tessera(const fs::path& folder, const std::vector<std::string>& arguments,
                       const Meddle& meddle, std::size_t address_space_bytes) {
  const fs::path errors = folder.string() + ".errors";
  // Made here so that it exists even when the child is stopped before it starts.
  std::ofstream(errors).close();
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("cannot fork");
  if (child == 0) become_tessera(folder, errors, arguments, address_space_bytes);
  if (meddle) meddle(child);
  int status = 0;
  waitpid(child, &status, 0);
  ProgramEnd end;
  if (WIFEXITED(status)) end.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) end.signal = WTERMSIG(status);
  end.errors = read_file(errors.string());
  fs::remove(errors);
  return end;
}

fs::path empty_test_folder() {
  const auto* test = testing::UnitTest::GetInstance()->current_test_info();
  std::string name = std::string(test->test_suite_name()) + "." + test->name();
  std::ranges::replace(name, '/', '.');
  const fs::path folder = fs::path(testing::TempDir()) / ("tessera." + name);
  fs::remove_all(folder);
  fs::create_directories(folder);
  return folder;
}

std::vector<std::string> files_below(const fs::path& folder) {
  std::vector<std::string> names;
  if (!fs::exists(folder)) return names;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file()) names.push_back(fs::relative(entry.path(), folder).string());
  std::ranges::sort(names);
  return names;
}

}  // namespace tessera::test
