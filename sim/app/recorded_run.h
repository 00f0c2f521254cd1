// A run as a trace remembers it, and the run made from that memory again.
#pragma once

#include <boost/program_options.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "sim/app/job.h"
#include "sim/base/scratch_folder.h"
#include "sim/trace.pb.h"

namespace tessera::app {

/// What the trace of a job says about it: arguments, the files they name with their content, and
/// fingerprints of what is installed with the program. UserError when an input is a folder.
sim::proto::TracedRun describe_run(const boost::program_options::variables_map& values,
                                   const Job& job);

/// Puts the files of a recorded run into a folder of their own and makes the command line that
/// names them there. The folder goes with the object; inputs have to be loaded before.
class RecordedRun {
 public:
  /// `changes` are options of a job that take the place of the recorded ones, further --set come on
  /// top: to see what they change. UserError when they name other inputs.
  RecordedRun(const sim::proto::TracedRun& run,
              const boost::program_options::variables_map& changes);

  const boost::program_options::variables_map& values() const { return values_; }

 private:
  std::filesystem::path unpack(const sim::proto::InputFile& file, int number);

  std::optional<ScratchFolder> folder_;
  boost::program_options::variables_map values_;
};

/// Inputs that are no longer what they were: one line each, changed fields with both values. Empty:
/// none.
std::vector<std::string> changed_inputs(const sim::proto::TracedRun& recorded,
                                        const sim::proto::TracedRun& now);

}  // namespace tessera::app
