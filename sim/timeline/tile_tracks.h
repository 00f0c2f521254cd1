// One tile's process in a timeline.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "hw_models/tile/tile_observer.h"
#include "mapping/program.h"
#include "sim/timeline/lanes.h"
#include "sim/timeline/selection.h"
#include "sim/timeline/trace_file.h"

namespace tessera::sim {

/// Categories by which slices can be told apart.
inline constexpr const char* kInstructionCategory = "instruction";
inline constexpr const char* kCauseCategory = "cause";
inline constexpr const char* kDataCategory = "data";

/// Cuts the slice to the window. False when nothing of it is left.
bool cut(const Window& window, Slice& slice);

class TileTracks {
 public:
  TileTracks(TraceFile& file, const Window& window, const mapping::Program& program, int pid,
             const std::string& name);

  void began(const hw::InstructionEvent& event);
  void ended(const hw::InstructionEvent& event);
  void spent(hw::Cause cause, Cycle begin, Cycle end);
  void occupancy(Cycle now, Bytes bytes);
  /// Data for a receive under way have come.
  void arrived(int stage, mapping::SlotId slot, std::int64_t granule, Slice arrival);
  void finish();

  Track process() const { return process_; }
  Lanes& sends() { return sends_; }

 private:
  using GranuleKey = std::tuple<int, mapping::SlotId, std::int64_t>;
  struct Receive {
    std::size_t lane = 0;
    std::vector<Slice> arrivals;
  };

  void end_receive(const hw::InstructionEvent& event);
  void end_compute(const hw::InstructionEvent& event);
  void write_wait();
  void write_cause(Track track, const Slice& cause);
  std::string name_of(const hw::InstructionEvent& event) const;

  TraceFile& file_;
  const Window& window_;
  const mapping::Program& program_;
  Track process_;
  Lanes loads_;
  Track compute_, vector_, store_;
  Lanes sends_;
  Track buffer_;
  std::map<GranuleKey, Receive> receives_;
  bool computing_ = false;
  std::vector<Slice> causes_;  ///< of the instruction under way
  Slice wait_;                 ///< not written yet: it may go on
  Bytes bytes_ = 0;
  bool bytes_told_ = false;
};

}  // namespace tessera::sim
