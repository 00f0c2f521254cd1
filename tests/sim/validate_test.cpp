// `tessera validate` and `run` on another tool's files, as a user runs them.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "sim/base/csv.h"
#include "sim/base/message_io.h"
#include "tests/sim/program_run.h"

namespace tessera::test {
namespace {

namespace fs = std::filesystem;

using Words = std::vector<std::string>;

/// A depthwise layer on 16 tiles: the smallest of Timeloop's cases.
Words with_case(Words before, const Words& after = {}) {
  const fs::path folder = fs::path(TESSERA_REFERENCE) / "timeloop";
  for (const auto& word :
       {std::string("--network"), (folder / "problems/dw_512x14_s1.yaml").string(),
        std::string("--schedule"),
        (folder / "mappings/tiles4x4__dw_512x14_s1__mp_ws.yaml").string(),
        std::string("--accelerator"), (folder / "arch/tiles4x4.yaml").string()})
    before.push_back(word);
  before.insert(before.end(), after.begin(), after.end());
  return before;
}

std::int64_t causes_of(const CsvTable& table, std::size_t row) {
  std::int64_t causes = 0;
  for (const char* cause : {"rest", "toolwords", "overlap", "array", "delivery", "capacity",
                            "ports", "latency", "bandwidth", "dram"})
    causes += table.integer(row, std::string(cause) + "_cycles");
  return causes;
}

TEST(Validate, ReportPutsPredictionAndLadderBesideTheRun) {
  const auto folder = empty_test_folder();
  ASSERT_EQ(run_tessera(folder, with_case({"run"}, {"--out", "run"})).exit_code, 0);
  if (!fs::exists(folder / "run/report.html")) GTEST_SKIP() << "built without the chart library";
  const auto end =
      run_tessera(folder, with_case({"validate", "--model", "timeloop"}, {"--report", "run"}));
  ASSERT_EQ(end.exit_code, 0) << end.errors;
  const auto result = nlohmann::json::parse(read_file((folder / "run/result.json").string()));
  const auto text = read_file((folder / "run/validation.json").string());
  const auto shown = nlohmann::json::parse(text);
  double cycles = shown["predicted_cycles"];
  EXPECT_GT(cycles, 0);
  EXPECT_EQ(shown["ladder"].size(), 10u);
  for (const auto& step : shown["ladder"]) cycles += step["cycles"].get<double>();
  EXPECT_EQ(cycles, result["cycles"].get<double>());
  ASSERT_EQ(shown["layers"].size(), 1u);
  EXPECT_EQ(shown["layers"][0]["name"], result["layers"][0]["name"]);
  EXPECT_EQ(shown["layers"][0]["predicted_cycles"], shown["predicted_cycles"]);
  const auto page = read_file((folder / "run/report.html").string());
  EXPECT_NE(page.find("\"validation\":" + text), std::string::npos);
  ASSERT_EQ(run_tessera(folder, {"report", "run"}).exit_code, 0);
  EXPECT_EQ(read_file((folder / "run/report.html").string()), page);
}

TEST(Validate, ReportRefusesTheFolderOfAnotherRun) {
  const auto folder = empty_test_folder();
  ASSERT_EQ(
      run_tessera(folder, with_case({"run"}, {"--set", "clock_mhz=700", "--out", "run"})).exit_code,
      0);
  const auto end = run_tessera(
      folder, with_case({"validate", "--model", "timeloop", "--no-ladder"}, {"--report", "run"}));
  EXPECT_EQ(end.exit_code, 2);
  EXPECT_NE(end.errors.find("--report run: its run took "), std::string::npos) << end.errors;
  EXPECT_FALSE(fs::exists(folder / "run/validation.json"));
}

TEST(Validate, CausesAddUpToTheError) {
  const auto folder = empty_test_folder();
  const auto end =
      run_tessera(folder, with_case({"validate", "--model", "timeloop"}, {"--out", "out"}));
  ASSERT_EQ(end.exit_code, 0) << end.errors;
  const auto table = CsvTable::load((folder / "out/validation.csv").string());
  ASSERT_EQ(table.rows(), 1u);
  const auto causes = causes_of(table, 0);
  EXPECT_EQ(causes, table.integer(0, "error_cycles"));
  EXPECT_EQ(table.integer(0, "simulated_cycles") - table.integer(0, "predicted_cycles"), causes);
  EXPECT_EQ(table.integer(0, "predicted_cycles"), 4752);
}

TEST(ValidateLoopTree, IdealMachineTakesThePredictionWhereComputeLimits) {
  // Two convolutions, 7524 steps of one cycle. The last of them ends in cycle 7524; what lies
  // before and after it with all parts ideal is the hand-shake of the first receive, of the last
  // store and of the end, 5 cycles in all kinds of sequences.
  const fs::path cases = fs::path(TESSERA_REFERENCE) / "looptree";
  const std::string name = "conv2_16x16_c8_16_16__fused_P4_sp";
  const auto folder = empty_test_folder();
  const auto end =
      run_tessera(folder, {"validate", "--model", "looptree", "--network",
                           (cases / "workloads/conv2_16x16_c8_16_16.yaml").string(), "--schedule",
                           (cases / "mappings" / (name + ".yaml")).string(), "--accelerator",
                           (cases / "arch/two_level.yaml").string(), "--out", "out"});
  ASSERT_EQ(end.exit_code, 0) << end.errors;
  const auto table = CsvTable::load((folder / "out/validation.csv").string());
  ASSERT_EQ(table.rows(), 1u);
  EXPECT_EQ(table.at(0, "case"), name);
  EXPECT_EQ(table.integer(0, "predicted_cycles"), 7524);
  EXPECT_EQ(table.integer(0, "rest_cycles"), 5);
  EXPECT_EQ(causes_of(table, 0), table.integer(0, "error_cycles"));
  EXPECT_TRUE(fs::exists(folder / "out/result.json"));
}

TEST(ValidateLoopTree, CausesOfAFolderAddUpAndAreKept) {
  const auto cases = (fs::path(TESSERA_REFERENCE) / "looptree").string();
  const auto folder = empty_test_folder();
  const Words command = {"validate", "--model", "looptree", "--cases", cases, "--only", "fc3"};
  auto write = command;
  write.insert(write.end(), {"--out", "out", "--write-expect", "kept.csv"});
  ASSERT_EQ(run_tessera(folder, write).exit_code, 0);
  const auto table = CsvTable::load((folder / "out/validation.csv").string());
  ASSERT_EQ(table.rows(), 5u);
  for (std::size_t row = 0; row < table.rows(); ++row) {
    EXPECT_EQ(table.at(row, "refused"), "");
    EXPECT_EQ(causes_of(table, row), table.integer(row, "error_cycles"));
    EXPECT_EQ(table.integer(row, "simulated_cycles") - table.integer(row, "predicted_cycles"),
              table.integer(row, "error_cycles"));
  }
  auto check = command;
  check.insert(check.end(), {"--expect", "kept.csv"});
  EXPECT_EQ(run_tessera(folder, check).exit_code, 0);
  std::string text = read_file((folder / "kept.csv").string());
  text.replace(text.find("4718592"), 7, "4718593");
  std::ofstream((folder / "kept.csv").string()) << text;
  EXPECT_EQ(run_tessera(folder, check).exit_code, 4);
}

TEST(Validate, ChangedExpectationEndsWithFour) {
  const auto folder = empty_test_folder();
  const auto write =
      with_case({"validate", "--model", "timeloop", "--no-ladder"}, {"--write-expect", "kept.csv"});
  ASSERT_EQ(run_tessera(folder, write).exit_code, 0);
  const auto check =
      with_case({"validate", "--model", "timeloop", "--no-ladder"}, {"--expect", "kept.csv"});
  EXPECT_EQ(run_tessera(folder, check).exit_code, 0);
  std::string text = read_file((folder / "kept.csv").string());
  text.replace(text.find("4752"), 4, "4753");
  std::ofstream((folder / "kept.csv").string()) << text;
  const auto end = run_tessera(folder, check);
  EXPECT_EQ(end.exit_code, 4);
  EXPECT_NE(end.errors.find("kept.csv:2: expected '"), std::string::npos) << end.errors;
}

TEST(Validate, TakesTheToolsOwnOutputAsThePrediction) {
  const auto folder = empty_test_folder();
  std::ofstream((folder / "tool.csv").string())
      << "case,cycles\ntiles4x4__dw_512x14_s1__mp_ws,5000\nother,1\n";
  const auto end = run_tessera(folder, with_case({"validate", "--model", "timeloop", "--no-ladder"},
                                                 {"--model-csv", "tool.csv", "--out", "out"}));
  ASSERT_EQ(end.exit_code, 0) << end.errors;
  EXPECT_EQ(CsvTable::load((folder / "out/validation.csv").string()).integer(0, "predicted_cycles"),
            5000);
}

TEST(RunOnToolFiles, RecognisesThemByContent) {
  const auto folder = empty_test_folder();
  const auto end = run_tessera(folder, with_case({"run", "--functional"}, {"--out", "out"}));
  EXPECT_EQ(end.exit_code, 0) << end.errors;
  EXPECT_TRUE(fs::exists(folder / "out/result.json"));
}

TEST(RunOnToolFiles, RefusesAnUnknownIdealisation) {
  const auto folder = empty_test_folder();
  const auto end = run_tessera(folder, with_case({"run"}, {"--ideal", "dramm"}));
  EXPECT_EQ(end.exit_code, 2);
  EXPECT_EQ(end.errors, "tessera: --ideal dramm: no idealisation 'dramm'; did you mean dram?\n");
}

}  // namespace
}  // namespace tessera::test
