// A sweep of forty short runs by the built program, ten of which cannot be built.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "sim/sweep/process.h"

namespace tessera::test {

class SweepRun {
 public:
  static constexpr int kPoints = 40, kFailing = 10;

  /// A new folder for the test that is running, with the study in it.
  SweepRun();
  ~SweepRun();

  /// tessera sweep study --out NAME OPTIONS, to its end; the exit code.
  int run(const std::string& name, const std::vector<std::string>& options) const;
  /// The same, not waited for.
  pid_t start(const std::string& name, const std::vector<std::string>& options) const {
    return sweep::start(command(name, options), {});
  }
  /// The same, but killed without warning once so many points are settled.
  void run_and_kill(const std::string& name, const std::vector<std::string>& options,
                    int settled) const;

  std::filesystem::path out(const std::string& name) const { return folder_ / name; }
  std::string table(const std::string& name) const;
  int settled(const std::string& name) const;
  /// When each finished point was written.
  std::vector<std::filesystem::file_time_type> times(const std::string& name) const;

 private:
  std::vector<std::string> command(const std::string& name,
                                   const std::vector<std::string>& options) const;

  std::filesystem::path folder_;
};

/// Whether a program can be found on PATH.
bool installed(const std::string& program);

}  // namespace tessera::test
