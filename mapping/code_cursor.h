// Walks a code tree the way a tile's sequencer does: loop counters on a small stack, never
// unrolled.
#pragma once

#include <vector>

#include "mapping/program.h"

namespace tessera::mapping {

/// Range of a loop's rank in one trip, when it is `outer` around the loop; loops with `first` count
/// from `origin`.
workloads::RankRange trip_range(const CodeNode& loop, workloads::RankRange outer,
                                std::int64_t origin, std::int64_t trip);

/// Trip of a loop that a tile makes as its `iteration`-th.
std::int64_t turned_trip(const CodeNode& loop, const TileShare::Rotation& rotation,
                         std::int64_t iteration);

/// Stands on one instruction at a time; `ranks()` is the rank tile that the loops around it leave.
class CodeCursor {
 public:
  CodeCursor() = default;
  /// For shares without origins and rotation.
  CodeCursor(const CodeBlock& code, workloads::RankTile share);
  CodeCursor(const CodeBlock& code, const TileShare& share);

  bool done() const { return frames_.empty(); }
  const Instruction& instruction() const { return node().instruction; }
  const workloads::RankTile& ranks() const { return ranks_; }
  void next();

  /// How often the loops over reduced ranks around the instruction have come round before, and how
  /// often they will in all: outputs that are named inside such loops are visited again.
  struct Visit {
    std::int64_t number = 0;
    std::int64_t visits = 1;
    bool first() const { return number == 0; }
    bool last() const { return number + 1 == visits; }
  };
  Visit visit(const workloads::Layer& layer) const;

  /// Product of the trips of those loops around the instruction whose rank is marked.
  std::int64_t trips(const std::vector<bool>& marked) const;

  /// Where the range of a rank began when the loops around the instruction that rotate were
  /// entered; `outer` when none does.
  std::int64_t first_index(workloads::RankId rank, std::int64_t outer) const;

 private:
  struct Frame {
    const CodeBlock* block;
    std::size_t position = 0;
    const CodeNode* loop = nullptr;  ///< loop whose body this is; null for the outermost block
    std::int64_t iteration = 0;
    workloads::RankRange outer{};  ///< the loop's rank as it was outside the loop
  };

  const CodeNode& node() const { return (*frames_.back().block)[frames_.back().position]; }
  void enter(const CodeNode& loop);
  void set_range(const Frame& frame);
  void settle();

  std::vector<Frame> frames_;
  workloads::RankTile ranks_;
  std::vector<std::int64_t> origins_;
  TileShare::Rotation rotation_;
};

}  // namespace tessera::mapping
