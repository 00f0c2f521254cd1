// The three ways a run can end badly. Models throw; only the command line prints and picks exit
// codes.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

#include "sim/base/types.h"

namespace tessera {

namespace detail {
template <typename... Parts>
std::string concatenate(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}
}  // namespace detail

/// The user's mistake: one line naming file, line or field, the value given and what is allowed.
/// Exit code 2.
class UserError : public std::runtime_error {
 public:
  template <typename... Parts>
  explicit UserError(const Parts&... parts) : std::runtime_error(detail::concatenate(parts...)) {}
};

/// Our mistake: an invariant does not hold. Names the module and the cycle. Exit code 3.
class InvariantViolation : public std::logic_error {
 public:
  template <typename... Parts>
  InvariantViolation(const std::string& module, Cycle cycle, const Parts&... parts)
      : std::logic_error(detail::concatenate(module, " at cycle ", cycle, ": ", parts...)) {}
  /// One that another process found.
  explicit InvariantViolation(const std::string& text) : std::logic_error(text) {}
};

/// The machine cannot move: the text lists who waits for what. Exit code 3.
class NoProgress : public std::runtime_error {
 public:
  template <typename... Parts>
  explicit NoProgress(const Parts&... parts) : std::runtime_error(detail::concatenate(parts...)) {}
};

/// A regression check found a difference. Exit code 4.
class DifferenceFound : public std::runtime_error {
 public:
  template <typename... Parts>
  explicit DifferenceFound(const Parts&... parts)
      : std::runtime_error(detail::concatenate(parts...)) {}
};

}  // namespace tessera
