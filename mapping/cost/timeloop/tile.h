// Boxes in a tensor's index space and where the ranks put them.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "workloads/network.h"

namespace tessera::mapping::timeloop {

/// More dimensions than any published layer has; a projection with more is a UserError.
inline constexpr std::size_t kMaxDimensions = 8;

/// A position or a move in a tensor; dimensions a tensor does not have stay zero.
using Vector = std::array<std::int64_t, kMaxDimensions>;

/// Half-open box. Strided gaps inside count as data, as in the tool.
struct Tile {
  Vector low{};
  Vector high{};
  bool operator==(const Tile&) const = default;
};

/// Index sums of one tensor, flattened for speed.
class Projection {
 public:
  explicit Projection(const workloads::Operand& operand);

  std::size_t dimensions() const { return dimensions_; }
  /// Data of the box of ranks that starts at `offset` and is `extent` long.
  Tile tile(const std::vector<std::int64_t>& offset, const std::vector<std::int64_t>& extent) const;
  /// How far the data moves when `rank` advances by `distance`.
  Vector move(int rank, std::int64_t distance) const;
  std::int64_t words(const Tile& tile) const;
  void translate(Tile& tile, const Vector& by) const;
  Vector difference(const Tile& from, const Tile& to) const;

 private:
  struct Term {
    std::uint32_t dimension;
    std::uint32_t rank;
    std::int64_t coefficient;
  };
  std::size_t dimensions_ = 0;
  std::vector<Term> terms_;
};

/// One projection per tensor of a layer, in the network's order of tensors.
std::vector<Projection> projections_of(const workloads::Network& network);

/// What a level has to fetch when its tile changes. `words` is zero when nothing is new.
struct Delta {
  Tile tile;
  std::int64_t words = 0;
  bool ragged = false;  ///< no box: `tile` without `held`
  Tile held;
};

/// The tool's difference of two tiles: the whole of `now`, unless the tiles overlap and differ
/// along one axis only.
Delta subtract_along_one_axis(const Projection& projection, const Tile& now, const Tile& before);

/// The words of `now` that are not in `before`.
Delta subtract_exactly(const Projection& projection, const Tile& now, const Tile& before);

}  // namespace tessera::mapping::timeloop
