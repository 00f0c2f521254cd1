// The list of golden traces.
#pragma once

#include <filesystem>
#include <ostream>
#include <string>
#include <vector>

namespace tessera::test {

struct GoldenCase {
  std::string name;
  std::vector<std::string> arguments;  ///< of the run

  std::filesystem::path path() const;  ///< of the trace
};

/// For the names of tests.
inline void PrintTo(const GoldenCase& golden, std::ostream* out) { *out << golden.name; }

/// What tests/golden/cases.txt lists.
std::vector<GoldenCase> golden_cases();

}  // namespace tessera::test
