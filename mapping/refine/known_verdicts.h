// Simulations of earlier searches, kept in a file: the rungs of a study ask for many of the same.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "mapping/refine/referee.h"
#include "mapping/refine/verdict.h"

namespace tessera::mapping {

/// A Simulate that answers from a file what it knows and adds to the file what it had to simulate.
/// What a search finds, and what it counts against its budget, is the same with and without it.
/// Several searches may use one file at a time: each uses and keeps what the others have added.
class KnownVerdicts {
 public:
  /// `identity`: of the simulator and the machine; what was found under another one is kept and not
  /// used. UserError when the file is there and not of this kind, or the place cannot be written.
  KnownVerdicts(std::filesystem::path path, std::string identity, Simulate simulate);

  std::optional<Cycle> operator()(const Program& program, Cycle limit);

 private:
  void read();
  void write() const;

  std::filesystem::path path_;
  std::string identity_;
  Simulate simulate_;
  std::map<std::string, Verdict> known_;
};

}  // namespace tessera::mapping
