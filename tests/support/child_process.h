// Runs a piece of a test in a process of its own: a SystemC kernel serves one simulation per
// process, and a test that needs several has to fork.
#pragma once

#include <functional>
#include <string>

namespace tessera::test {

/// How a piece of work in a child process ended.
struct ChildResult {
  enum class End { kReturned, kUserError, kInvariantViolation, kNoProgress, kOther };
  End end = End::kOther;
  std::string text;  ///< what the work returned, or the message of its exception

  bool ok() const { return end == End::kReturned; }
};

/// Forks, calls `work` in the child and brings back its string or its exception. A child that dies
/// is kOther with the signal or exit code.
ChildResult in_child(const std::function<std::string()>& work);

}  // namespace tessera::test
