// Every number that the published program printed for the reference cases.
#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>

#include "mapping/cost/timeloop/loop_nest.h"
#include "mapping/cost/timeloop/timeloop_predictor.h"
#include "mapping/importers/timeloop/mapping_file.h"
#include "mapping/importers/timeloop/problem.h"
#include "sim/base/message_io.h"
#include "sim/base/output_directory.h"
#include "tests/mapping/reference_table.h"
#include "tests/support/scratch.h"

namespace tessera::mapping {
namespace {

const std::string kFolder = std::string(TESSERA_SOURCE_DIR) + "/validation/reference/timeloop";

std::vector<ResultTable> predict(const std::string& folder) {
  return make_timeloop_predictor()->predict_cases(folder, {});
}

TEST(TimeloopReference, CasesEqualInEveryColumn) {
  EXPECT_EQ(compare_with_reference(table_named(predict(kFolder), "cases"), kFolder, {"case"}),
            38u * 14);
}

TEST(TimeloopReference, LevelsEqualInEveryColumn) {
  EXPECT_EQ(compare_with_reference(table_named(predict(kFolder), "levels"), kFolder,
                                   {"case", "level", "tensor"}),
            422u * 20);
}

/// All columns but the average hops, which the model does not have.
TEST(TimeloopReference, NetworksEqual) {
  EXPECT_EQ(compare_with_reference(table_named(predict(kFolder), "networks"), kFolder,
                                   {"case", "network", "tensor"}),
            558u * 9);
}

TEST(TimeloopReference, PredictionsNeedNoPredictedColumn) {
  const CsvTable full = CsvTable::load(kFolder + "/cases.csv");
  std::string bare = "case,arch,problem\n";
  for (std::size_t row = 0; row < full.rows(); ++row)
    bare +=
        full.at(row, "case") + "," + full.at(row, "arch") + "," + full.at(row, "problem") + "\n";
  const auto folder = scratch_path("timeloop_bare");
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  for (const char* part : {"arch", "mappings", "problems"})
    std::filesystem::copy(kFolder + "/" + part, folder / part,
                          std::filesystem::copy_options::recursive);
  write_file_atomically(folder / "cases.csv", bare);
  const auto tables = predict(folder.string());
  std::filesystem::remove_all(folder);
  EXPECT_EQ(to_csv(table_named(tables, "levels")), to_csv(table_named(predict(kFolder), "levels")));
}

TEST(TimeloopReference, OneCaseFromItsFilesEqualsTheFolder) {
  const std::string name = "tiles4x4__vgg16_conv1_2__pq_ws";
  const CaseFiles files{kFolder + "/problems/vgg16_conv1_2.yaml",
                        kFolder + "/mappings/" + name + ".yaml",
                        kFolder + "/arch/tiles4x4.yaml," + kFolder + "/arch/ert.yaml"};
  const auto tables = make_timeloop_predictor()->predict_case(files, {});
  const auto& cases = table_named(tables, "cases");
  ASSERT_EQ(cases.rows.size(), 1u);
  EXPECT_EQ(std::get<std::int64_t>(cases.rows[0][5]), 903168);
  EXPECT_EQ(std::get<double>(cases.rows[0][10]), 9535.2226);
}

/// Loops as the tool printed them: "for P in [0:4) (Spatial-Y)", outermost first.
std::vector<std::string> printed_loops(const std::string& path) {
  std::istringstream lines(read_file(path));
  std::vector<std::string> loops;
  for (std::string line; std::getline(lines, line);)
    if (const auto at = line.find("for "); at != std::string::npos)
      loops.push_back(line.substr(at, line.find_last_not_of(' ') + 1 - at));
  return loops;
}

std::vector<std::string> loops_of(const timeloop::LoopNest& nest) {
  std::vector<std::string> loops;
  const auto add = [&](const timeloop::NestLoop& loop, const char* where) {
    loops.push_back("for " + nest.layer().ranks[loop.rank].name +
                    " in [0:" + std::to_string(loop.end) + ")" + where);
  };
  for (const auto& level : nest.levels) {
    for (const auto& loop : level.temporal) add(loop, "");
    for (const auto& loop : level.spatial) add(loop, loop.on_x ? " (Spatial-X)" : " (Spatial-Y)");
  }
  return loops;
}

TEST(TimeloopReference, NestsAreThoseTheToolUnderstood) {
  const CsvTable keys = CsvTable::load(kFolder + "/cases.csv");
  for (std::size_t row = 0; row < keys.rows(); ++row) {
    const std::string name = keys.at(row, "case");
    const auto architecture = importers::load_timeloop_architecture(
        {kFolder + "/arch/" + keys.at(row, "arch") + ".yaml"});
    const auto network = importers::load_timeloop_problem(kFolder + "/problems/" +
                                                          keys.at(row, "problem") + ".yaml");
    const auto schedule = importers::load_timeloop_mapping(kFolder + "/mappings/" + name + ".yaml",
                                                           architecture, network);
    EXPECT_EQ(loops_of(timeloop::loop_nest_of(schedule, network, architecture)),
              printed_loops(kFolder + "/loopnests/" + name + ".txt"))
        << name;
  }
}

}  // namespace
}  // namespace tessera::mapping
