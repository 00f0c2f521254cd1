// Sweeps under a real Slurm: complete, killed in the middle, and with only the waiting program
// killed.
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <thread>

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
  while (sweep_.settled("slurm") < 3) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  cluster_->cancel_all();
  EXPECT_EQ(sweep::wait_for(child).exit_code, 0);
  EXPECT_GE(cluster_->submitted(), 2);
  EXPECT_EQ(sweep_.table("slurm"), sweep_.table("local"));
}

}  // namespace
}  // namespace tessera::test
