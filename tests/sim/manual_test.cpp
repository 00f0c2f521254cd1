// The manual page and the shell completion know every command and option that there is.
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "sim/app/command.h"
#include "sim/base/error.h"

namespace tessera::app {
namespace {

std::string printed_by(const std::vector<std::string>& arguments, int exit_code = 0) {
  std::vector<std::string> words = {"tessera"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  testing::internal::CaptureStdout();
  EXPECT_EQ(run_program(static_cast<int>(argv.size()), argv.data()), exit_code);
  std::fflush(stdout);
  return testing::internal::GetCapturedStdout();
}

std::string with_troff_hyphens(const std::string& text) {
  std::string result;
  for (const char c : text) result += c == '-' ? std::string("\\-") : std::string(1, c);
  return result;
}

TEST(Manual, NamesEveryCommandAndOption) {
  const auto page = printed_by({"man"});
  EXPECT_EQ(page.find(".TH TESSERA 1"), 0u);
  for (const auto& command : commands()) {
    EXPECT_NE(page.find(".SS tessera " + command.name), std::string::npos) << command.name;
    const auto table = command.options();
    for (const auto& option : table.options())
      EXPECT_NE(page.find(".B " + with_troff_hyphens("--" + option->long_name())),
                std::string::npos)
          << command.name << " " << option->long_name();
  }
}

/// What bash offers after these words.
std::string offered(const std::string& script, const std::string& words) {
  const std::string path = testing::TempDir() + "tessera_completion.bash";
  std::ofstream(path) << script << "COMP_WORDS=(" << words
                      << ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_tessera\n"
                         "echo \"${COMPREPLY[*]}\"\n";
  FILE* shell = popen(("bash " + path).c_str(), "r");
  std::string text;
  for (int c = std::fgetc(shell); c != EOF; c = std::fgetc(shell)) text += static_cast<char>(c);
  EXPECT_EQ(pclose(shell), 0);
  std::remove(path.c_str());
  return text;
}

TEST(Completion, OffersCommandsOptionsAndNames) {
  const auto script = printed_by({"completion", "bash"});
  EXPECT_EQ(offered(script, "tessera sw"), "sweep\n");
  EXPECT_EQ(offered(script, "tessera run --acc"), "--accelerator\n");
  EXPECT_EQ(offered(script, "tessera run --accelerator tangram-1"), "tangram-16x16\n");
  EXPECT_EQ(offered(script, "tessera dram --device hbm3"), "hbm3_pc\n");
  for (const auto& command : commands()) {
    const auto table = command.options();
    const auto all = detail::concatenate(" ", offered(script, "tessera " + command.name + " --"));
    for (const auto& option : table.options())
      EXPECT_NE(all.find(detail::concatenate(" --", option->long_name())), std::string::npos)
          << command.name << " " << option->long_name();
  }
}

TEST(Completion, RefusesOtherShells) { printed_by({"completion", "tcsh"}, 2); }

}  // namespace
}  // namespace tessera::app
