#include "sim/base/scratch_folder.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "tests/support/refusal.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

TEST(ScratchFolder, IsOneOfItsOwnAndGoesWithItsContent) {
  fs::path path;
  {
    const ScratchFolder one, other;
    EXPECT_NE(one.path(), other.path());
    path = one.path();
    fs::create_directories(one / "a");
    std::ofstream(one / "a/b") << "content";
    EXPECT_EQ(fs::status(path).permissions() & (fs::perms::group_all | fs::perms::others_all),
              fs::perms::none);
  }
  EXPECT_FALSE(fs::exists(path));
}

TEST(ScratchFolder, WhereNoneCanBeMadeTheErrorNamesThePlace) {
  // A place that exists, or the standard library refuses it first, but takes no folders.
  setenv("TMPDIR", "/proc", /*overwrite=*/1);
  const auto text = test::refusal_of([] { const ScratchFolder folder; });
  EXPECT_TRUE(text.starts_with("/proc/tessera-")) << text;
}

}  // namespace
}  // namespace tessera
