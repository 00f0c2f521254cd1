#include "tests/golden/golden_cases.h"

#include <sstream>

#include "sim/base/message_io.h"

namespace tessera::test {

namespace {
const std::filesystem::path kFolder =
    std::filesystem::path(TESSERA_SOURCE_DIR) / "tests" / "golden";
}

std::filesystem::path GoldenCase::path() const { return kFolder / (name + ".trace"); }

std::vector<GoldenCase> golden_cases() {
  std::vector<GoldenCase> cases;
  std::istringstream text(read_file((kFolder / "cases.txt").string()));
  for (std::string line; std::getline(text, line);) {
    std::istringstream words(line);
    GoldenCase golden;
    if (!(words >> golden.name) || golden.name.starts_with("#")) continue;
    for (std::string word; words >> word;) golden.arguments.push_back(word);
    cases.push_back(golden);
  }
  return cases;
}

}  // namespace tessera::test
