#include "tests/sweep/slurm_cluster.h"

#include <pwd.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "sim/base/message_io.h"
#include "sim/sweep/process.h"
#include "tests/sweep/sweep_run.h"

namespace tessera::test {

namespace fs = std::filesystem;

namespace {

constexpr auto kPoll = std::chrono::milliseconds(200);

/// Two ports that differ between tests that run at the same time.
int controller_port() { return 20000 + static_cast<int>(getpid() % 10000) * 2; }

std::string user_name() {
  const passwd* entry = getpwuid(getuid());
  return entry != nullptr ? entry->pw_name : "root";
}

std::string sbin(const std::string& program) { return "/usr/sbin/" + program; }

}  // namespace

bool SlurmCluster::available() {
  for (const char* program : {"munged", "slurmctld", "slurmd"})
    if (!fs::exists(sbin(program))) return false;
  return installed("sbatch") && installed("squeue");
}

SlurmCluster::SlurmCluster() {
  // munge accepts no socket below a folder that others may write to.
  std::string pattern = (fs::temp_directory_path() / "tessera-slurm-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no folder for Slurm");
  folder_ = pattern;
  write_configuration();
  setenv("SLURM_CONF", path("slurm.conf").c_str(), /*overwrite=*/1);
  start_daemons();
  for (int poll = 0; poll < 300; ++poll) {
    if (node_is_idle()) return;
    std::this_thread::sleep_for(kPoll);
  }
  throw std::runtime_error("Slurm did not come up: " + read_file(path("slurmctld.log")) +
                           read_file(path("slurmd.log")));
}

SlurmCluster::~SlurmCluster() {
  for (auto daemon = daemons_.rbegin(); daemon != daemons_.rend(); ++daemon) {
    kill(*daemon, SIGKILL);
    sweep::wait_for(*daemon);
  }
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

void SlurmCluster::write_configuration() const {
  for (const char* name : {"state", "spool", "munge"}) fs::create_directories(folder_ / name);
  fs::permissions(folder_ / "munge",
                  fs::perms::owner_all | fs::perms::group_exec | fs::perms::others_exec);
  // Not a secret: it lives as long as the test.
  std::ofstream(path("munge/key"), std::ios::binary) << std::string(1024, 'k');
  fs::permissions(path("munge/key"), fs::perms::owner_read | fs::perms::owner_write);
  const unsigned cores = std::max(1u, std::thread::hardware_concurrency());
  std::ofstream(path("slurm.conf"))
      << "ClusterName=test\nSlurmctldHost=localhost(127.0.0.1)\nSlurmUser=" << user_name()
      << "\nSlurmdUser=" << user_name()
      << "\nAuthType=auth/munge\nAuthInfo=socket=" << path("munge/socket")
      << "\nSlurmctldPort=" << controller_port() << "\nSlurmdPort=" << controller_port() + 1
      << "\nStateSaveLocation=" << path("state") << "\nSlurmdSpoolDir=" << path("spool")
      << "\nSlurmctldPidFile=" << path("slurmctld.pid") << "\nSlurmdPidFile=" << path("slurmd.pid")
      << "\nSlurmctldLogFile=" << path("slurmctld.log") << "\nSlurmdLogFile=" << path("slurmd.log")
      << "\nProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\nSelectType=select/cons_tres\n"
         "SelectTypeParameters=CR_CPU\nJobAcctGatherType=jobacct_gather/none\nReturnToService=2\n"
         "SlurmdParameters=config_overrides\nSchedulerParameters=batch_sched_delay=0,sched_min_"
         "interval=0\n"
         "MpiDefault=none\nNodeName=localhost CPUs="
      << cores
      << " State=UNKNOWN\nPartitionName=all Nodes=localhost Default=YES MaxTime=INFINITE "
         "State=UP\n";
}

void SlurmCluster::start_daemons() {
  daemons_.push_back(
      sweep::start({sbin("munged"), "--foreground", "--force", "--key-file=" + path("munge/key"),
                    "--socket=" + path("munge/socket"), "--pid-file=" + path("munge/pid"),
                    "--log-file=" + path("munge/log"), "--seed-file=" + path("munge/seed")},
                   {}));
  for (int poll = 0; poll < 50 && !fs::exists(path("munge/socket")); ++poll)
    std::this_thread::sleep_for(kPoll);
  daemons_.push_back(sweep::start({sbin("slurmctld"), "-D", "-f", path("slurm.conf")}, {}));
  daemons_.push_back(
      sweep::start({sbin("slurmd"), "-D", "-N", "localhost", "-f", path("slurm.conf")}, {}));
}

bool SlurmCluster::node_is_idle() const {
  return sweep::run({"sinfo", "--noheader", "--format=%T"}).standard.starts_with("idle");
}

void SlurmCluster::cancel_all() const {
  sweep::run({"scancel", "--user=" + user_name()});
  while (!sweep::run({"squeue", "--noheader"}).standard.empty()) std::this_thread::sleep_for(kPoll);
}

int SlurmCluster::submitted() const {
  const std::string log = read_file(path("slurmctld.log"));
  const std::string sign = "_slurm_rpc_submit_batch_job: JobId=";
  int jobs = 0;
  for (auto at = log.find(sign); at != std::string::npos; at = log.find(sign, at + 1)) ++jobs;
  return jobs;
}

}  // namespace tessera::test
