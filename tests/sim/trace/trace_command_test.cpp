// `tessera trace` as a user runs it.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "sim/base/message_io.h"
#include "tests/sim/program_run.h"

namespace tessera::test {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

class TraceCommand : public testing::Test {
 protected:
  void SetUp() override { folder_ = empty_test_folder(); }
  void TearDown() override { fs::remove_all(folder_); }

  ProgramEnd trace(Words arguments) const {
    arguments.insert(arguments.begin(), "trace");
    return run_tessera(folder_, arguments);
  }
  void record(const std::string& out, const Words& more = {}) const {
    Words arguments = {"record", "--accelerator", "tangram-4x4", "--network", "tiny_mlp", "--out",
                       out};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const auto end = trace(arguments);
    ASSERT_EQ(end.exit_code, 0) << end.errors;
  }
  void write(const std::string& name, const std::string& content) const {
    std::ofstream(folder_ / name, std::ios::binary) << content;
  }
  void expect_refused(const Words& arguments, const std::string& line) const {
    const auto end = trace(arguments);
    EXPECT_EQ(end.exit_code, 2);
    EXPECT_EQ(end.errors, "tessera: " + line + "\n");
  }

  fs::path folder_;
};

constexpr const char* kNetwork = R"(name: "mine"
input { name: "input" shape: [2, 32] }
layer { name: "fc" input: "input" fully_connected { k: 48 } }
)";

}  // namespace

TEST_F(TraceCommand, RunsTwiceToTheSameBytes) {
  record("a.trace");
  record("b.trace");
  EXPECT_EQ(read_file((folder_ / "a.trace").string()), read_file((folder_ / "b.trace").string()));
  EXPECT_EQ(trace({"check", "a.trace"}).exit_code, 0);
  EXPECT_EQ(trace({"diff", "a.trace", "b.trace"}).exit_code, 0);
  EXPECT_EQ(files_below(folder_), (Words{"a.trace", "b.trace"}));
}

TEST_F(TraceCommand, CheckNeedsTheFileAlone) {
  // Every input from a file: the network, the schedule made by the program, the accelerator, its
  // DRAM device and its list of links. Two of the files have the same name.
  const auto source = fs::path(TESSERA_SOURCE_DIR);
  fs::create_directories(folder_ / "there");
  fs::copy_file(source / "hw_models/dram/devices/ddr4_2400.textproto",
                folder_ / "there/mine.textproto");
  write("links.textproto",
        "routers: 2 links { from: 0 to: 1 } links { from: 1 to: 0 latency: 3 }\n");
  write("mine.textproto", kNetwork);
  write("machine.textproto",
        "columns: 2 tile { array { rows: 4 columns: 4 } } dram { device: 'there/mine.textproto' } "
        "noc { topology: LINKS links_file: 'links.textproto' routing: SHORTEST_PATH } energy { "
        "source: 'none' }");
  const Words inputs = {"--accelerator", "machine.textproto", "--network", "mine.textproto"};
  auto arguments = Words{"record", "--out", "a.trace"};
  arguments.insert(arguments.end(), inputs.begin(), inputs.end());
  const auto recorded = trace(arguments);
  ASSERT_EQ(recorded.exit_code, 0) << recorded.errors;
  for (const auto& name : files_below(folder_))
    if (name != "a.trace") fs::remove(folder_ / name);
  const auto end = trace({"check", "a.trace"});
  EXPECT_EQ(end.exit_code, 0) << end.errors;
  const auto changed = trace({"check", "a.trace", "--set", "noc.routing_delay=0"});
  EXPECT_EQ(changed.exit_code, 4);
  EXPECT_NE(changed.errors.find("noc.routing_delay"), std::string::npos) << changed.errors;
  EXPECT_EQ(changed.errors.find("inputs differ", changed.errors.find("inputs differ") + 1),
            std::string::npos)
      << "where the files lie is no difference: " << changed.errors;
}

TEST_F(TraceCommand, CompiledProgramIsPartOfTheTrace) {
  ASSERT_EQ(run_tessera(folder_, {"compile", "--accelerator", "tangram-4x4", "--network",
                                  "tiny_mlp", "-o", "p.pb"})
                .exit_code,
            0);
  ASSERT_EQ(
      trace({"record", "--accelerator", "tangram-4x4", "--program", "p.pb", "--out", "a.trace"})
          .exit_code,
      0);
  fs::remove(folder_ / "p.pb");
  EXPECT_EQ(trace({"check", "a.trace"}).exit_code, 0);
  record("b.trace");
  EXPECT_EQ(trace({"diff", "a.trace", "b.trace"}).exit_code, 0) << "the same events";
}

TEST_F(TraceCommand, DetailedArraysGiveTheSameEvents) {
  record("a.trace");
  EXPECT_EQ(trace({"check", "a.trace", "--detail", "pe"}).exit_code, 0);
  EXPECT_EQ(trace({"check", "a.trace", "--functional"}).exit_code, 0);
  EXPECT_EQ(trace({"check", "a.trace", "--set", "noc.detail=FLIT"}).exit_code, 0);
}

TEST_F(TraceCommand, DifferenceIsExitCodeFour) {
  record("a.trace");
  record("b.trace", {"--set", "tile.issue_cycles=2"});
  const auto end = trace({"diff", "a.trace", "b.trace"});
  EXPECT_EQ(end.exit_code, 4);
  EXPECT_NE(end.errors.find("first difference at cycle 1, tile 0, "), std::string::npos)
      << end.errors;
  EXPECT_NE(end.errors.find("\n then a.trace:\n"), std::string::npos) << end.errors;
  EXPECT_NE(end.errors.find("inputs differ: accelerator modified: tile.issue_cycles: 1 -> 2"),
            std::string::npos)
      << end.errors;
}

TEST_F(TraceCommand, WrongFilesAreOneLine) {
  record("a.trace");
  const auto whole = read_file((folder_ / "a.trace").string());
  write("cut.trace", whole.substr(0, whole.size() / 2));
  write("newer.trace", "tessera trace 7\n" + whole.substr(16));
  auto damaged = whole;
  damaged[whole.size() - 100] ^= 4;
  write("damaged.trace", damaged);
  write("other.trace", kNetwork);
  for (const std::string action : {"check", "show"}) {
    expect_refused({action, "missing.trace"}, "missing.trace: cannot be read");
    expect_refused({action, "newer.trace"},
                   "newer.trace: trace format 7 is newer than format 1, which this program reads");
    expect_refused({action, "other.trace"},
                   "other.trace: is no trace; tessera trace record writes traces");
    expect_refused({action, "cut.trace"}, "cut.trace: is cut off or damaged in part 2");
    expect_refused({action, "damaged.trace"},
                   "damaged.trace: part 2 is damaged: its checksum does not match");
    expect_refused({action}, "tessera trace " + action + ": needs one trace file, got 0");
  }
  expect_refused({"diff", "a.trace"}, "tessera trace diff: needs two trace files, got 1");
  expect_refused({"diff", "a.trace", "cut.trace"}, "cut.trace: is cut off or damaged in part 2");
}

TEST_F(TraceCommand, WrongArgumentsAreOneLine) {
  record("a.trace");
  expect_refused({}, "tessera trace: say what to do: record, check, show, diff");
  expect_refused({"recrod"}, "tessera trace recrod: no such action; did you mean record?");
  expect_refused({"record", "--accelerator", "tangram-4x4", "--network", "tiny_mlp"},
                 "--out is needed: the trace file to write");
  expect_refused({"record", "--accelerator", "tangram-4x4", "--network", "tiny_mlp", "--out",
                  "no/where.trace"},
                 "no/where.trace: cannot be written");
  expect_refused({"check", "a.trace", "--network", "small_cnn"},
                 "--network: is the trace's own; leave it out");
  expect_refused({"show", "a.trace", "--tile", "16"},
                 "--tile 16: must be 0 to 15; several with commas: 0,1");
  expect_refused({"show", "a.trace", "--kind", "sends"},
                 "event kind 'sends': no such kind; did you mean send or end?");
}

TEST_F(TraceCommand, InterruptedRecordingLeavesNothing) {
  const auto end = run_tessera(folder_,
                               {"trace", "record", "--accelerator", "tangram-16x16", "--network",
                                "resnet50", "--out", "a.trace"},
                               [](pid_t child) {
                                 std::this_thread::sleep_for(std::chrono::milliseconds(1500));
                                 kill(child, SIGINT);
                               });
  EXPECT_EQ(end.signal, SIGINT);
  EXPECT_EQ(files_below(folder_), Words{});
}

}  // namespace tessera::test
