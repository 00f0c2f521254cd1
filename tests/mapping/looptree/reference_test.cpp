// Every number of the reference tables.
#include <gtest/gtest.h>

#include <filesystem>

#include "mapping/cost/looptree/looptree_predictor.h"
#include "sim/base/output_directory.h"
#include "tests/mapping/reference_table.h"
#include "tests/support/scratch.h"

namespace tessera::mapping {
namespace {

const std::string kFolder = std::string(TESSERA_SOURCE_DIR) + "/validation/reference/looptree";

std::vector<ResultTable> predict(const std::string& folder) {
  return make_looptree_predictor()->predict_cases(folder, {});
}

TEST(LoopTreeReference, CasesEqualInEveryColumn) {
  const auto tables = predict(kFolder);
  EXPECT_EQ(compare_with_reference(table_named(tables, "cases"), kFolder, {"case"}), 44u * 22);
}

TEST(LoopTreeReference, AccessesEqualInEveryColumn) {
  const auto tables = predict(kFolder);
  EXPECT_EQ(compare_with_reference(table_named(tables, "accesses"), kFolder,
                                   {"case", "level", "tensor", "einsum"}),
            851u * 11);
}

TEST(LoopTreeReference, EinsumsEqualInEveryColumn) {
  const auto tables = predict(kFolder);
  EXPECT_EQ(compare_with_reference(table_named(tables, "einsums"), kFolder, {"case", "einsum"}),
            105u * 5);
}

TEST(LoopTreeReference, PredictionsNeedNoPredictedColumn) {
  const CsvTable full = CsvTable::load(kFolder + "/cases.csv");
  std::string bare = "case,workload,arch\n";
  for (std::size_t row = 0; row < full.rows(); ++row)
    bare +=
        full.at(row, "case") + "," + full.at(row, "workload") + "," + full.at(row, "arch") + "\n";
  const auto folder = scratch_path("looptree_bare");
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  for (const char* part : {"arch", "mappings", "workloads"})
    std::filesystem::copy(kFolder + "/" + part, folder / part,
                          std::filesystem::copy_options::recursive);
  write_file_atomically(folder / "cases.csv", bare);
  const auto tables = predict(folder.string());
  std::filesystem::remove_all(folder);
  EXPECT_EQ(to_csv(table_named(tables, "accesses")),
            to_csv(table_named(predict(kFolder), "accesses")));
}

TEST(LoopTreeReference, OneCaseFromItsFilesEqualsTheFolder) {
  const std::string name = "conv2_16x16_c8_16_16__fused_P4Q4_keeprow_sp";
  const CaseFiles files{kFolder + "/workloads/conv2_16x16_c8_16_16.yaml",
                        kFolder + "/mappings/" + name + ".yaml",
                        kFolder + "/arch/two_level.yaml," + kFolder + "/arch/energy.csv"};
  const auto tables = make_looptree_predictor()->predict_case(files, {});
  const auto& cases = table_named(tables, "cases");
  ASSERT_EQ(cases.rows.size(), 1u);
  EXPECT_EQ(std::get<std::int64_t>(cases.rows[0][10]), 7524);
  EXPECT_EQ(std::get<double>(cases.rows[0][21]), 8155033.6);
}

/// The mended faults touch neither accesses nor anything but digits of latency in these cases.
TEST(LoopTreeReference, FixedFaultsLeaveAccessesAlone) {
  const auto fixed = make_looptree_predictor()->predict_cases(kFolder, {Faults::kFixed});
  EXPECT_EQ(to_csv(table_named(fixed, "accesses")),
            to_csv(table_named(predict(kFolder), "accesses")));
}

}  // namespace
}  // namespace tessera::mapping
