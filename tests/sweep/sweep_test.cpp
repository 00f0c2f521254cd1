// Sweeps on this host: complete, interrupted and resumed, under GNU parallel; failures are kept.
#include <gtest/gtest.h>

#include <algorithm>

#include "sim/base/csv.h"
#include "tests/sweep/sweep_run.h"

namespace tessera::test {
namespace {

TEST(Sweep, CollectsEveryPointAndKeepsFailuresWithTheirMessage) {
  const SweepRun sweep;
  ASSERT_EQ(sweep.run("out", {}), 0);
  const auto table = CsvTable::parse(sweep.table("out"), "sweep.csv");
  ASSERT_EQ(table.rows(), static_cast<std::size_t>(SweepRun::kPoints));
  int failed = 0;
  for (std::size_t i = 0; i < table.rows(); ++i) {
    if (table.integer(i, "finished") == 1) {
      EXPECT_GT(table.integer(i, "cycles"), 0);
      EXPECT_EQ(table.integer(i, "macs"), 710272);
      continue;
    }
    ++failed;
    EXPECT_EQ(table.at(i, "noc.flit_bytes"), "32");
    EXPECT_EQ(table.integer(i, "exit_code"), 2);
    EXPECT_EQ(table.at(i, "message").find("tangram-4x4: noc.flit_bytes = 32: must be 1 to 16"), 0u);
  }
  EXPECT_EQ(failed, SweepRun::kFailing);
}

TEST(Sweep, ResumesWhereItWasKilledAndEndsWithTheSameBytes) {
  const SweepRun sweep;
  ASSERT_EQ(sweep.run("whole", {}), 0);
  sweep.run_and_kill("killed", {"--jobs", "2"}, 5);
  ASSERT_LT(sweep.settled("killed"), SweepRun::kPoints);
  const auto before = sweep.times("killed");
  ASSERT_EQ(sweep.run("killed", {}), 0);
  EXPECT_EQ(sweep.table("killed"), sweep.table("whole"));
  // What was finished is not run again.
  const auto after = sweep.times("killed");
  EXPECT_TRUE(std::ranges::includes(after, before));
  ASSERT_EQ(sweep.run("killed", {}), 0);
  EXPECT_EQ(sweep.times("killed"), after);
}

TEST(Sweep, GnuParallelGivesTheSameBytes) {
  if (!installed("parallel")) GTEST_SKIP() << "GNU parallel is not installed";
  const SweepRun sweep;
  ASSERT_EQ(sweep.run("local", {}), 0);
  // The login ':' is this host without ssh.
  const auto logins = sweep.out("logins");
  ASSERT_EQ(sweep::run({"sh", "-c", "echo : > " + logins.string()}).exit_code, 0);
  ASSERT_EQ(sweep.run("parallel", {"--launcher", "parallel", "--pack", "3", "--jobs", "2",
                                   "--ssh-login-file", logins.string()}),
            0);
  EXPECT_EQ(sweep.table("parallel"), sweep.table("local"));
}

TEST(Sweep, RefusesAnUnknownLauncher) {
  const SweepRun sweep;
  const auto output = sweep::run({TESSERA_PROGRAM, "sweep", sweep.out("study.textproto").string(),
                                  "--out", sweep.out("o").string(), "--launcher", "slrum"});
  EXPECT_EQ(output.exit_code, 2);
  EXPECT_EQ(output.errors, "tessera: --launcher slrum: no such launcher; did you mean slurm?\n");
}

}  // namespace
}  // namespace tessera::test
