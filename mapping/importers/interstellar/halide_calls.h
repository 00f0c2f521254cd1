// A Halide-style schedule as the calls that it makes, before they mean anything.
#pragma once

#include <string>
#include <vector>

namespace tessera::mapping::interstellar {

struct HalideToken {
  std::string text;  ///< a name, a whole number or one of . , ; ( ) { }
  int line = 0;      ///< from 1
};

/// An argument: a name, a number, or names in braces.
struct HalideArgument {
  std::vector<HalideToken> tokens;  ///< without braces and commas
  bool list = false;
};

struct HalideCall {
  HalideToken name;
  std::vector<HalideArgument> arguments;
};

/// `subject.call(...).call(...);`
struct HalideStatement {
  HalideToken subject;
  std::vector<HalideCall> calls;
};

/// UserError with `origin`, line and token.
std::vector<HalideStatement> parse_halide(const std::string& text, const std::string& origin);

/// The form of all messages: `origin:line: 'token': what`.
[[noreturn]] void fail_at(const std::string& origin, const HalideToken& token,
                          const std::string& what);

}  // namespace tessera::mapping::interstellar
