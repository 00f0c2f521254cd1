// What the program says to a user who got something wrong: exit code 2, one line that names the
// place, the value and what is allowed, and no result.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "sim/base/message_io.h"
#include "tests/sim/program_run.h"

namespace tessera::test {
namespace {

namespace fs = std::filesystem;

using Words = std::vector<std::string>;

void write(const fs::path& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

/// `text` with the first occurrence of `from` replaced; the occurrence must exist.
std::string with(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  if (at == std::string::npos) throw std::logic_error("nothing to replace: " + from);
  return text.replace(at, from.size(), to);
}

std::string network_text(const std::string& shape, const std::string& k) {
  return "name: \"mine\"\ninput { name: \"input\" shape: " + shape +
         " }\nlayer { name: \"fc\" input: \"input\" fully_connected { k: " + k + " } }\n";
}

/// Legal for network_text("[1, 32]", "48") on 4 x 4 tiles of 8 x 8 PEs.
constexpr const char* kSchedule = R"(name: "by hand"
root {
  place { }
  child { split { rank { rank: "K" } ways: 4 axis: MESH_X }
  child { split { rank { rank: "K" } ways: 2 axis: MESH_Y }
  child { store { level: "dram" tensor { tensor: "O" } }
  child { store { level: "buffer"
    tensor { tensor: "I0" double_buffered: true distribution: MULTICAST }
    tensor { tensor: "W" double_buffered: true }
    tensor { tensor: "O" double_buffered: true } }
  child { store { level: "registers" tensor { tensor: "I0" } tensor { tensor: "W" } tensor { tensor: "O" } }
  child { loop { rank { rank: "C" } tile: 8 }
  child { split { rank { rank: "C" } ways: 8 axis: ARRAY_Y }
  child { split { rank { rank: "K" } ways: 8 axis: ARRAY_X }
  child { layer { layer: "fc" } } } } } } } } } }
}
)";

class BadInput : public testing::Test {
 protected:
  void SetUp() override { folder_ = empty_test_folder(); }
  void TearDown() override { fs::remove_all(folder_); }

  void file(const std::string& name, const std::string& content) { write(folder_ / name, content); }

  /// The run must be refused and its line hold every one of `expected`.
  void refused(Words arguments, const Words& expected) {
    const auto before = files_below(folder_);
    arguments.insert(arguments.begin(), "run");
    arguments.insert(arguments.end(), {"--out", "out"});
    const auto end = run_tessera(folder_, arguments);
    EXPECT_EQ(end.exit_code, 2) << end.errors;
    EXPECT_EQ(std::ranges::count(end.errors, '\n'), 1) << end.errors;
    EXPECT_TRUE(end.errors.starts_with("tessera: ") && end.errors.ends_with("\n")) << end.errors;
    for (const auto& words : expected)
      EXPECT_NE(end.errors.find(words), std::string::npos) << words << "\nnot in: " << end.errors;
    EXPECT_EQ(files_below(folder_), before) << "files were left behind";
  }

  void refused_network(const std::string& network, const Words& expected) {
    refused({"--accelerator", "tangram-4x4", "--network", network}, expected);
  }
  void refused_accelerator(const std::string& accelerator, const Words& expected) {
    refused({"--accelerator", accelerator, "--network", "tiny_mlp"}, expected);
  }
  void refused_schedule(const std::string& schedule, const Words& expected) {
    refused({"--accelerator", "tangram-4x4", "--network", "tiny_mlp", "--schedule", schedule},
            expected);
  }
  /// kSchedule with `from` replaced by `to`.
  void refused_change(const std::string& from, const std::string& to, const Words& expected) {
    file("net.textproto", network_text("[1, 32]", "48"));
    file("spoilt.textproto", with(kSchedule, from, to));
    refused({"--accelerator", "tangram-4x4", "--network", "net.textproto", "--schedule",
             "spoilt.textproto"},
            expected);
  }
  void refused_program(const std::string& program, const Words& expected) {
    refused({"--accelerator", "tangram-4x4", "--program", program}, expected);
  }
  void refused_setting(const std::string& setting, const Words& expected,
                       const std::string& network = "tiny_mlp") {
    refused({"--accelerator", "tangram-4x4", "--network", network, "--set", setting}, expected);
  }

  /// Bytes of the program file of tiny_mlp.
  std::string compiled() {
    const auto end = run_tessera(folder_, {"compile", "--accelerator", "tangram-4x4", "--network",
                                           "tiny_mlp", "--output", "compiled"});
    if (end.exit_code != 0) throw std::runtime_error(end.errors);
    std::string content = read_file((folder_ / "compiled").string());
    fs::remove(folder_ / "compiled");
    return content;
  }

  fs::path folder_;
};

}  // namespace

TEST_F(BadInput, SplitThatTheArrayDoesNotHaveIsNamed) {
  refused_change("ways: 8 axis: ARRAY_Y", "ways: 9 axis: ARRAY_Y",
                 {"spoilt.textproto: layer fc: ", "rows_used = 9", "1 to 8"});
}

TEST_F(BadInput, RegistersThatAreTooSmallAreNamed) {
  file("net.textproto", network_text("[1, 32]", "48"));
  file("schedule.textproto", kSchedule);
  // One word of each operand in a PE, the output's and the weight's twice: 16-bit words.
  refused({"--accelerator", "tangram-4x4", "--network", "net.textproto", "--schedule",
           "schedule.textproto", "--set", "tile.array.register_bytes=4"},
          {"schedule.textproto: layer fc: ", "register bytes per PE = ", "the file has 4"});
}

TEST_F(BadInput, MissingFilesAreNamed) {
  refused_network("none.textproto", {"none.textproto", "cannot be read"});
  refused_network("none.onnx", {"none.onnx", "cannot be read"});
  refused_accelerator("none.textproto", {"none.textproto", "neither a file nor a preset"});
  refused_schedule("none.textproto", {"none.textproto", "cannot be read"});
  refused_program("none.pb", {"none.pb", "cannot be read"});
}

TEST_F(BadInput, FolderInPlaceOfAFileIsNamed) {
  fs::create_directories(folder_ / "folder.textproto");
  refused_network("folder.textproto", {"folder.textproto", "is a folder"});
  refused_schedule("folder.textproto", {"folder.textproto", "is a folder"});
  refused_program("folder.textproto", {"folder.textproto", "is a folder"});
}

TEST_F(BadInput, MalformedFilesAreNamedWithLineAndColumn) {
  file("cut.textproto", "name: \"x\"\nlayer {");
  refused_network("cut.textproto", {"cut.textproto:2:8", "end of file"});
  file("odd.textproto", "name: \"x\"\n}");
  refused_accelerator("odd.textproto", {"odd.textproto:2:1"});
  refused_schedule("odd.textproto", {"odd.textproto:2:1"});
  file("junk.onnx", "junk");
  refused_network("junk.onnx", {"junk.onnx", "ONNX model"});
  file("junk.pb", "junk");
  refused_program("junk.pb", {"junk.pb", "not a program", "tessera compile"});
}

TEST_F(BadInput, UnknownFieldIsNamedWithNearOnes) {
  file("field.textproto", "name: \"x\"\nsumary: \"y\"");
  refused_network("field.textproto", {"field.textproto:2:", "sumary", "did you mean summary?"});
  refused_accelerator("field.textproto", {"field.textproto:2:", "sumary", "did you mean summary?"});
  file("schedule.textproto", "name: \"x\"\nrot { }");
  refused_schedule("schedule.textproto", {"schedule.textproto:2:", "rot", "did you mean root?"});
  refused_setting("tile.buffr.bytes=64", {"tile.buffr.bytes=64", "buffr", "did you mean buffer?"});
}

TEST_F(BadInput, RefinementNeedsCandidatesAndABudgetThatIsANumber) {
  const auto refused_with = [&](const Words& more, const Words& expected) {
    Words arguments = {"--accelerator", "tangram-4x4", "--network", "tiny_mlp"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    refused(arguments, expected);
  };
  refused_with({"--schedule", "fused", "--refine", "-2"}, {"--refine -2", "-1", "1000"});
  refused_with({"--schedule", "mine.textproto", "--refine", "3"},
               {"--refine 3", "mine.textproto", "no candidates"});
  for (const char* budget : {"0", "many", "12cycle", "-3", "99999999999"})
    refused_with({"--schedule", "fused", "--refine-budget", budget},
                 {"--refine-budget", budget, "5000000cycles"});
  refused_with({"--schedule", "pipeorgan:depth=1"}, {"pipeorgan: depth=1", "from 2"});
  refused_with({"--schedule", "layerwise", "--refine-budget", "9"},
               {"--refine-budget", "--refine"});
  refused_with({"--schedule", "layerwise", "--refine-known", "known.textproto"},
               {"--refine-known", "--refine"});
  refused_with({"--schedule", "fused", "--refine-known", "no/such/folder/known.textproto"},
               {"no/such/folder/known.textproto", "cannot be written"});
  refused_with({"--schedule", "fused", "--refine-seconds", "0"},
               {"--refine-seconds 0", "at least 1"});
}

TEST_F(BadInput, SwitchesOfTangramAreRefusedWhereTheyMeanNothing) {
  const auto refused_with = [&](const Words& more, const Words& expected) {
    Words arguments = {"--accelerator", "tangram-4x4", "--network", "tiny_mlp"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    refused(arguments, expected);
  };
  refused_with({"--schedule", "tangram", "--tangram-allo", "maybe"},
               {"--tangram-allo maybe", "on, off"});
  refused_with({"--schedule", "tangram", "--tangram-blocking", "2"},
               {"--tangram-blocking 2", "on, off"});
  refused_with({"--schedule", "tangram", "--tangram-additions", "apart"},
               {"--tangram-additions apart", "on, off"});
  refused_with({"--schedule", "tangram", "--tangram-pipelining", "on"},
               {"--tangram-pipelining on", "dag, chains, off"});
  refused_with({"--schedule", "layerwise", "--tangram-sharing", "off"},
               {"--tangram-sharing off", "--schedule tangram", "layerwise"});
  const std::vector<std::string> unicast = {"--schedule", "tangram", "--tangram-forwarding", "off"};
  const std::vector<std::string> others[] = {{"--tangram-pipelining", "dag"},
                                             {"--tangram-sharing", "on"}};
  for (const auto& other : others) {
    auto both = unicast;
    both.insert(both.end(), other.begin(), other.end());
    refused_with(both, {other[0] + " " + other[1], "--tangram-forwarding off"});
  }
}

TEST_F(BadInput, UnknownNamesGetNearOnes) {
  refused_accelerator("tangram-4x5", {"tangram-4x5", "did you mean tangram-4x4"});
  refused_network("resnet51", {"resnet51", "did you mean", "resnet50"});
  refused_schedule("layerwize", {"layerwize", "did you mean layerwise?"});
  refused_setting("noc.topology=mehs", {"noc.topology=mehs", "did you mean MESH?"});
  refused_setting("dram[0].device=lpddr4_3201", {"lpddr4_3201", "did you mean lpddr4_3200"});
}

TEST_F(BadInput, MissingArgumentsAreNamedWithWhatTheyMayBe) {
  EXPECT_EQ(run_tessera(folder_, {"list"}).errors,
            "tessera: tessera list: what is needed: accelerators, networks, schedules, devices or "
            "topologies\n");
  const auto validate = run_tessera(folder_, {"validate", "--schedule", "mine.json"});
  EXPECT_EQ(validate.exit_code, 2);
  EXPECT_NE(validate.errors.find("--model is needed: whose prediction: maestro"), std::string::npos)
      << validate.errors;
}

TEST_F(BadInput, UnknownCommandAndOptionAreNamed) {
  const auto command = run_tessera(folder_, {"rnu"});
  EXPECT_EQ(command.exit_code, 2);
  EXPECT_EQ(command.errors, "tessera: tessera rnu: no such command; did you mean run?\n");
  refused({"--colour", "red"}, {"--colour", "tessera run --help"});
  refused({"--acelerator", "tangram-4x4"},
          {"no option --acelerator", "did you mean --accelerator?"});
  refused({"--network", "tiny_mlp"}, {"--accelerator is needed: preset"});
  refused({"--accelerator", "tangram-4x4"}, {"--network is needed: zoo name"});
  refused({"--accelerator", "tangram-4x4", "--network", "tiny_mlp", "--batch", "-1"},
          {"--batch -1", "positive"});
}

TEST_F(BadInput, SizesBelowOneAreRefused) {
  refused_setting("rows=0", {"rows = 0", "1 to 256"});
  refused_setting("columns=-3", {"columns = -3", "1 to 256"});
  refused_setting("clock_mhz=0", {"clock_mhz = 0", "greater than 0"});
  refused_setting("tile.array.rows=0", {"tile.array.rows = 0", "1 to 4096"});
  refused_setting("tile.buffer.bytes=-1", {"tile.buffer.bytes = -1", "must be 1 to"});
  refused_setting("noc.flit_bytes=0", {"noc.flit_bytes = 0", "must be 1 to"});
  refused_setting("noc.vc_buffer=0", {"noc.vc_buffer = 0", "17 flits"});
  file("zero.textproto", network_text("[1, 0]", "4"));
  refused_network("zero.textproto", {"zero.textproto", "input", "0", "at least 1"});
  file("negative.textproto", network_text("[1, 8]", "-4"));
  refused_network("negative.textproto", {"negative.textproto", "fc", "-4", "at least 1"});
}

TEST_F(BadInput, BufferTooSmallForAnyTileNamesLayerAndCapacity) {
  // 256 B is one line per bank, the smallest buffer there can be; a filter of conv1 (7 x 7 x 3
  // words of 2 B) has 294 B.
  refused_setting("tile.buffer.bytes=256", {"conv1", "256 B"}, "resnet18");
  refused_setting("tile.buffer.bytes=64", {"tile.buffer.bytes = 64", "multiple of", "256"});
}

TEST_F(BadInput, LinkListThatDoesNotConnectNamesTheTiles) {
  // A row of 16 routers without the links between 7 and 8.
  std::string links = "routers: 16\n";
  for (int i = 0; i < 15; ++i) {
    if (i == 7) continue;
    const auto a = std::to_string(i), b = std::to_string(i + 1);
    links += "links { from: " + a + " to: " + b + " } links { from: " + b + " to: " + a + " }\n";
  }
  file("links.textproto", links);
  refused({"--accelerator", "tangram-4x4", "--network", "tiny_mlp", "--set", "noc.topology=links",
           "--set", "noc.links_file=links.textproto", "--set", "noc.routing=shortest_path"},
          {"noc.links", "no path from tile 0 to tile 8"});
}

TEST_F(BadInput, ScheduleByHandIsLegalBeforeItIsSpoilt) {
  file("net.textproto", network_text("[1, 32]", "48"));
  file("good.textproto", kSchedule);
  const auto end =
      run_tessera(folder_, {"run", "--accelerator", "tangram-4x4", "--network", "net.textproto",
                            "--schedule", "good.textproto", "--functional"});
  EXPECT_EQ(end.exit_code, 0) << end.errors;
}

TEST_F(BadInput, ScheduleThatNamesWhatIsNotThereIsRefused) {
  refused_change("tile: 8", "tile: 0", {"spoilt.textproto", "tile is 0", "1 or more"});
  refused_change("ways: 4", "ways: -4", {"spoilt.textproto", "ways is -4", "1 or more"});
  refused_change("rank: \"C\"", "rank: \"X\"", {"spoilt.textproto", "fc", "'X'", "N, K, C"});
  refused_change("layer: \"fc\"", "layer: \"fd\"", {"spoilt.textproto", "fd"});
}

TEST_F(BadInput, ScheduleThatDoesNotCoverTheLayerIsRefused) {
  // 32 -> 48 for one image: 32 x 48 = 1536 points. Of five balanced shares of the outputs, which
  // end at 9, 19, 28, 38 and 48, four columns of tiles take the first four: 32 x 38 = 1216 points.
  refused_change("ways: 4", "ways: 5", {"spoilt.textproto", "layer fc", "1216 of its 1536 points"});
  // One of the two layers of a network has no place in the tree.
  file("two.textproto", network_text("[1, 32]", "48") +
                            "layer { name: \"fd\" input: \"fc\" fully_connected { k: 8 } }\n");
  file("one.textproto", kSchedule);
  refused(
      {"--accelerator", "tangram-4x4", "--network", "two.textproto", "--schedule", "one.textproto"},
      {"one.textproto", "layer fd is not scheduled"});
}

TEST_F(BadInput, TruncatedProgramIsRefusedAtEveryLength) {
  const std::string program = compiled();
  for (std::size_t length = 0; length < program.size(); length += 1 + program.size() / 40) {
    file("cut.pb", program.substr(0, length));
    refused_program("cut.pb", {"cut.pb", "program"});
  }
}

TEST_F(BadInput, DamagedProgramIsRefusedOrRuns) {
  const std::string program = compiled();
  for (std::size_t at = 0; at < program.size(); at += 1 + program.size() / 60) {
    std::string damaged = program;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x81);
    file("damaged.pb", damaged);
    const auto end =
        run_tessera(folder_, {"run", "--accelerator", "tangram-4x4", "--program", "damaged.pb"});
    EXPECT_TRUE(end.exit_code == 0 || end.exit_code == 2) << "byte " << at << ": " << end.errors;
    EXPECT_EQ(std::ranges::count(end.errors, '\n'), end.exit_code == 0 ? 0 : 1) << end.errors;
  }
}

TEST_F(BadInput, PlaceForResultsThatCannotBeUsedIsNamed) {
  file("taken", "");
  const auto end = run_tessera(
      folder_, {"run", "--accelerator", "tangram-4x4", "--network", "tiny_mlp", "--out", "taken"});
  EXPECT_EQ(end.exit_code, 2);
  EXPECT_EQ(end.errors, "tessera: --out taken: exists and is not a folder\n");
}

}  // namespace tessera::test
