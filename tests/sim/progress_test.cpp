// What a command that takes long says meanwhile.
#include <gtest/gtest.h>

#include "tests/sim/program_run.h"

namespace tessera::test {
namespace {

namespace fs = std::filesystem;

/// A search of some seconds, its error stream no terminal.
ProgramEnd searched(const std::vector<std::string>& more) {
  std::vector<std::string> arguments = {"compile", "--accelerator", "tangram-4x4", "--network",
                                        "mlp_l",   "--schedule",    "tangram",     "-o",
                                        "mlp.pb"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const auto folder = empty_test_folder();
  const auto end = run_tessera(folder, arguments);
  EXPECT_EQ(files_below(folder), std::vector<std::string>{"mlp.pb"});
  fs::remove_all(folder);
  return end;
}

TEST(SearchProgress, IsReportedWithoutATerminalWhenAskedFor) {
  const auto end = searched({"--progress"});
  EXPECT_EQ(end.exit_code, 0);
  EXPECT_NE(end.errors.find("refining"), std::string::npos) << end.errors;
  EXPECT_NE(end.errors.find("M cycles simulated"), std::string::npos) << end.errors;
}

TEST(SearchProgress, IsKeptOutOfFilesOtherwise) {
  const auto end = searched({});
  EXPECT_EQ(end.exit_code, 0);
  EXPECT_EQ(end.errors, "");
}

}  // namespace
}  // namespace tessera::test
