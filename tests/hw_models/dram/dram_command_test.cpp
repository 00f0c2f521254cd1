// `tessera dram` from the command line to its files.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "hw_models/dram/dram_result.pb.h"
#include "sim/app/command.h"
#include "sim/base/csv.h"
#include "sim/base/json.h"
#include "sim/base/message_io.h"
#include "sim/base/output_directory.h"

namespace tessera::app {
namespace {

namespace fs = std::filesystem;

const std::string kData = TESSERA_SOURCE_DIR "/validation/reference/dram/";

class DramCommand : public testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        fs::path(testing::TempDir()) /
        (std::string("dram_") + testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  static int tessera(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"tessera", "dram"});
    std::vector<char*> argv;
    for (auto& argument : arguments) argv.push_back(argument.data());
    return run_program(static_cast<int>(argv.size()), argv.data());
  }

  dram::proto::DramResult result() const {
    dram::proto::DramResult message;
    parse_json(read_file(path("out/result.json")), "result.json", message);
    return message;
  }

 private:
  fs::path folder_;
};

TEST_F(DramCommand, WritesTheCommandTraceOfACase) {
  ASSERT_EQ(tessera({"--device", "ddr4_2400", "--mapping", "A", "--policy", "d-unified",
                     "--requests", kData + "requests/small.ddr4_2400.A.csv", "--case", "rand24_mix",
                     "--commands", path("commands.csv"), "--out", path("out")}),
            0);
  const CsvTable expected = CsvTable::load(kData + "commands/small.ddr4_2400.A.csv");
  const CsvTable written = CsvTable::load(path("commands.csv"));
  EXPECT_TRUE(read_file(path("commands.csv")).starts_with("cycle,cmd,bankgroup,bank,row,col\n"));
  std::size_t row = 0;
  for (std::size_t i = 0; i < expected.rows(); ++i) {
    if (expected.at(i, "case") != "rand24_mix" || expected.at(i, "tool") != "ds3-uni") continue;
    ASSERT_LT(row, written.rows());
    for (const char* column : {"cycle", "cmd", "bankgroup", "bank", "row", "col"})
      ASSERT_EQ(written.at(row, column), expected.at(i, column)) << "command " << row;
    ++row;
  }
  EXPECT_EQ(row, written.rows());
  // results_small.csv: 279 cycles, 24 bursts
  EXPECT_EQ(result().cycles(), 279u);
  EXPECT_EQ(result().counts().rd() + result().counts().wr(), 24u);
}

TEST_F(DramCommand, WritesTheTracesOfAllSmallCases) {
  const std::map<std::string, std::string> policies = {
      {"r2-frfcfs", "r"}, {"r2-rowhit", "r-rowhit"}, {"ds3-split", "d"}, {"ds3-uni", "d-unified"}};
  std::map<std::string, std::string> expected;  // by device, mapping, case and tool
  for (const auto& file : fs::directory_iterator(kData + "commands")) {
    const std::string set = file.path().stem().string().substr(6);  // small.ddr4_2400.A
    const CsvTable table = CsvTable::load(file.path().string());
    for (std::size_t i = 0; i < table.rows(); ++i) {
      std::string& text = expected[set + " " + table.at(i, "case") + " " + table.at(i, "tool")];
      for (const char* column : {"cycle", "cmd", "bankgroup", "bank", "row"})
        text += table.at(i, column) + ",";
      text += table.at(i, "col") + "\n";
    }
  }
  const CsvTable cases = CsvTable::load(kData + "results_small.csv");
  for (std::size_t i = 0; i < cases.rows(); ++i) {
    const std::string set = cases.at(i, "dev") + "." + cases.at(i, "map");
    const std::string key = set + " " + cases.at(i, "case") + " " + cases.at(i, "tool");
    ASSERT_EQ(tessera({"--device", cases.at(i, "dev"), "--mapping", cases.at(i, "map"), "--policy",
                       policies.at(cases.at(i, "tool")), "--requests",
                       kData + "requests/small." + set + ".csv", "--case", cases.at(i, "case"),
                       "--commands", path("commands.csv")}),
              0);
    ASSERT_EQ(read_file(path("commands.csv")), "cycle,cmd,bankgroup,bank,row,col\n" + expected[key])
        << key;
  }
  EXPECT_EQ(cases.rows(), 416u);
}

TEST_F(DramCommand, ReportsALargeCaseInJson) {
  ASSERT_EQ(
      tessera({"--device", "ddr4_2400", "--mapping", "A", "--policy", "r", "--requests",
               kData + "requests/ddr4_2400.A.dnn3_b8.txt.xz", "--check", "--out", path("out")}),
      0);
  const auto r = result();
  // First rows of results_large.csv
  EXPECT_EQ(r.cycles(), 88395u);
  EXPECT_NEAR(r.bandwidth_fraction(), 0.54302, 5e-6);
  EXPECT_EQ(r.counts().act(), 538u);
  EXPECT_EQ(r.counts().prea(), 9u);
  EXPECT_NEAR(r.read_latency_cycles().mean(), 373.02013, 5e-6);
  EXPECT_EQ(r.read_latency_cycles().p99(), 1018u);
  EXPECT_NEAR(r.total_latency_mean_cycles(), 44083.55883, 5e-6);
  EXPECT_NEAR(r.energy_pj().total(), 71955638.2272, 1);
  EXPECT_EQ(r.policy(), "r");
}

TEST_F(DramCommand, FindsAnIllegalCommand) {
  write_file_atomically(path("commands.csv"),
                        "cycle,cmd,bankgroup,bank,row,col\n0,ACT,0,0,1,0\n16,RD,0,0,1,0\n");
  EXPECT_EQ(tessera({"--device", "ddr4_2400", "--check-commands", path("commands.csv")}), 4);
  write_file_atomically(path("commands.csv"),
                        "cycle,cmd,bankgroup,bank,row,col\n0,ACT,0,0,1,0\n17,RD,0,0,1,0\n");
  EXPECT_EQ(tessera({"--device", "ddr4_2400", "--check-commands", path("commands.csv")}), 0);
}

TEST_F(DramCommand, MistakesLeaveNoResult) {
  const std::string trace = kData + "requests/small.ddr4_2400.A.csv";
  const std::vector<std::vector<std::string>> mistakes = {
      {"--requests", trace},                        // several cases, none named
      {"--requests", trace, "--case", "one_raed"},  // no such case
      {"--requests", kData + "README.md"},          // no request file
      {"--requests", trace, "--case", "one_read", "--device", "ddr3"},
      {"--requests", trace, "--case", "one_read", "--policy", "fcfs"},
      {"--requests", trace, "--case", "one_read", "--mapping", "row,bank"},
      {"--requests", trace, "--case", "one_read", "--page", "shut"},
      {"--requests", trace, "--case", "one_read", "--random", "5"},
      {"--random", "5", "--load", "0"},
      {}};
  for (auto arguments : mistakes) {
    arguments.insert(arguments.end(), {"--out", path("out")});
    EXPECT_EQ(tessera(arguments), 2);
    EXPECT_FALSE(fs::exists(path("out/result.json")));
  }
}

TEST_F(DramCommand, SameSeedSameBytes) {
  const std::vector<std::string> arguments = {"--device", "hbm2_pc", "--random", "2000",
                                              "--seed",   "3",       "--load",   "0.5"};
  std::string texts[2];
  for (std::string& text : texts) {
    auto all = arguments;
    all.insert(all.end(), {"--out", path("out")});
    ASSERT_EQ(tessera(all), 0);
    text = read_file(path("out/result.json")) + read_file(path("out/banks.csv")) +
           read_file(path("out/bandwidth.csv"));
  }
  EXPECT_EQ(texts[0], texts[1]);
}

}  // namespace
}  // namespace tessera::app
