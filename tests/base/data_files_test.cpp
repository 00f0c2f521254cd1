#include "sim/base/data_files.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>

#include "sim/base/error.h"
#include "tests/support/refusal.h"
#include "tests/support/scratch.h"

namespace tessera {

namespace {

namespace fs = std::filesystem;

/// A data folder of its own for one test, named to the program through the environment.
class DataFolder : public testing::Test {
 protected:
  void SetUp() override {
    root_ = scratch_path("data_files");
    fs::remove_all(root_);
    fs::create_directories(root_ / "zoo");
    for (const char* name : {"beta.textproto", "alpha.textproto", "notes.md"})
      std::ofstream(root_ / "zoo" / name) << "x";
    setenv("TESSERA_DATA_DIR", root_.c_str(), 1);
  }
  void TearDown() override {
    unsetenv("TESSERA_DATA_DIR");
    fs::remove_all(root_);
  }
  fs::path root_;
};

}  // namespace

TEST_F(DataFolder, EnvironmentNamesTheFolder) {
  EXPECT_EQ(data_file("zoo", "alpha"), root_ / "zoo" / "alpha.textproto");
}

TEST_F(DataFolder, ListIsSortedAndHoldsOnlyTextFiles) {
  EXPECT_EQ(list_data_files("zoo"), (std::vector<std::string>{"alpha", "beta"}));
}

TEST_F(DataFolder, MissingFolderListsNothing) {
  EXPECT_TRUE(list_data_files("accelerators").empty());
}

TEST_F(DataFolder, UnknownNameSuggestsANearOne) {
  test::expect_refused([&] { data_file("zoo", "alpah"); }, "did you mean alpha?");
}

TEST(DataFiles, SourceTreeHoldsTheZooWithoutEnvironment) {
  unsetenv("TESSERA_DATA_DIR");
  EXPECT_EQ(data_file("zoo", "resnet50").filename(), "resnet50.textproto");
}

TEST(DataFiles, KindWeDoNotHaveIsOurMistake) {
  EXPECT_THROW(list_data_files("recipes"), InvariantViolation);
}

}  // namespace tessera
