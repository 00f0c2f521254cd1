// What is on disk of one point of a sweep.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "sim/sweep/process.h"
#include "sim/sweep/sweep.pb.h"

namespace tessera::sweep {

/// OUT/points/HASH: arguments.txt, what the run wrote there, log.txt, and failure.json when it
/// ended without a result. Any process that sees the file system can look at a point and run it; a
/// run that is started twice writes the same files twice.
class PointFolder {
 public:
  PointFolder(const std::filesystem::path& out, const std::string& hash)
      : path_(out / "points" / hash) {}

  const std::filesystem::path& path() const { return path_; }
  bool finished() const { return std::filesystem::exists(path_ / "result.json"); }
  std::optional<proto::Failure> failure() const;
  /// Finished, or failed in a way that repeats itself: the run ended by itself and said why.
  bool settled() const;

  void prepare(const std::vector<std::string>& arguments) const;
  void forget_failure() const;
  /// Starts `program run` with the point's arguments.
  pid_t start_run(const std::filesystem::path& program) const;
  /// Notes how the run ended.
  void ended(const ChildEnd& end) const;
  void note_failure(int exit_code, int signal, const std::string& message) const;

 private:
  std::filesystem::path path_;
};

}  // namespace tessera::sweep
