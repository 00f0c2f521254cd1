// `tessera validate` and `run` on another tool's files, as a user runs them.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "sim/base/csv.h"
#include "sim/base/message_io.h"
#include "tests/sim/program_run.h"
#include "tests/support/reference_archive.h"

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

#if !TESSERA_CHARTS
TEST(Validate, ReportNeedsTheChartLibrary) {
  const auto folder = empty_test_folder();
  const auto end =
      run_tessera(folder, with_case({"validate", "--model", "timeloop"}, {"--report", "run"}));
  EXPECT_EQ(end.exit_code, 2);
  EXPECT_NE(end.errors.find("built without the chart library"), std::string::npos) << end.errors;
}
#endif

TEST(Validate, ReportPutsPredictionAndLadderBesideTheRun) {
  if (!TESSERA_CHARTS) GTEST_SKIP() << "built without the chart library";
  const auto folder = empty_test_folder();
  ASSERT_EQ(run_tessera(folder, with_case({"run"}, {"--out", "run"})).exit_code, 0);
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
  if (!TESSERA_CHARTS) GTEST_SKIP() << "built without the chart library";
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

/// In its buffers c1 and those behind it take turns, group of rows by group of rows; the tool lets
/// them stay whole, and so does the machine without limits, from `run` as from the lowest rung.
TEST(ValidateTangram, FreeRoomMovesTheWordsThatTheToolCounts) {
  const std::string name = "chain4_4x4_8k_b8_tangram_ovhd10.json";
  const auto folder =
      unpack({{name, load_reference("tangram").at("schedules/" + name)}}, "tangram");
  const auto tessera = [&](Words words, const Words& after) {
    words.insert(words.end(), {"--schedule", name});
    words.insert(words.end(), after.begin(), after.end());
    const auto end = run_tessera(folder, words);
    ASSERT_EQ(end.exit_code, 0) << end.errors;
  };
  tessera({"predict", "--model", "tangram"}, {"--out", "predicted"});
  tessera({"run"}, {"--ideal", "all", "--out", "ideal"});
  tessera({"validate", "--model", "tangram"}, {"--out", "ladder"});
  const auto predicted = CsvTable::load((folder / "predicted/summary.csv").string());
  const auto ideal = nlohmann::json::parse(read_file((folder / "ideal/result.json").string()));
  std::int64_t words = 0;
  for (const auto& layer : ideal["layers"])
    for (const auto& operand : layer["counted_as_tool"]) words += operand["dram"].get<int>();
  EXPECT_EQ(words, predicted.integer(0, "dram_words"));
  const auto ladder = CsvTable::load((folder / "ladder/validation.csv").string());
  EXPECT_EQ(ladder.integer(0, "predicted_cycles") + ladder.integer(0, "rest_cycles"),
            ideal["cycles"].get<std::int64_t>());
  EXPECT_EQ(causes_of(ladder, 0), ladder.integer(0, "error_cycles"));
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

TEST(RunOnToolFiles, CountsWhatAllTilesOfAPipelineReserve) {
  // LoopTree's largest tiles are 7488 words. The first tile that is handed over exists once more
  // where it was computed: 16 channels of 6 rows of 18 columns, 1728 words.
  const fs::path cases = fs::path(TESSERA_REFERENCE) / "looptree";
  const auto folder = empty_test_folder();
  const auto end = run_tessera(
      folder,
      {"run", "--network", (cases / "workloads/conv2_16x16_c8_16_16.yaml").string(), "--schedule",
       (cases / "mappings/conv2_16x16_c8_16_16__fused_P4_pipe_sp_slow.yaml").string(),
       "--accelerator", (cases / "arch/two_level_slowdram.yaml").string(), "--out", "out"});
  ASSERT_EQ(end.exit_code, 0) << end.errors;
  const auto result = read_file((folder / "out/result.json").string());
  const auto at = result.find("\"all_tiles_reserved_words\":");
  ASSERT_NE(at, std::string::npos);
  EXPECT_EQ(std::stoll(result.substr(result.find_first_of("0123456789", at))), 7488 + 1728);
}

TEST(StudyFiles, ChainOfThreeLayersRunsOn1024Tiles) {
  // 32 x 32 tiles of 8 x 8 outputs. For its own the last layer needs 10 x 10 of the second and
  // these 12 x 12 of the first, less what would lie outside the map: 256, 32 x 10 - 2 and 32 x 12 -
  // 4 rows and columns are computed, 16 x 16 x 9 products each.
  const auto study = fs::path(TESSERA_REFERENCE) / "../../docs/studies/chain_1024";
  const auto folder = empty_test_folder();
  const auto end = run_tessera(
      folder, {"run", "--accelerator", "tangram-16x16", "--set", "rows=32", "--set", "columns=32",
               "--network", (study / "network.textproto").string(), "--schedule",
               (study / "schedule.textproto").string(), "--no-report", "--out", "out"});
  ASSERT_EQ(end.exit_code, 0) << end.errors;
  const auto tiles = CsvTable::load((folder / "out/tiles.csv").string());
  ASSERT_EQ(tiles.rows(), 1024u);
  std::int64_t macs = 0;
  for (std::size_t row = 0; row < tiles.rows(); ++row) macs += tiles.integer(row, "macs");
  EXPECT_EQ(macs, (256 * 256 + 318 * 318 + 380 * 380) * 2304ll);
}

/// A layer with windows of 3 x 3 under one of MAESTRO's dataflows, with values.
void run_maestro(const std::string& dataflow) {
  const auto folder = empty_test_folder();
  std::ofstream((folder / "l.m").string())
      << "Network n {\n Layer l {\n  Type: CONV\n  Stride { X: 1, Y: 1 }\n"
         "  Dimensions { K: 4, C: 6, R: 3, S: 3, Y: 8, X: 8 }\n  Dataflow {\n" +
             dataflow + "\n  }\n }\n}\n";
  std::ofstream((folder / "hw.m").string()) << "num_pes: 256\nnoc_bw_cstr: 64\n";
  const auto end = run_tessera(folder, {"run", "--functional", "--schedule", "l.m", "--accelerator",
                                        "hw.m", "--out", "out"});
  EXPECT_EQ(end.exit_code, 0) << end.errors;
  EXPECT_NE(read_file((folder / "out/result.json").string()).find("\"functional_match\": true"),
            std::string::npos);
}

// Input rows and filter rows advance together over three PEs.
TEST(RunOnToolFiles, RowStationaryGivesTheRightOutputs) {
  run_maestro(
      "SpatialMap(1,1) Y'; TemporalMap(1,1) X'; TemporalMap(1,1) C; TemporalMap(4,4) K;"
      "TemporalMap(Sz(R),Sz(R)) R; TemporalMap(Sz(S),Sz(S)) S; Cluster(Sz(R),P);"
      "SpatialMap(1,1) Y; SpatialMap(1,1) R; TemporalMap(Sz(S),Sz(S)) S;");
}

// Rows and columns of a cluster add.
TEST(RunOnToolFiles, SumsOverBothAxesGiveTheRightOutputs) {
  run_maestro(
      "TemporalMap(1,1) C; SpatialMap(1,1) K; TemporalMap(1,1) Y'; TemporalMap(1,1) X';"
      "TemporalMap(Sz(R),Sz(R)) R; TemporalMap(Sz(S),Sz(S)) S; Cluster(Sz(R),P);"
      "SpatialMap(1,1) Y; SpatialMap(1,1) R; Cluster(Sz(S),P); SpatialMap(1,1) X; SpatialMap(1,1) "
      "S;");
}

TEST(RunOnToolFiles, RefusesAnUnknownIdealisation) {
  const auto folder = empty_test_folder();
  const auto end = run_tessera(folder, with_case({"run"}, {"--ideal", "dramm"}));
  EXPECT_EQ(end.exit_code, 2);
  EXPECT_EQ(end.errors, "tessera: --ideal dramm: no idealisation 'dramm'; did you mean dram?\n");
}

/// Filters 4, channels 2, outputs 2 x 2, windows 1 x 1: 32 multiply-accumulates, 8 inputs, 8
/// weights, 16 outputs. Two PEs take a filter each; a PE keeps a row of inputs, a weight, a row of
/// outputs. In Halide's words.
Words halide_case(const fs::path& folder, Words before, const Words& after = {}) {
  std::ofstream((folder / "l.json").string())
      << R"({"fmap_width": 2, "fmap_height": 2, "input_fmap_channel": 2, "output_fmap_channel": 4,
             "window_width": 1, "window_height": 1, "batch_size": 1, "stride_width": 1,
             "stride_height": 1})";
  std::ofstream((folder / "a.json").string())
      << R"({"mem_levels": 3, "capacity": [64, 1024, 65536], "access_cost": [1, 6, 100],
             "precision": 16, "mac_capacity": 0, "parallel_cost": [0.5], "array_dim": [1, 1, 1],
             "parallel_count": [2, 1, 1], "parallel_mode": [2, 0, 0]})";
  std::ofstream((folder / "s.halide").string()) << R"(
    output.split(k, ko, ki, 2).reorder(x, ki, y, c, ko).unroll(ki)
          .accelerate({input, weight}, x, outermost);
    input.in().compute_root();  weight.in().compute_root();  output.in().compute_root();
    input.in().in().compute_at(output, ki);
    weight.in().in().compute_at(output, ki);
    output.in().in().compute_at(output, ki);)";
  for (const char* word :
       {"--network", "l.json", "--schedule", "s.halide", "--accelerator", "a.json"})
    before.push_back(word);
  before.insert(before.end(), after.begin(), after.end());
  return before;
}

/// Cells of a table by the columns before them.
std::map<std::string, std::string> cells(const fs::path& file, const Words& keys,
                                         const std::string& value) {
  const auto table = CsvTable::load(file.string());
  std::map<std::string, std::string> cells;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    std::string key;
    for (const auto& column : keys) key += (key.empty() ? "" : " ") + table.at(row, column);
    cells[key] = table.at(row, value);
  }
  return cells;
}

TEST(HalideSchedule, RunsPredictsAndValidates) {
  const auto folder = empty_test_folder();
  auto end = run_tessera(folder, halide_case(folder, {"run", "--functional"}, {"--out", "run"}));
  EXPECT_EQ(end.exit_code, 0) << end.errors;
  end = run_tessera(folder,
                    halide_case(folder, {"predict", "--model", "interstellar"}, {"--out", "told"}));
  EXPECT_EQ(end.exit_code, 0) << end.errors;
  end = run_tessera(folder, halide_case(folder, {"validate", "--model", "interstellar"}));
  EXPECT_EQ(end.exit_code, 0) << end.errors;
}

// Rows of inputs change with y, c and ko, 8 times: 16 words on the bus, each to both PEs, used once
// there. A weight stays while y and x move: 4 uses. Sums leave and come back for the second
// channel: 32 words for 16 outputs.
TEST(Reuse, FactorsOfATinyLayer) {
  const auto folder = empty_test_folder();
  const auto end = run_tessera(folder, halide_case(folder, {"validate", "--model", "interstellar"},
                                                   {"--reuse", "--out", "out"}));
  ASSERT_EQ(end.exit_code, 0) << end.errors;
  auto counted = cells(folder / "out/reuse.csv", {"operand", "level", "kind"}, "counted");
  EXPECT_EQ(counted["input registers temporal"], "1.000");
  EXPECT_EQ(counted["input array spatial"], "2.000");
  EXPECT_EQ(counted["input array spatio-temporal"], "1.000");
  EXPECT_EQ(counted["input buffer temporal"], "2.000");
  EXPECT_EQ(counted["input dram temporal"], "1.000");
  EXPECT_EQ(counted["weight registers temporal"], "4.000");
  EXPECT_EQ(counted["weight array spatial"], "1.000");
  EXPECT_EQ(counted["weight buffer temporal"], "1.000");
  EXPECT_EQ(counted["output registers temporal"], "1.000");
  EXPECT_EQ(counted["output buffer temporal"], "2.000");
  auto predicted = cells(folder / "out/reuse.csv", {"operand", "level", "kind"}, "predicted");
  EXPECT_EQ(predicted["input buffer temporal"], "2.000");
  EXPECT_EQ(predicted["weight registers temporal"], "4.000");
  EXPECT_EQ(predicted["output buffer temporal"], "2.000");
}

// Five words do not fit into the two of a smaller file.
TEST(Reuse, TakesSettingsOfTheMachine) {
  const auto folder = empty_test_folder();
  const auto end = run_tessera(
      folder, halide_case(folder, {"validate", "--model", "interstellar"},
                          {"--reuse", "--set", "tile.array.register_bytes=4", "--out", "out"}));
  EXPECT_EQ(end.exit_code, 0) << end.errors;
  const auto table = CsvTable::load((folder / "out/reuse.csv").string());
  ASSERT_EQ(table.rows(), 1u);
  EXPECT_NE(table.at(0, "refused").find("register bytes per PE = 10: the file has 4"),
            std::string::npos)
      << table.at(0, "refused");
}

// A PE keeps 2 inputs, 1 weight and 2 sums; the buffer all 8 + 8 + 16 words, each tensor in a line
// of 32 words. 16 steps; every second step wants 2 inputs and takes 4 sums in and out, every fourth
// 2 weights.
TEST(Requirements, OfATinyLayer) {
  const auto folder = empty_test_folder();
  const auto end = run_tessera(folder, halide_case(folder, {"validate", "--model", "interstellar"},
                                                   {"--requirements", "--out", "out"}));
  ASSERT_EQ(end.exit_code, 0) << end.errors;
  auto measured = cells(folder / "out/requirements.csv", {"level", "resource"}, "measured");
  EXPECT_EQ(measured["registers words of a PE"], "5.000");
  EXPECT_EQ(measured["buffer words, in whole lines"], "96.000");
  EXPECT_EQ(measured["array input words per cycle"], "1.000");
  EXPECT_EQ(measured["array weight words per cycle"], "1.000");
  EXPECT_EQ(measured["array output words per cycle"], "2.000");
  auto predicted = cells(folder / "out/requirements.csv", {"level", "resource"}, "predicted");
  EXPECT_EQ(predicted["registers words of a PE"], "5.000");
  EXPECT_EQ(predicted["buffer words, in whole lines"], "32.000");
  EXPECT_EQ(predicted["array input words per cycle"], "1.000");
  EXPECT_EQ(predicted["array weight words per cycle"], "0.500");
}

}  // namespace
}  // namespace tessera::test
