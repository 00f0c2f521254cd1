// Tracks for work that overlaps.
#pragma once

#include <string>
#include <vector>

#include "sim/timeline/trace_file.h"

namespace tessera::sim {

/// Slices of a track must nest, so work under way at the same time needs a track each: tracks of
/// equal names below one process, which viewers show as one. A lane is used again only from the
/// cycle after its last slice on, so that it does not matter in which order slices are written.
class Lanes {
 public:
  Lanes() = default;
  Lanes(TraceFile& file, Track process, std::string name, int rank)
      : file_(&file), process_(process), name_(std::move(name)), rank_(rank) {}

  /// Takes a lane for work that begins now.
  std::size_t open(Cycle begin) {
    std::size_t lane = 0;
    while (lane < free_from_.size() && free_from_[lane] > begin) ++lane;
    if (lane == free_from_.size()) {
      free_from_.push_back(0);
      tracks_.push_back(file_->add_track(process_, name_, rank_));
    }
    free_from_[lane] = kNever;
    return lane;
  }
  void close(std::size_t lane, Cycle end) { free_from_[lane] = end + 1; }
  Track track(std::size_t lane) const { return tracks_[lane]; }

 private:
  TraceFile* file_ = nullptr;
  Track process_ = 0;
  std::string name_;
  int rank_ = 0;
  std::vector<Cycle> free_from_;
  std::vector<Track> tracks_;
};

}  // namespace tessera::sim
