// `tessera noc` from the command line to its files.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "noc/study/noc_result.pb.h"
#include "sim/app/command.h"
#include "sim/base/csv.h"
#include "sim/base/json.h"
#include "sim/base/message_io.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

class NocCommand : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() /
              ("tessera_noc_" +
               std::string(testing::UnitTest::GetInstance()->current_test_info()->name()) +
               std::to_string(getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  int run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"tessera", "noc"});
    return program(std::move(arguments));
  }
  int program(std::vector<std::string> arguments) {
    std::vector<char*> argv;
    for (auto& argument : arguments) argv.push_back(argument.data());
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const int code = app::run_program(static_cast<int>(argv.size()), argv.data());
    out_ = testing::internal::GetCapturedStdout();
    error_ = testing::internal::GetCapturedStderr();
    return code;
  }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  noc::proto::StudyResult result(const std::string& folder) const {
    noc::proto::StudyResult message;
    const std::string file = path(folder) + "/result.json";
    parse_json(read_file(file), file, message);
    return message;
  }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name)) << text;
  }

  fs::path folder_;
  std::string out_;
  std::string error_;
};

// 2 + 5 * 8 + 3 cycles from corner to corner of a row of 8, at a load where packets never meet.
TEST_F(NocCommand, OneFlowTakesItsZeroLoadLatency) {
  ASSERT_EQ(run({"--flow", "0:7", "--rate", "0.04", "--cycles", "4000", "--out", path("out")}), 0)
      << error_;
  const auto study = result("out");
  EXPECT_EQ(study.packet_latency_cycles().p50(), 45u);
  EXPECT_DOUBLE_EQ(study.routers_visited().mean(), 8.0);
  EXPECT_DOUBLE_EQ(study.packet_latency_parts_cycles().zero_load(), 45.0);
  EXPECT_FALSE(study.saturated());
  EXPECT_EQ(study.worst_link().from() + 1, study.worst_link().to());
  const CsvTable links = CsvTable::load(path("out") + "/links.csv");
  for (std::size_t row = 0; row < links.rows(); ++row)
    if (links.at(row, "kind") == "link" && links.integer(row, "from") >= 8)
      EXPECT_EQ(links.integer(row, "flits"), 0);
  EXPECT_NE(read_file(path("out") + "/page.html").find("<svg"), std::string::npos);
}

TEST_F(NocCommand, SameSeedSameBytes) {
  for (const char* name : {"a", "b"})
    ASSERT_EQ(run({"--topology", "torus", "--size", "4x4", "--rate", "0.2", "--cycles", "1000",
                   "--bins", "100", "--out", path(name)}),
              0);
  for (const char* file : {"result.json", "links.csv", "channels.csv", "flows.csv", "page.html",
                           "link_series.csv", "latency_histogram.csv"})
    EXPECT_EQ(read_file(path("a") + "/" + file), read_file(path("b") + "/" + file)) << file;
}

TEST_F(NocCommand, DetailChangesNothingButSpeed) {
  for (const char* detail : {"run", "flit"})
    ASSERT_EQ(run({"--traffic", "hotspot", "--rate", "0.2", "--cycles", "1000", "--detail", detail,
                   "--out", path(detail)}),
              0);
  EXPECT_EQ(read_file(path("run") + "/result.json"), read_file(path("flit") + "/result.json"));
  EXPECT_EQ(read_file(path("run") + "/channels.csv"), read_file(path("flit") + "/channels.csv"));
}

TEST_F(NocCommand, EveryTopologyRuns) {
  for (const char* topology : {"mesh", "torus", "cmesh", "flatfly", "express", "amp"}) {
    ASSERT_EQ(run({"--topology", topology, "--size", "8x4", "--rate", "0.05", "--cycles", "500",
                   "--out", path(topology)}),
              0)
        << error_;
    EXPECT_GT(result(topology).packet_latency_cycles().count(), 50u) << topology;
  }
}

TEST_F(NocCommand, CyclicCombinationIsAUsersMistake) {
  EXPECT_EQ(run({"--topology", "amp", "--span", "4", "--link-latency", "1", "--routing",
                 "shortest_path", "--out", path("out")}),
            2);
  EXPECT_NE(error_.find("cycle"), std::string::npos);
  EXPECT_FALSE(fs::exists(path("out") + "/result.json"));
  EXPECT_EQ(run({"--topology", "amp", "--span", "4", "--link-latency", "3", "--routing",
                 "shortest_path", "--cycles", "200"}),
            0);
}

TEST_F(NocCommand, MistakesAreOneLineAndCodeTwo) {
  const std::vector<std::vector<std::string>> mistakes = {{"--topology", "mash"},
                                                          {"--size", "8"},
                                                          {"--traffic", "unifrm"},
                                                          {"--flow", "0:99"},
                                                          {"--rate", "0"},
                                                          {"--routing", "zigzag"},
                                                          {"--vcs", "0"},
                                                          {"--vcs", "65"},
                                                          {"--trace", "/no/such/file"},
                                                          {"--set", "noc.vcbuffer=3"},
                                                          {"--burst", "1"},
                                                          {"--multicast-share", "0.1"},
                                                          {"--link-latency", "0"},
                                                          {"--packet-flits", "0"},
                                                          {"--bins", "0"}};
  for (const auto& mistake : mistakes) {
    EXPECT_EQ(run(mistake), 2) << mistake[0] << " " << mistake[1];
    EXPECT_EQ(std::count(error_.begin(), error_.end(), '\n'), 1) << error_;
  }
}

TEST_F(NocCommand, TraceIsReplayedWithItsDependencies) {
  write("trace.csv",
        "id,cycle,source,destinations,flits,virtual_network,after,delay\n"
        "1,0,0,3,1,0,,0\n"
        "2,0,3,0,1,0,1,10\n");
  ASSERT_EQ(run({"--size", "4x1", "--trace", path("trace.csv"), "--out", path("out")}), 0)
      << error_;
  EXPECT_EQ(result("out").cycles(), 54u);  // 22, 10 later, 22
  EXPECT_EQ(result("out").packet_latency_cycles().count(), 2u);
}

// The network of the machine and everything it carried: the replay repeats what every link saw, and
// a network with slower links takes longer.
TEST_F(NocCommand, CaptureOfAMachineRunIsReplayed) {
  ASSERT_EQ(program({"tessera", "run", "--accelerator", "tangram-16x16", "--network", "tiny_mlp",
                     "--capture-noc", path("run.csv"), "--out", path("run")}),
            0)
      << error_;
  ASSERT_EQ(this->run({"--trace", path("run.csv"), "--out", path("replay")}), 0) << error_;
  const auto replay = result("replay");
  const CsvTable before = CsvTable::load(path("run") + "/links.csv");
  const CsvTable after = CsvTable::load(path("replay") + "/links.csv");
  for (std::size_t row = 0; row < before.rows(); ++row)
    for (const char* column : {"from", "to", "flits", "credit_stall_cycles", "switch_losses"})
      ASSERT_EQ(before.at(row, column), after.at(row, column)) << column << " of row " << row;
  EXPECT_EQ(replay.topology(), "mesh 16x16");
  ASSERT_EQ(this->run({"--trace", path("run.csv"), "--link-latency", "4", "--out", path("slow")}),
            0)
      << error_;
  EXPECT_GT(result("slow").cycles(), replay.cycles());
  ASSERT_EQ(this->run({"--trace", path("run.csv"), "--accelerator", "tangram-16x16", "--set",
                       "noc.topology=TORUS", "--out", path("torus")}),
            0)
      << error_;
  EXPECT_EQ(result("torus").topology(), "torus 16x16");
  EXPECT_EQ(result("torus").packet_latency_cycles().count(),
            replay.packet_latency_cycles().count());
}

TEST_F(NocCommand, LinkListAndDescriptionComeFromFiles) {
  write("ring.textproto",
        "routers: 3\n"
        "links { from: 0 to: 1 } links { from: 1 to: 0 }\n"
        "links { from: 1 to: 2 latency: 4 } links { from: 2 to: 1 latency: 4 }\n");
  ASSERT_EQ(run({"--links", path("ring.textproto"), "--flow", "0:2", "--rate", "0.02",
                 "--packet-flits", "1", "--out", path("out")}),
            0)
      << error_;
  EXPECT_EQ(result("out").packet_latency_cycles().p50(), 3u + 4 * 3 + 5);  // links 1 + 4
  write("net.textproto",
        "topology: TORUS columns: 4 rows: 4 vc_buffer: 4 virtual_networks { vcs: 2 }");
  EXPECT_EQ(run({"--network", path("net.textproto"), "--cycles", "200"}), 0) << error_;
  EXPECT_NE(out_.find("torus 4x4"), std::string::npos);
}

TEST_F(NocCommand, SweepFindsSaturation) {
  ASSERT_EQ(run({"--size", "4x4", "--sweep", "0.2", "--rate", "1.0", "--cycles", "1500", "--seeds",
                 "2", "--out", path("out")}),
            0)
      << error_;
  const auto study = result("out");
  EXPECT_GE(study.curve_size(), 3);
  EXPECT_TRUE(study.curve(study.curve_size() - 1).saturated());
  EXPECT_GT(study.saturation_flits_per_node_cycle(), 0.6);
  EXPECT_LT(study.saturation_flits_per_node_cycle(), 0.9);
  EXPECT_TRUE(fs::exists(path("out") + "/curve.csv"));
}

}  // namespace
}  // namespace tessera
