// `tessera report`, and the report that a run writes.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "sim/base/message_io.h"
#include "tests/sim/program_run.h"

namespace tessera::test {
namespace {

namespace fs = std::filesystem;

class TimelineOption : public testing::Test {
 protected:
  void SetUp() override { folder_ = empty_test_folder(); }
  void TearDown() override { fs::remove_all(folder_); }

  void run(const std::string& name, std::vector<std::string> more = {}) const {
    more.insert(more.begin(),
                {"run", "--accelerator", "tangram-4x4", "--network", "tiny_mlp", "--out", name});
    const auto end = run_tessera(folder_, more);
    ASSERT_EQ(end.exit_code, 0) << end.errors;
  }
  std::string page(const std::string& name) const { return read_file((folder_ / name).string()); }

  void expect_refused(const std::vector<std::string>& arguments, const std::string& words) const {
    const auto end = run_tessera(folder_, arguments);
    EXPECT_EQ(end.exit_code, 2);
    EXPECT_NE(end.errors.find(words), std::string::npos) << end.errors;
    EXPECT_EQ(std::ranges::count(end.errors, '\n'), 1) << end.errors;
  }

  fs::path folder_;
};

class ReportCommand : public TimelineOption {
 protected:
  void SetUp() override {
    TimelineOption::SetUp();
    run("a");
    if (!TESSERA_CHARTS) GTEST_SKIP() << "built without the chart library";
  }
};

TEST_F(ReportCommand, RebuildsTheRunsOwnPageToTheByte) {
  const auto written = page("a/report.html");
  fs::remove(folder_ / "a/report.html");
  ASSERT_EQ(run_tessera(folder_, {"report", "a"}).exit_code, 0);
  EXPECT_EQ(page("a/report.html"), written);
}

TEST_F(ReportCommand, LoadsNothingFromAnywhere) {
  const auto text = page("a/report.html");
  for (const char* outside : {"<script src", "<link rel=\"stylesheet", "@import", "<iframe"})
    EXPECT_EQ(text.find(outside), std::string::npos) << outside;
  EXPECT_NE(text.find("Apache License"), std::string::npos);
  EXPECT_NE(text.find("Copyright"), std::string::npos);
}

TEST_F(ReportCommand, IsLeftOutOnRequest) {
  run("c", {"--no-report"});
  EXPECT_FALSE(fs::exists(folder_ / "c/report.html"));
  EXPECT_TRUE(fs::exists(folder_ / "c/history.json"));
}

TEST_F(ReportCommand, ComparesRunsUnderTheNamesOfTheirFolders) {
  run("b", {"--set", "clock_mhz=400"});
  ASSERT_EQ(run_tessera(folder_, {"report", "a", "b/", "--out", "both.html"}).exit_code, 0);
  const auto text = page("both.html");
  EXPECT_NE(text.find("{\"name\":\"a\","), std::string::npos);
  EXPECT_NE(text.find("{\"name\":\"b\","), std::string::npos);
}

TEST_F(ReportCommand, ClosesNoElementEarly) {
  // A name in a run's files that would end the script element it stands in.
  auto result = page("a/result.json");
  const std::string name = "\"schedule\": \"";
  result.insert(result.find(name) + name.size(), "</script><b>");
  std::ofstream(folder_ / "a/result.json") << result;
  ASSERT_EQ(run_tessera(folder_, {"report", "a"}).exit_code, 0);
  const auto text = page("a/report.html");
  EXPECT_EQ(text.find("</script><b>"), std::string::npos);
  EXPECT_NE(text.find("\\u003c/script>\\u003cb>"), std::string::npos);
  EXPECT_NE(text.find("&lt;/script>&lt;b>"), std::string::npos);
}

TEST_F(ReportCommand, NamesWhatIsWrong) {
  run("b");
  expect_refused({"report"}, "name at least one folder");
  expect_refused({"report", "nowhere"}, "nowhere: no such folder");
  expect_refused({"report", "a", "b"}, "--out FILE");
  expect_refused({"report", "a", "a", "--out", "x.html"}, "named twice");
  std::ofstream(folder_ / "a/history.json") << "{\"cycles\": 12";
  expect_refused({"report", "a"}, "a/history.json");
  fs::remove(folder_ / "b/result.json");
  expect_refused({"report", "b"}, "b/result.json");
}

TEST_F(ReportCommand, NamesWhatIsWrongWithANetworkStudy) {
  ASSERT_EQ(run_tessera(folder_, {"noc", "--cycles", "500", "--out", "n"}).exit_code, 0);
  expect_refused({"report", "a", "n", "--out", "x.html"}, "n is a study");
  fs::remove(folder_ / "n/classes.csv");
  expect_refused({"report", "n"}, "n/classes.csv");
  std::ofstream(folder_ / "n/result.json") << "{\"cycles\": 12}";
  expect_refused({"report", "n"}, "n/result.json: has no packet_latency_cycles");
  ASSERT_EQ(run_tessera(folder_, {"noc", "--cycles", "500", "--no-report", "--out", "m"}).exit_code,
            0);
  EXPECT_FALSE(fs::exists(folder_ / "m/report.html"));
}

TEST_F(TimelineOption, IsCheckedBeforeTheRun) {
  const std::vector<std::string> base = {"run", "--accelerator", "tangram-4x4", "--network",
                                         "tiny_mlp"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), base.begin(), base.end());
    return more;
  };
  expect_refused(with({"--timeline-tiles", "1"}), "needs --timeline FILE");
  expect_refused(with({"--timeline", "t.perfetto", "--timeline-tiles", "16"}), "0 to 15");
  expect_refused(with({"--timeline", "t.perfetto", "--timeline-window", "9"}), "FROM:TO");
  expect_refused(with({"--timeline", "nowhere/t.perfetto"}), "nowhere/t.perfetto");
  EXPECT_EQ(files_below(folder_), std::vector<std::string>{});
  const auto end =
      run_tessera(folder_, with({"--timeline", "t.perfetto", "--timeline-window", "0:500"}));
  EXPECT_EQ(end.exit_code, 0) << end.errors;
  EXPECT_EQ(files_below(folder_), std::vector<std::string>{"t.perfetto"});
}

}  // namespace
}  // namespace tessera::test
