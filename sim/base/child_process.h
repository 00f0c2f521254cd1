// Work in a process of its own: a SystemC kernel serves one simulation per process.
#pragma once

#include <functional>
#include <string>

namespace tessera {

/// How a piece of work in a child process ended.
struct ChildResult {
  enum class End { kReturned, kUserError, kInvariantViolation, kNoProgress, kOther };
  End end = End::kOther;
  std::string text;  ///< what the work returned, or the message of its exception

  bool ok() const { return end == End::kReturned; }
  /// The text of work that returned; otherwise throws what the work threw, with the same type and
  /// message (std::runtime_error for what is none of ours).
  const std::string& value() const;
};

/// Forks, calls `work` in the child and brings back its string or its exception. A child that dies
/// is kOther with its status.
ChildResult in_child(const std::function<std::string()>& work);

}  // namespace tessera
