// `tessera resources` as a user runs it.
#include <gtest/gtest.h>

#include <filesystem>

#include "sim/base/csv.h"
#include "tests/sim/program_run.h"

namespace tessera::test {
namespace {

namespace fs = std::filesystem;

ProgramEnd resources(const fs::path& folder, std::vector<std::string> words) {
  words.insert(words.begin(), "resources");
  return run_tessera(folder, words);
}

// 512 bytes of registers cost 0.96 pJ a word, 64 bytes 0.12: an eighth for the same accesses, of
// which every multiply-accumulate makes four, less one for every output that is written for the
// first time.
TEST(Resources, RegistersCostAsTheirSize) {
  const auto folder = empty_test_folder();
  const auto end = resources(folder, {"--networks", "tiny_mlp:4", "--registers", "64", "--buffers",
                                      "128", "--out", "out"});
  ASSERT_EQ(end.exit_code, 0) << end.errors;
  const auto table = CsvTable::load((folder / "out/resources.csv").string());
  ASSERT_EQ(table.rows(), 2u);
  EXPECT_EQ(table.at(0, "register_bytes"), "512");
  EXPECT_EQ(table.at(0, "gain"), "1");
  EXPECT_NEAR(table.number(0, "registers_uj"), 8 * table.number(1, "registers_uj"), 1e-6);
  // Layers of 32 x 48, 48 x 24 and 24 x 8 for 4 samples: 11,520 MACs and 320 outputs.
  EXPECT_NEAR(table.number(1, "registers_uj"), (4 * 11520 - 320) * 0.12e-6, 1e-9);
  EXPECT_NEAR(table.number(1, "mac_uj"), 11520 * 0.075e-6, 1e-9);
  EXPECT_EQ(table.at(0, "utilisation"), table.at(1, "utilisation"));
}

// The best of two dataflows for each layer is at least as good as either.
TEST(Resources, AdaptiveIsNeverWorse) {
  const auto folder = empty_test_folder();
  const auto end = resources(folder, {"--networks", "small_cnn", "--dataflows", "C|K,X|Y",
                                      "--registers", "64", "--buffers", "128", "--out", "out"});
  ASSERT_EQ(end.exit_code, 0) << end.errors;
  const auto table = CsvTable::load((folder / "out/resources.csv").string());
  ASSERT_EQ(table.rows(), 6u);
  for (const std::size_t size : {0, 1}) {
    ASSERT_EQ(table.at(4 + size, "dataflow"), "adaptive");
    for (const std::size_t fixed : {size, 2 + size})
      EXPECT_LE(table.number(4 + size, "total_uj"), table.number(fixed, "total_uj") * (1 + 1e-9));
  }
}

TEST(Resources, ItsCasesAreSimulated) {
  const auto folder = empty_test_folder();
  ASSERT_EQ(resources(folder, {"--networks", "tiny_mlp:4", "--registers", "64", "--buffers", "128",
                               "--cases", "cases"})
                .exit_code,
            0);
  const auto end = run_tessera(folder, {"validate", "--model", "interstellar", "--cases", "cases",
                                        "--no-ladder", "--out", "out"});
  ASSERT_EQ(end.exit_code, 0) << end.errors;
  const auto table = CsvTable::load((folder / "out/validation.csv").string());
  ASSERT_EQ(table.rows(), 6u);
  for (std::size_t row = 0; row < table.rows(); ++row) EXPECT_EQ(table.at(row, "refused"), "");
}

TEST(Resources, BadOptionsAreNamed) {
  const auto folder = empty_test_folder();
  auto end = resources(folder, {"--networks", "tiny_mlp", "--dataflows", "Z|Z"});
  EXPECT_EQ(end.exit_code, 2);
  EXPECT_EQ(end.errors, "tessera: dataflow 'Z|Z': known are C|K, X|Y, FY|Y, X|K, C|X\n");
  end = resources(folder, {"--networks", "tiny_mlp", "--registers", "64,few"});
  EXPECT_EQ(end.exit_code, 2);
  EXPECT_EQ(end.errors, "tessera: --registers few: a whole number of 1 to 65536 is expected\n");
  end =
      resources(folder, {"--networks", "tiny_mlp", "--inner-registers", "64", "--registers", "64"});
  EXPECT_EQ(end.exit_code, 2);
  EXPECT_EQ(end.errors, "tessera: --inner-registers 64: must be less than --registers 64\n");
  end = resources(folder, {"--networks", "tiny_mlp", "--registers", "2"});
  EXPECT_EQ(end.exit_code, 2);
  EXPECT_NE(end.errors.find("not even one element of each tensor fits"), std::string::npos);
}

}  // namespace
}  // namespace tessera::test
