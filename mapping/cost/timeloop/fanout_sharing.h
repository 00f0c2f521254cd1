// Which children of a fan-out need the same words: multicast, and passing on between mesh
// neighbours.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "mapping/cost/timeloop/loop_nest.h"
#include "mapping/cost/timeloop/tile.h"

namespace tessera::mapping::timeloop {

/// `count` different pieces of data go to `multicast` children each.
struct SharingGroup {
  std::int64_t multicast = 1;
  std::int64_t count = 1;
};

/// Which deliveries one step of a fan-out takes.
struct Deliveries {
  std::vector<SharingGroup> groups;  ///< by multicast, ascending
  std::int64_t pieces = 0;           ///< sum of the counts
  std::int64_t passed_on = 0;        ///< children served by a neighbour instead
};

/// All children's data are translations of the first child's: child (i, j, ...) needs it moved by
/// i x (move of the first spatial loop) + j x ... . So who shares with whom depends on the loops
/// alone, and is worked out once. Children are numbered as in the tool, outer loop slowest, and
/// that number is laid out on the mesh row by row; when the loops fill a row only in part, the tool
/// therefore takes children for neighbours that are not (a known fault that stays in both modes,
/// because the number is all a mapping says about places).
class FanoutSharing {
 public:
  /// `ends` are the iterations of the level's spatial loops at this moment.
  FanoutSharing(const NestLevel& level, std::vector<std::int64_t> ends,
                const Projection& projection, bool multicast);

  const std::vector<std::int64_t>& ends() const { return ends_; }
  const Deliveries& without_neighbours() const { return all_; }
  /// When the first child now needs what it needed one step earlier moved by `-offset`: a child at
  /// distance `offset` from a neighbour finds its data there.
  const Deliveries& with_neighbours(const Vector& offset);

 private:
  struct Known {
    Vector offset;
    Deliveries deliveries;
  };

  std::vector<std::int64_t> keys_of_relevant(std::int64_t& copies) const;
  std::vector<std::int64_t> keys_of_all() const;
  std::optional<std::int64_t> key_of(const Vector& move) const;
  bool passed_on(std::int64_t child, std::int64_t difference) const;
  Deliveries group(std::vector<std::int64_t> keys, std::int64_t copies) const;

  std::vector<std::int64_t> ends_;
  std::vector<Vector> moves_;  ///< per spatial loop
  Vector reach_{};             ///< largest move per dimension
  std::size_t dimensions_;
  bool multicast_;
  std::int64_t mesh_x_;
  std::int64_t mesh_y_;
  Deliveries all_;
  std::vector<std::int64_t> keys_;  ///< per child, filled when neighbours are first asked for
  std::vector<Known> known_;
};

}  // namespace tessera::mapping::timeloop
