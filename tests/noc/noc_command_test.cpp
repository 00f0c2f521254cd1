// `tessera noc` from the command line to its files.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "noc/study/noc_result.pb.h"
#include "sim/app/command.h"
#include "sim/base/child_process.h"
#include "sim/base/csv.h"
#include "sim/base/error.h"
#include "sim/base/json.h"
#include "sim/base/message_io.h"
#include "sim/result.pb.h"

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
  /// A machine run in a process of its own: the kernel simulates once per process.
  bool runs(const std::vector<std::string>& arguments) {
    const auto child = in_child([&] {
      const int code = program(arguments);
      return code == 0 ? std::string() : error_;
    });
    error_ = child.text;
    return child.ok() && child.text.empty();
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
    if (links.at(row, "kind") == "link" && links.integer(row, "from") >= 8) {
      EXPECT_EQ(links.integer(row, "flits"), 0);
    }
}

struct ZeroLoad {
  std::vector<std::string> options;
  std::uint64_t latency;
  double routers;
};

// One flow of 4-flit packets that never meet: 1 + injection 1 + links + ejection 1 + R t_r + 3,
// with R routers of t_r = 4 cycles (3 with lookahead, 2 with lookahead and speculation).
TEST_F(NocCommand, OptionsOfTheNetworkShowInTheZeroLoadLatency) {
  const std::vector<ZeroLoad> cases = {
      {{"--flow", "0:7"}, 6 + 7 + 8 * 4, 8},
      {{"--flow", "0:7", "--routing-delay", "0"}, 6 + 7 + 8 * 3, 8},
      {{"--flow", "0:7", "--routing-delay", "0", "--speculative"}, 6 + 7 + 8 * 2, 8},
      {{"--flow", "0:7", "--packet-flits", "1"}, 3 + 7 + 8 * 4, 8},
      {{"--flow", "0:1", "--link-latency", "3"}, 6 + 3 + 2 * 4, 2},
      {{"--flow", "0:5", "--size", "3x2"}, 6 + 3 + 4 * 4, 4},
      {{"--flow", "0:7", "--topology", "torus"}, 6 + 2 + 2 * 4, 2},  // the way round, latency 2
      {{"--flow", "0:7", "--topology", "torus", "--link-latency", "1"}, 6 + 1 + 2 * 4, 2},
      {{"--flow", "0:63", "--topology", "cmesh"}, 6 + 6 * 2 + 7 * 4, 7},    // 4 x 4 routers
      {{"--flow", "0:63", "--topology", "flatfly"}, 6 + 2 * 6 + 3 * 4, 3},  // 2 x distance 3
      // One link of span 4, then three of 1.
      {{"--flow", "0:7", "--topology", "amp", "--span", "4", "--link-latency", "3"},
       6 + 3 + 3 + 5 * 4,
       5},
      {{"--flow", "0:7", "--topology", "express", "--span", "2", "--link-latency", "2"},
       6 + 3 * 2 + 1 + 5 * 4,
       5},
      // The default span of 8 rows is round(sqrt(4)).
      {{"--flow", "0:7", "--topology", "amp"}, 6 + 3 + 1 + 5 * 4, 5}};
  for (const ZeroLoad& test : cases) {
    auto arguments = test.options;
    std::string text;
    for (const auto& argument : arguments) text += argument + " ";
    for (const char* more : {"--rate", "0.01", "--cycles", "4000", "--out"})
      arguments.push_back(more);
    arguments.push_back(path("out"));
    ASSERT_EQ(run(arguments), 0) << text << error_;
    const auto study = result("out");
    EXPECT_EQ(study.packet_latency_cycles().p50(), test.latency) << text;
    EXPECT_DOUBLE_EQ(study.routers_visited().mean(), test.routers) << text;
  }
}

// 1-flit packets in every cycle over one hop: one channel of one flit takes one in 8 cycles, the
// default everything.
TEST_F(NocCommand, ChannelsAndBuffersLimitTheThroughput) {
  const std::vector<std::string> load = {
      "--flow", "0:1",      "--packet-flits", "1",       "--rate", "1",     "--warmup",
      "800",    "--cycles", "1600",           "--drain", "100",    "--out", path("out")};
  ASSERT_EQ(run(load), 0) << error_;
  EXPECT_DOUBLE_EQ(result("out").accepted_flits_per_node_cycle(), 1.0);
  EXPECT_EQ(result("out").packet_latency_cycles().count(), 1600u);
  EXPECT_FALSE(result("out").saturated());
  auto narrow = load;
  narrow.insert(narrow.end(), {"--vcs", "1", "--vc-buffer", "1"});
  ASSERT_EQ(run(narrow), 0) << error_;
  EXPECT_NEAR(result("out").accepted_flits_per_node_cycle(), 0.125, 1e-9);
  EXPECT_TRUE(result("out").saturated());
}

// From 0 to 9 on 8 x 8: x first over 1, y first over 8.
TEST_F(NocCommand, RoutingDecidesTheLinks) {
  for (const auto& [routing, over] : {std::pair("xy", 1), std::pair("yx", 8)}) {
    ASSERT_EQ(run({"--flow", "0:9", "--routing", routing, "--out", path("out")}), 0) << error_;
    const CsvTable links = CsvTable::load(path("out") + "/links.csv");
    for (std::size_t row = 0; row < links.rows(); ++row)
      if (links.at(row, "kind") == "link" && links.integer(row, "from") == 0) {
        EXPECT_EQ(links.integer(row, "flits") > 0, links.integer(row, "to") == over) << routing;
      }
  }
  for (const char* routing :
       {"xy_yx", "west_first", "odd_even", "minimal_adaptive", "shortest_path"}) {
    ASSERT_EQ(run({"--routing", routing, "--cycles", "300", "--out", path("out")}), 0) << error_;
    EXPECT_FALSE(result("out").saturated()) << routing;
  }
  write("table.txt", "0 1 1\n0 2 1\n1 0 0\n1 2 2\n2 0 1\n2 1 1\n");
  ASSERT_EQ(run({"--size", "3x1", "--routing", "table", "--routing-table", path("table.txt"),
                 "--cycles", "300"}),
            0)
      << error_;
}

TEST_F(NocCommand, DefaultsAreTheBaseRouter) {
  ASSERT_EQ(run({"--cycles", "500", "--out", path("default")}), 0);
  ASSERT_EQ(
      run({"--topology",      "mesh",        "--size",         "8x8",     "--link-latency", "1",
           "--routing",       "xy",          "--traffic",      "uniform", "--rate",         "0.1",
           "--packet-flits",  "4",           "--vcs",          "4",       "--vc-buffer",    "8",
           "--routing-delay", "1",           "--credit-delay", "1",       "--allocator",    "islip",
           "--seed",          "1",           "--warmup",       "1000",    "--cycles",       "500",
           "--out",           path("stated")}),
      0)
      << error_;
  EXPECT_EQ(read_file(path("default") + "/result.json"),
            read_file(path("stated") + "/result.json"));
}

TEST_F(NocCommand, ResultHasTheAgreedNames) {
  ASSERT_EQ(run({"--rate", "0.9", "--cycles", "600", "--drain", "300", "--out", path("out")}), 0);
  const std::string json = read_file(path("out") + "/result.json");
  for (const char* name : {"packet_latency_cycles", "mean", "p50", "p95", "p99", "max",
                           "accepted_flits_per_node_cycle", "routers_visited", "flit_hops",
                           "saturated", "source_queueing", "zero_load", "contention"})
    EXPECT_NE(json.find(detail::concatenate('"', name, "\": ")), std::string::npos) << name;
  EXPECT_NE(json.find("\"saturated\": true"), std::string::npos);
  const CsvTable links = CsvTable::load(path("out") + "/links.csv");
  for (const char* column : {"from", "to", "flits", "utilisation", "credit_stall_cycles",
                             "switch_losses", "mean_occupancy_flits"})
    EXPECT_TRUE(links.has(column)) << column;
  EXPECT_EQ(CsvTable::load(path("out") + "/channels.csv").rows(), links.rows() * 4);
}

TEST_F(NocCommand, EveryTrafficRuns) {
  for (const char* traffic :
       {"uniform", "transpose", "bitcomp", "bitrev", "shuffle", "neighbor", "tornado", "diagonal",
        "asymmetric", "taper64", "badperm_yarc", "randperm", "hotspot", "hotspot:3=9,17=2"}) {
    ASSERT_EQ(
        run({"--traffic", traffic, "--rate", "0.05", "--cycles", "400", "--out", path("out")}), 0)
        << error_;
    EXPECT_GT(result("out").packet_latency_cycles().count(), 100u) << traffic;
  }
}

// A packet in a hundred cycles and node; half of them go to three nodes, so twice as many arrive.
// Replies double the number of packets. Half of the time off halves it.
TEST_F(NocCommand, GroupsRepliesAndBurstsCount) {
  const std::vector<std::string> load = {"--rate",   "0.01",  "--packet-flits", "1",
                                         "--cycles", "30000", "--out",          path("out")};
  const auto packets = [&](std::vector<std::string> more) {
    more.insert(more.end(), load.begin(), load.end());
    EXPECT_EQ(run(more), 0) << error_;
    return static_cast<double>(result("out").packet_latency_cycles().count()) / (64 * 30000);
  };
  EXPECT_NEAR(packets({}), 0.01, 0.0003);
  EXPECT_NEAR(packets({"--multicast-share", "0.5", "--multicast-group", "1,20,63"}), 0.02, 0.0009);
  EXPECT_NEAR(packets({"--reply-flits", "3"}), 0.02, 0.0006);
  EXPECT_NEAR(packets({"--burst", "0.02:0.02"}), 0.005, 0.0005);
}

// One line per class of messages; the classes' packets add up to all, and so do the histogram's.
TEST_F(NocCommand, LatenciesComePerFlowAndPerClass) {
  ASSERT_EQ(run({"--reply-flits", "2", "--rate", "0.05", "--cycles", "1000", "--out", path("out")}),
            0);
  const CsvTable classes = CsvTable::load(path("out") + "/classes.csv");
  ASSERT_EQ(classes.rows(), 2u);
  EXPECT_EQ(classes.at(0, "virtual_network"), "request");
  EXPECT_EQ(classes.at(1, "virtual_network"), "reply");
  const auto all = static_cast<std::int64_t>(result("out").packet_latency_cycles().count());
  for (const char* file : {"classes.csv", "flows.csv", "latency_histogram.csv"}) {
    const CsvTable table = CsvTable::load(path("out") + "/" + file);
    std::int64_t packets = 0;
    for (std::size_t row = 0; row < table.rows(); ++row) packets += table.integer(row, "packets");
    EXPECT_EQ(packets, all) << file;
  }
  for (std::size_t row = 0; row < 2; ++row)
    EXPECT_NEAR(classes.number(row, "mean_latency_cycles"),
                classes.number(row, "mean_source_queueing_cycles") +
                    classes.number(row, "mean_zero_load_cycles") +
                    classes.number(row, "mean_contention_cycles"),
                1e-6);
}

// Also where two links lead from one router to another.
TEST_F(NocCommand, BinsAddUpToTheTotals) {
  write("links.textproto",
        "routers: 3\n"
        "links { from: 0 to: 1 } links { from: 0 to: 1 } links { from: 1 to: 0 }\n"
        "links { from: 1 to: 2 } links { from: 2 to: 1 }\n");
  ASSERT_EQ(run({"--links", path("links.textproto"), "--rate", "0.2", "--cycles", "900", "--bins",
                 "250", "--out", path("out")}),
            0)
      << error_;
  const CsvTable links = CsvTable::load(path("out") + "/links.csv");
  const CsvTable series = CsvTable::load(path("out") + "/link_series.csv");
  std::map<std::string, std::int64_t> flits;
  for (std::size_t row = 0; row < series.rows(); ++row) {
    const std::int64_t wire = series.integer(row, "wire");
    EXPECT_EQ(series.integer(row, "bin_start_cycle") % 250, 0);
    for (const char* column : {"kind", "from", "to"})
      EXPECT_EQ(series.at(row, column), links.at(static_cast<std::size_t>(wire), column));
    flits[series.at(row, "wire")] += series.integer(row, "flits");
  }
  for (std::size_t row = 0; row < links.rows(); ++row)
    EXPECT_EQ(flits[links.at(row, "wire")], links.integer(row, "flits"));
}

// Flits of 16 bytes on a link of 4: each occupies it for four cycles. Three of them from router 0
// to 1 keep that link busy for 12 cycles, five from 1 to 2 the next one for 5.
TEST_F(NocCommand, NarrowLinksAreBusyForLonger) {
  write("links.textproto",
        "routers: 3\n"
        "links { from: 0 to: 1 width_bytes: 4 } links { from: 1 to: 0 }\n"
        "links { from: 1 to: 2 } links { from: 2 to: 1 }\n");
  write("trace.csv",
        "id,cycle,source,destinations,flits\n"
        "1,0,0,1,3\n"
        "2,0,1,2,5\n");
  ASSERT_EQ(
      run({"--links", path("links.textproto"), "--trace", path("trace.csv"), "--out", path("out")}),
      0)
      << error_;
  const auto study = result("out");
  EXPECT_EQ(study.worst_link().from(), 0u);
  EXPECT_EQ(study.worst_link().to(), 1u);
  EXPECT_EQ(study.worst_link().flits(), 3u);
  const auto cycles = static_cast<double>(study.cycles());
  EXPECT_DOUBLE_EQ(study.worst_link().utilisation(), 12 / cycles);
  const CsvTable links = CsvTable::load(path("out") + "/links.csv");
  EXPECT_NEAR(links.number(0, "utilisation"), 12 / cycles, 1e-9);
  EXPECT_NEAR(links.number(2, "utilisation"), 5 / cycles, 1e-9);
}

/// A mesh of 4 x 4 as a list of links; `corner` is said of those that begin at router 0.
std::string grid_of_links(const char* corner) {
  std::ostringstream text;
  text << "routers: 16 columns: 4\n";
  for (int from = 0; from < 16; ++from)
    for (const int to : {from - 1, from + 1, from - 4, from + 4})
      if (to >= 0 && to < 16 && (to / 4 == from / 4 || to % 4 == from % 4))
        text << "links { from: " << from << " to: " << to << (from == 0 ? corner : "") << " }\n";
  return text.str();
}

// Links of half a flit's 16 bytes: a machine's figures of use are those of cycles, not of flits.
TEST_F(NocCommand, MachinesCountTheCyclesOfNarrowLinks) {
  write("links.textproto", grid_of_links(" width_bytes: 8"));
  ASSERT_TRUE(
      runs({"tessera", "run", "--accelerator", "tangram-4x4", "--network", "tiny_mlp", "--set",
            "noc.topology=LINKS", "--set", "noc.links_file=" + path("links.textproto"), "--set",
            "noc.routing=SHORTEST_PATH", "--out", path("out")}))
      << error_;
  sim::proto::Result run;
  parse_json(read_file(path("out") + "/result.json"), "result.json", run);
  const auto cycles = static_cast<double>(run.cycles());
  const CsvTable links = CsvTable::load(path("out") + "/links.csv");
  double sum = 0, most = 0;
  for (std::size_t row = 0; row < links.rows(); ++row) {
    const std::int64_t each = links.integer(row, "from") == 0 ? 2 : 1;
    EXPECT_EQ(links.integer(row, "cycles_per_flit"), each);
    const double busy = static_cast<double>(each * links.integer(row, "flits")) / cycles;
    EXPECT_NEAR(links.number(row, "utilisation"), busy, 1e-9);
    sum += busy;
    most = std::max(most, busy);
  }
  EXPECT_NEAR(run.network_on_chip().max_link_utilisation(), most, 1e-12);
  EXPECT_NEAR(run.network_on_chip().mean_link_utilisation(),
              sum / static_cast<double>(links.rows()), 1e-12);
}

// Whole machines on every topology: the values that come out are right whatever carries them.
TEST_F(NocCommand, MachinesRunOnEveryTopology) {
  write("links.textproto", grid_of_links(""));
  std::vector<std::vector<std::string>> choices;
  for (const char* topology : {"mesh", "torus", "cmesh", "flatfly", "express", "amp"})
    choices.push_back({"noc.topology=" + std::string(topology)});
  choices.push_back({"noc.topology=LINKS", "noc.links_file=" + path("links.textproto"),
                     "noc.routing=SHORTEST_PATH"});
  for (const char* routing : {"YX", "XY_YX", "WEST_FIRST", "ODD_EVEN", "MINIMAL_ADAPTIVE"})
    choices.push_back({"noc.routing=" + std::string(routing)});
  for (const auto& choice : choices) {
    std::vector<std::string> arguments = {"tessera",      "run",       "--accelerator",
                                          "tangram-4x4",  "--network", "tiny_mlp",
                                          "--functional", "--out",     path("out")};
    for (const auto& assignment : choice) arguments.insert(arguments.end(), {"--set", assignment});
    ASSERT_TRUE(runs(arguments)) << choice[0] << " " << error_;
    EXPECT_NE(read_file(path("out") + "/result.json").find("\"functional_match\": true"),
              std::string::npos);
  }
}

TEST_F(NocCommand, SameSeedSameBytes) {
  for (const char* name : {"a", "b"})
    ASSERT_EQ(run({"--topology", "torus", "--size", "4x4", "--rate", "0.2", "--cycles", "1000",
                   "--bins", "100", "--out", path(name)}),
              0);
  for (const char* file : {"result.json", "links.csv", "channels.csv", "flows.csv",
                           "link_series.csv", "latency_histogram.csv", "classes.csv"})
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

// What cannot work together is refused before the first cycle, by name.
TEST_F(NocCommand, CombinationsThatCannotForkAreRefusedAtOnce) {
  write("multicast.csv", "id,cycle,source,destinations,flits\n1,100000,0,1 2,4\n");
  write("long.csv", "id,cycle,source,destinations,flits\n1,100000,0,1 2,40\n");
  const std::vector<std::pair<std::vector<std::string>, std::string>> mistakes = {
      {{"--allocator", "wavefront", "--set", "noc.multicast=true"}, "noc.multicast true"},
      {{"--set", "noc.multicast=true", "--set", "noc.hold_switch_for_packet=true"},
       "noc.multicast true"},
      {{"--allocator", "wavefront", "--multicast-share", "0.1", "--multicast-group", "1,2"},
       "multicast share 0.1"},
      {{"--packet-flits", "9", "--multicast-share", "0.1", "--multicast-group", "1,2"},
       "noc.vc_buffer holds 8"},
      {{"--set", "noc.multicast=false", "--trace", path("multicast.csv")}, "message 1"},
      {{"--allocator", "separable_input_first", "--trace", path("multicast.csv")}, "message 1"},
      {{"--trace", path("long.csv")}, "message 1"},
      {{"--routing-table", "none", "--routing", "table", "--set", "noc.reduction=ROUTERS"},
       "noc.reduction ROUTERS"},
      {{"--set", "noc.reduction=ROUTERS", "--set", "noc.reduction_entries=0"},
       "noc.reduction_entries 0"}};
  for (const auto& [arguments, named] : mistakes) {
    EXPECT_EQ(run(arguments), 2) << named;
    EXPECT_EQ(std::count(error_.begin(), error_.end(), '\n'), 1) << error_;
    EXPECT_NE(error_.find(named), std::string::npos) << error_;
  }
  // Where nothing is said, packets fork where they can.
  EXPECT_EQ(run({"--allocator", "wavefront", "--cycles", "200"}), 0) << error_;
}

// Line of 4, 4 flits from nodes 2 and 3 for node 0: the head of the sum takes 29 cycles
// (RouterReduction.AddsBesideTheCrossbar), the tail 3 more.
TEST_F(NocCommand, SumsOfATraceAreMadeInTheRouters) {
  write("sums.csv",
        "id,cycle,source,destinations,flits,sum\n"
        "1,0,2,0,4,1\n"
        "2,0,3,0,4,1\n");
  ASSERT_EQ(run({"--size", "4x1", "--trace", path("sums.csv"), "--set", "noc.reduction=ROUTERS",
                 "--out", path("out")}),
            0)
      << error_;
  EXPECT_EQ(result("out").cycles(), 32u);
  EXPECT_EQ(result("out").nodes(), 4u);
  EXPECT_GT(result("out").energy_pj().adder(), 0);
  std::map<std::string, std::int64_t> flits;
  const CsvTable links = CsvTable::load(path("out") + "/links.csv");
  for (std::size_t row = 0; row < links.rows(); ++row)
    flits[links.at(row, "kind")] += links.integer(row, "flits");
  EXPECT_EQ(flits["injection"], 8);
  EXPECT_EQ(flits["to_adder"], 8);
  EXPECT_EQ(flits["from_adder"], 4);
  EXPECT_EQ(flits["link"], 4 + 4 + 4);  // 3 to 2, then the sum
  EXPECT_EQ(flits["ejection"], 4);
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
  ASSERT_TRUE(runs({"tessera", "run", "--accelerator", "tangram-16x16", "--network", "tiny_mlp",
                    "--capture-noc", path("run.csv"), "--out", path("run")}))
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

// A reply of 2 flits to each message of 4 offers half as much again, which --rate does not count.
TEST_F(NocCommand, SaturationIsTheLoadOfTheCurve) {
  ASSERT_EQ(run({"--size", "4x4", "--sweep", "0.1", "--rate", "1.0", "--cycles", "1500",
                 "--reply-flits", "2", "--out", path("out")}),
            0)
      << error_;
  const auto study = result("out");
  const auto& first_saturated = study.curve(study.curve_size() - 1);
  const auto& last_stable = study.curve(study.curve_size() - 2);
  const double saturation = study.saturation_flits_per_node_cycle();
  EXPECT_GE(saturation, last_stable.offered_flits_per_node_cycle());
  EXPECT_LT(saturation, first_saturated.offered_flits_per_node_cycle());
  EXPECT_NEAR(saturation, 1.5 * study.saturation_rate(), 0.05);
}

TEST_F(NocCommand, SweepBelowSaturationNamesNone) {
  ASSERT_EQ(run({"--size", "4x4", "--sweep", "0.1", "--rate", "0.2", "--out", path("out")}), 0)
      << error_;
  EXPECT_FALSE(result("out").has_saturation_flits_per_node_cycle());
  EXPECT_NE(out_.find("saturation      not reached"), std::string::npos) << out_;
}

}  // namespace
}  // namespace tessera
