// A Slurm of one node on loopback, for tests.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "sim/base/scratch_folder.h"

namespace tessera::test {

/// munged, slurmctld and slurmd with all their files in one folder, unprivileged ports of their own
/// and no service manager. Sets SLURM_CONF for the programs that the test starts. The daemons end
/// with the object, or with the test should it die.
class SlurmCluster {
 public:
  /// Returns when the node takes jobs. std::runtime_error with the daemons' last words when it does
  /// not.
  SlurmCluster();
  ~SlurmCluster();
  SlurmCluster(const SlurmCluster&) = delete;
  SlurmCluster& operator=(const SlurmCluster&) = delete;

  /// Whether all programs it needs are there.
  static bool available();
  /// Cancels the jobs that there are and waits until these are gone; others may come meanwhile.
  /// std::runtime_error with what Slurm says when they stay.
  void cancel_all() const;
  /// Lets held jobs go.
  void release_all() const;
  /// Brings the node back when Slurm has taken it out of service, as an operator would.
  void tend() const;
  /// Node, queue and the daemons' logs, for messages of tests that fail.
  std::string standing() const;
  /// Jobs ever submitted.
  int submitted() const;

 private:
  void write_configuration() const;
  void start_daemons();
  bool node_is_idle() const;
  std::vector<std::string> jobs() const;
  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  ScratchFolder folder_;
  int port_ = 0;  ///< the controller's; the node's is the next
  std::vector<pid_t> daemons_;
};

}  // namespace tessera::test
