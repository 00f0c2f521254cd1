// Sweeps under a real Slurm: killed in the middle, with only the waiting program killed, with
// cancelled tasks, with a job that does not start.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "tests/sweep/slurm_cluster.h"
#include "tests/sweep/sweep_run.h"

namespace tessera::test {
namespace {

const std::vector<std::string> kSlurm = {"--launcher", "slurm", "--pack", "3"};

class Slurm : public testing::Test {
 protected:
  void SetUp() override {
    if (!SlurmCluster::available()) GTEST_SKIP() << "slurm-wlm and munge are not installed";
    cluster_ = std::make_unique<SlurmCluster>();
    sweep_.wait_beside({[this] { cluster_->tend(); }, [this] { return cluster_->standing(); }});
    ASSERT_EQ(sweep_.run("local", {}), 0);
  }

  SweepRun sweep_;
  std::unique_ptr<SlurmCluster> cluster_;
};

TEST_F(Slurm, KilledInTheMiddleItResumesAndEndsWithTheBytesOfTheLocalLauncher) {
  sweep_.run_and_kill("slurm", kSlurm, 5);
  cluster_->cancel_all();
  ASSERT_LT(sweep_.settled("slurm"), SweepRun::kPoints);
  ASSERT_EQ(sweep_.run("slurm", kSlurm), 0);
  EXPECT_EQ(cluster_->submitted(), 2);
  EXPECT_EQ(sweep_.table("slurm"), sweep_.table("local"));
}

TEST_F(Slurm, AJobThatStillRunsIsWaitedForAndNotSubmittedAgain) {
  sweep_.run_and_kill("slurm", kSlurm, 2);
  ASSERT_LT(sweep_.settled("slurm"), SweepRun::kPoints);
  ASSERT_EQ(sweep_.run("slurm", kSlurm), 0);
  EXPECT_EQ(cluster_->submitted(), 1);
  EXPECT_EQ(sweep_.table("slurm"), sweep_.table("local"));
}

TEST_F(Slurm, RunsThatGetLostAreSubmittedAgain) {
  // Every task is cancelled once while the sweep waits for it.
  const pid_t child = sweep_.start("slurm", {"--launcher", "slurm", "--retries", "2"});
  sweep_.wait_for_settled("slurm", child, 3);
  cluster_->cancel_all();
  EXPECT_EQ(sweep_.finish("slurm", child), 0);
  EXPECT_GE(cluster_->submitted(), 2);
  EXPECT_EQ(sweep_.table("slurm"), sweep_.table("local"));
}

TEST_F(Slurm, AJobThatIsHeldIsReportedAndWaitedForOnceItIsReleased) {
  const std::vector<std::string> held = {"--launcher", "slurm", "--submit-options", "--hold"};
  EXPECT_EQ(sweep_.finish("slurm", sweep_.start("slurm", held)), 2);
  const std::string line = sweep_.errors("slurm");
  EXPECT_TRUE(line.starts_with("tessera: --launcher slurm: job ")) << line;
  EXPECT_NE(line.find(" does not start: JobHeldUser; "), std::string::npos) << line;
  EXPECT_EQ(std::ranges::count(line, '\n'), 1) << line;
  cluster_->release_all();
  ASSERT_EQ(sweep_.run("slurm", kSlurm), 0);
  EXPECT_EQ(cluster_->submitted(), 1);
  EXPECT_EQ(sweep_.table("slurm"), sweep_.table("local"));
}

}  // namespace
}  // namespace tessera::test
