// A sweep of forty short runs by the built program, ten of which cannot be built.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "sim/base/scratch_folder.h"
#include "sim/sweep/process.h"

namespace tessera::test {

/// What a sweep's test does while it waits, and what it says when it has waited in vain.
struct Bystander {
  std::function<void()> tend = [] {};
  std::function<std::string()> standing = [] { return std::string(); };
};

/// Every wait has an end: std::runtime_error with the bystander's words after three minutes.
class SweepRun {
 public:
  static constexpr int kPoints = 40, kFailing = 10;

  SweepRun();

  void wait_beside(Bystander bystander) { bystander_ = std::move(bystander); }

  /// tessera sweep study --out NAME OPTIONS, to its end; the exit code. A sweep
  /// that says something on standard error fails the test.
  int run(const std::string& name, const std::vector<std::string>& options) const;
  /// The same, not waited for, and its end.
  pid_t start(const std::string& name, const std::vector<std::string>& options) const;
  int finish(const std::string& name, pid_t child) const;
  /// What the last sweep of this name said on standard error.
  std::string errors(const std::string& name) const;
  /// Returns when so many points are settled; std::runtime_error when the sweep ends before.
  void wait_for_settled(const std::string& name, pid_t child, int points) const;
  /// A run that is killed without warning once so many points are settled.
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

  [[noreturn]] void give_up(pid_t child, const std::string& what) const;

  ScratchFolder folder_;  ///< with the study in it
  Bystander bystander_;
};

/// Asks again and again until the answer is yes; false when it stays no for that long.
bool within(std::chrono::seconds limit, const std::function<bool()>& condition,
            std::chrono::milliseconds pause = std::chrono::milliseconds(10));

/// Whether a program can be found on PATH.
bool installed(const std::string& program);

}  // namespace tessera::test
