#include "tests/sweep/slurm_cluster.h"

#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "sim/base/message_io.h"
#include "sim/sweep/process.h"
#include "tests/sweep/sweep_run.h"

namespace tessera::test {

namespace fs = std::filesystem;

namespace {

constexpr auto kPatience = std::chrono::seconds(120);

/// Whether a service can listen there now.
bool is_free(int port) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  const bool free = bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  close(listener);
  return free;
}

/// Two neighbouring ports below those that the system gives to outgoing connections (32768 on).
/// Tests that run at the same time begin at different places.
int two_free_ports() {
  constexpr int kFirst = 20000, kPairs = 6000;
  for (int tried = 0; tried < kPairs; ++tried) {
    const int port = kFirst + (getpid() + tried) % kPairs * 2;
    if (is_free(port) && is_free(port + 1)) return port;
  }
  throw std::runtime_error("no free ports for Slurm");
}

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

SlurmCluster::SlurmCluster() : port_(two_free_ports()) {
  // munge accepts no socket below a folder that others may write to; ours is the owner's alone.
  write_configuration();
  setenv("SLURM_CONF", path("slurm.conf").c_str(), /*overwrite=*/1);
  start_daemons();
  if (!within(kPatience, [&] { return node_is_idle(); }))
    throw std::runtime_error("Slurm did not come up\n" + standing());
}

SlurmCluster::~SlurmCluster() {
  for (auto daemon = daemons_.rbegin(); daemon != daemons_.rend(); ++daemon) {
    kill(*daemon, SIGKILL);
    sweep::wait_for(*daemon);
  }
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
      << "\nSlurmctldPort=" << port_ << "\nSlurmdPort=" << port_ + 1
      << "\nStateSaveLocation=" << path("state") << "\nSlurmdSpoolDir=" << path("spool")
      << "\nSlurmctldPidFile=" << path("slurmctld.pid") << "\nSlurmdPidFile=" << path("slurmd.pid")
      << "\nSlurmctldLogFile=" << path("slurmctld.log") << "\nSlurmdLogFile=" << path("slurmd.log")
      << "\nProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\nSelectType=select/cons_tres\n"
         "SelectTypeParameters=CR_CPU\nJobAcctGatherType=jobacct_gather/none\nReturnToService=2\n"
         "SlurmdParameters=config_overrides\nSchedulerParameters=batch_sched_delay=0,sched_min_"
         "interval=0\n"
         "MpiDefault=none\n"
         // Hosts of tests are busy: no launch is given up because it takes its time, and a job
         // that is slow to die takes the node away for seconds only.
         "MessageTimeout=60\nBatchStartTimeout=60\nKillWait=5\nUnkillableStepTimeout=20\n"
         // Sweeps submit again what is lost; Slurm would hold what failed to start.
         "JobRequeue=0\nNodeName=localhost CPUs="
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
  within(kPatience, [&] { return fs::exists(path("munge/socket")); });
  daemons_.push_back(sweep::start({sbin("slurmctld"), "-D", "-f", path("slurm.conf")}, {}));
  daemons_.push_back(
      sweep::start({sbin("slurmd"), "-D", "-N", "localhost", "-f", path("slurm.conf")}, {}));
}

bool SlurmCluster::node_is_idle() const {
  return sweep::run({"sinfo", "--noheader", "--format=%T"}).standard.starts_with("idle");
}

std::vector<std::string> SlurmCluster::jobs() const {
  // An array has one number; its tasks stand in lines of their own.
  std::istringstream lines(sweep::run({"squeue", "--noheader", "--format=%F"}).standard);
  std::set<std::string> numbers;
  for (std::string line; lines >> line;) numbers.insert(line);
  return {numbers.begin(), numbers.end()};
}

void SlurmCluster::cancel_all() const {
  const auto cancelled = jobs();
  const bool gone = within(kPatience, [&] {
    tend();
    bool left = false;
    for (const auto& job : cancelled) {
      // Once more each time: a task that is being launched may not hear the first call.
      sweep::run({"scancel", job});
      left |= !sweep::run({"squeue", "--noheader", "--jobs=" + job}).standard.empty();
    }
    return !left;
  });
  if (!gone) throw std::runtime_error("jobs stay after scancel\n" + standing());
}

void SlurmCluster::release_all() const {
  for (const auto& job : jobs()) sweep::run({"scontrol", "release", job});
}

void SlurmCluster::tend() const {
  const std::string state = sweep::run({"sinfo", "--noheader", "--format=%T"}).standard;
  if (state.starts_with("drain") || state.starts_with("down"))
    sweep::run({"scontrol", "update", "NodeName=localhost", "State=RESUME"});
}

std::string SlurmCluster::standing() const {
  std::string text;
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"sinfo", "--format=%T %E"}, {"squeue", "--format=%i %T %r"}}) {
    const auto answer = sweep::run(command);
    text += command[0] + ":\n" + answer.standard + answer.errors;
  }
  for (const char* log : {"slurmctld.log", "slurmd.log"})
    if (fs::exists(path(log))) text += std::string(log) + ":\n" + read_file(path(log));
  return text;
}

int SlurmCluster::submitted() const {
  const std::string log = read_file(path("slurmctld.log"));
  const std::string sign = "_slurm_rpc_submit_batch_job: JobId=";
  int jobs = 0;
  for (auto at = log.find(sign); at != std::string::npos; at = log.find(sign, at + 1)) ++jobs;
  return jobs;
}

}  // namespace tessera::test
