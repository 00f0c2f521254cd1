// Every golden trace is what the program does today.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "hw_models/description/load.h"
#include "sim/app/inputs.h"
#include "sim/base/message_io.h"
#include "sim/trace/trace_reader.h"
#include "tests/golden/golden_cases.h"
#include "tests/sim/program_run.h"

namespace tessera::test {
namespace {

namespace fs = std::filesystem;

class GoldenTrace : public testing::TestWithParam<GoldenCase> {};

std::string test_name(const testing::TestParamInfo<GoldenCase>& info) {
  std::string name = info.param.name;
  std::ranges::replace_if(
      name, [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

}  // namespace

TEST_P(GoldenTrace, IsWhatTheProgramDoes) {
  const auto folder = empty_test_folder();
  const auto end = run_tessera(folder, {"trace", "check", GetParam().path().string()});
  EXPECT_EQ(end.exit_code, 0) << end.errors << "If this change is meant: scripts/update-golden";
  fs::remove_all(folder);
}

TEST_P(GoldenTrace, IsOfTheListedRun) {
  const sim::TraceReader reader(GetParam().path().string());
  std::multiset<std::string> expected,
      found(reader.run().arguments().begin(), reader.run().arguments().end());
  const auto& words = GetParam().arguments;
  ASSERT_EQ(words.size() % 2, 0u) << "options and their values";
  for (std::size_t i = 0; i < words.size(); i += 2) {
    const fs::path file = fs::path(TESSERA_SOURCE_DIR) / words[i + 1];
    if (!fs::is_regular_file(file)) {
      expected.insert(words[i] + "=" + words[i + 1]);
      continue;
    }
    const auto& files = reader.run().files();
    const auto held = std::ranges::find(files, words[i] + "=", &sim::proto::InputFile::argument);
    ASSERT_NE(held, files.end()) << file;
    EXPECT_EQ(held->content(), read_file(file.string()))
        << file << " has changed: scripts/update-golden";
  }
  EXPECT_EQ(found, expected);
}

INSTANTIATE_TEST_SUITE_P(All, GoldenTrace, testing::ValuesIn(golden_cases()), test_name);

/// One line that says which part of the machine the schedule cannot use.
bool refuses(const std::string& preset, const std::string& kind) {
  const auto folder = empty_test_folder();
  const auto end = run_tessera(folder, {"compile", "--accelerator", preset, "--network", "tiny_mlp",
                                        "--schedule", kind, "-o", "refused.pb"});
  fs::remove_all(folder);
  return end.exit_code == 2 &&
         end.errors.find("schedule " + kind + ": accelerator " + preset) != std::string::npos;
}

TEST(GoldenSet, HasEveryPresetWithEveryScheduleKindThatItCanRun) {
  std::set<std::string> names;
  for (const auto& golden : golden_cases()) names.insert(golden.name);
  for (const auto& preset : hw::accelerator_presets())
    for (const auto& kind : app::schedule_kinds())
      EXPECT_TRUE(names.contains(preset + "." + kind.name) || refuses(preset, kind.name))
          << preset << " with " << kind.name << " is missing in cases.txt";
}

TEST(GoldenSet, HasNoFilesBesidesItsCases) {
  std::set<std::string> names;
  for (const auto& golden : golden_cases()) names.insert(golden.path().filename().string());
  for (const auto& entry :
       fs::directory_iterator(fs::path(TESSERA_SOURCE_DIR) / "tests" / "golden")) {
    const auto& path = entry.path();
    EXPECT_TRUE(path.extension() != ".trace" || names.contains(path.filename().string())) << path;
  }
}

}  // namespace tessera::test
