// `tessera compile` and `tessera run --program` against the direct run, file by file.
#include <gtest/gtest.h>

#include <filesystem>

#include "sim/app/command.h"
#include "sim/base/child_process.h"
#include "sim/base/json.h"
#include "sim/base/message_io.h"
#include "sim/result.pb.h"

namespace tessera::test {
namespace {

namespace fs = std::filesystem;

/// Exit code of the command line in a process of its own.
std::string tessera(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "tessera");
  const auto run = in_child([&] {
    std::vector<char*> argv;
    for (auto& argument : arguments) argv.push_back(argument.data());
    return std::to_string(app::run_program(static_cast<int>(argv.size()), argv.data()));
  });
  return run.text;
}

const std::vector<std::string> kInputs = {"--accelerator", "tangram-4x4", "--network", "small_cnn"};

std::vector<std::string> with_inputs(std::vector<std::string> arguments) {
  arguments.insert(arguments.end(), kInputs.begin(), kInputs.end());
  return arguments;
}

/// A result without what the scheduler expected, which no program knows.
std::string unpredicted(const std::string& text) {
  sim::proto::Result result;
  parse_json(text, "result.json", result);
  result.clear_predicted();
  return to_json(result);
}

class RunProgram : public testing::Test {
 protected:
  void SetUp() override {
    root_ =
        fs::path(testing::TempDir()) /
        ("tessera_run_program_" + std::to_string(testing::UnitTest::GetInstance()->random_seed()) +
         "_" + testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(root_);
    fs::create_directories(root_);
  }
  void TearDown() override { fs::remove_all(root_); }
  std::string at(const std::string& name) const { return (root_ / name).string(); }

  /// Runs with these scheduling options, and compiles with them and runs the program: the same
  /// files.
  void expect_program_equals_direct_run(const std::vector<std::string>& scheduling) {
    const auto with_scheduling = [&](std::vector<std::string> arguments) {
      arguments.insert(arguments.end(), scheduling.begin(), scheduling.end());
      return with_inputs(std::move(arguments));
    };
    ASSERT_EQ(tessera(with_scheduling({"run", "--functional", "--out", at("direct")})), "0");
    ASSERT_EQ(tessera(with_scheduling({"compile", "-o", at("program.pb")})), "0");
    ASSERT_EQ(tessera({"run", "--functional", "--accelerator", "tangram-4x4", "--program",
                       at("program.pb"), "--out", at("compiled")}),
              "0");
    int compared = 0;
    for (const auto& entry : fs::directory_iterator(at("direct"))) {
      const auto name = entry.path().filename().string();
      if (name == "host.json") continue;    // of the host, not of the run
      if (name == "report.html") continue;  // holds result.json
      const auto expected = read_file(entry.path().string());
      const auto found = read_file(at("compiled/" + name));
      if (name == "result.json")
        EXPECT_EQ(unpredicted(expected), found);
      else
        EXPECT_EQ(expected, found) << name;
      ++compared;
    }
    EXPECT_GE(compared, 5);
  }

  fs::path root_;
};

TEST_F(RunProgram, EqualsTheDirectRunToTheByte) { expect_program_equals_direct_run({}); }

TEST_F(RunProgram, PipelinesEqualTheDirectRunToTheByte) {
  expect_program_equals_direct_run({"--schedule", "pipeorgan"});
}

TEST_F(RunProgram, AScheduleFileGivesTheSameProgram) {
  for (const char* scheduler : {"layerwise", "fused", "pipeorgan", "tangram"}) {
    ASSERT_EQ(tessera(with_inputs({"compile", "-o", at("a.pb"), "--schedule", scheduler, "--refine",
                                   "0", "--schedule-out", at("s.textproto")})),
              "0");
    ASSERT_EQ(tessera(with_inputs({"compile", "-o", at("b.pb"), "--schedule", at("s.textproto")})),
              "0");
    EXPECT_EQ(read_file(at("a.pb")), read_file(at("b.pb"))) << scheduler;
  }
}

TEST_F(RunProgram, ATruncatedProgramIsTheUsersMistake) {
  ASSERT_EQ(tessera(with_inputs({"compile", "-o", at("program.pb")})), "0");
  fs::resize_file(at("program.pb"), fs::file_size(at("program.pb")) / 2);
  EXPECT_EQ(tessera({"run", "--accelerator", "tangram-4x4", "--program", at("program.pb"), "--out",
                     at("out")}),
            "2");
  EXPECT_FALSE(fs::exists(at("out") + "/result.json"));
}

TEST_F(RunProgram, OnlySchedulersThatEstimateSayWhatTheyExpect) {
  for (const char* scheduler : {"layerwise", "tangram", "row_stationary"}) {
    const bool estimates = std::string(scheduler) != "row_stationary";
    const auto with_scheduler = [&](std::vector<std::string> arguments) {
      arguments.insert(arguments.end(), {"--schedule", scheduler, "--refine", "0"});
      return with_inputs(std::move(arguments));
    };
    ASSERT_EQ(tessera(with_scheduler({"run", "--no-report", "--out", at("run")})), "0");
    sim::proto::Result result;
    parse_json(read_file(at("run/result.json")), "result.json", result);
    EXPECT_EQ(result.has_predicted(), estimates) << scheduler;
    EXPECT_EQ(result.predicted().cycles() > 0, estimates) << scheduler;
    EXPECT_EQ(result.predicted().energy_pj().total() > 0, estimates) << scheduler;
    EXPECT_EQ(tessera(with_scheduler({"compile", "--print-prediction"})), estimates ? "0" : "2");
    const auto& network = result.network_on_chip();
    const auto& traffic = network.flit_hops_by_class();
    EXPECT_EQ(traffic.fill() + traffic.forward() + traffic.rotation() + traffic.sums() +
                  traffic.store() + traffic.control(),
              network.flit_hops());
  }
}

}  // namespace
}  // namespace tessera::test
