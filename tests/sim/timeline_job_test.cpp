// The timeline of the main job, as a user gets it: small enough to open, and equal to the run's own
// tables.
#include <gtest/gtest.h>

#include "hw_models/tile/cycle_stack.h"
#include "sim/base/csv.h"
#include "sim/base/message_io.h"
#include "tests/sim/program_run.h"
#include "tests/sim/timeline_viewer.h"

namespace tessera::test {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kMostBytes = 50'000'000;

/// Cycle stacks of all tiles, by pid.
std::map<int, Cycles> stacks_of(const CsvTable& tiles) {
  std::map<int, Cycles> stacks;
  for (std::size_t row = 0; row < tiles.rows(); ++row)
    for (const auto cause : hw::kCauseNames)
      if (const auto cycles = tiles.integer(row, std::string(cause) + "_cycles"); cycles > 0)
        stacks[static_cast<int>(tiles.integer(row, "tile")) + 1][std::string(cause)] =
            static_cast<Cycle>(cycles);
  return stacks;
}

TEST(Timeline, OfResnet50On256TilesIsSmallAndShowsTheCycleStack) {
  const auto folder = empty_test_folder();
  const auto end =
      run_tessera(folder, {"run", "--accelerator", "tangram-16x16", "--network", "resnet50",
                           "--out", "out", "--no-report", "--timeline", "t.perfetto"});
  ASSERT_EQ(end.exit_code, 0) << end.errors;
  EXPECT_LT(fs::file_size(folder / "t.perfetto"), kMostBytes);
  perfetto::proto::Trace trace;
  load_binary((folder / "t.perfetto").string(), trace);
  const TimelineViewer viewer(trace);
  EXPECT_EQ(viewer.faults(), "");
  const auto expected = stacks_of(CsvTable::load((folder / "out/tiles.csv").string()));
  const auto shown = viewer.stacks();
  EXPECT_GE(shown.size(), 16u);
  for (const auto& [pid, stack] : shown) EXPECT_EQ(stack, expected.at(pid)) << "pid " << pid;
  EXPECT_GT(viewer.arrows(), 1000u);
  RecordProperty("bytes", std::to_string(fs::file_size(folder / "t.perfetto")));
  RecordProperty("tiles", std::to_string(shown.size()));
  fs::remove_all(folder);
}

}  // namespace
}  // namespace tessera::test
