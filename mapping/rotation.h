// Tiles that share a copy of an operand and pass its pieces on: TANGRAM's buffer sharing. Pieces of
// inputs go round to be used; partial sums of outputs go round to be added to.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "mapping/program.h"

namespace tessera::mapping {

/// Trip of a dealt loop with which a place begins: the trips are dealt as evenly as they can be.
constexpr std::int64_t first_turn(std::int64_t turns, int place, int places) {
  return turns * place / places;
}

/// Granules of a round that are the part of a place of a rotating slot.
constexpr std::int64_t part_at(const Slot& slot, int place, int places) {
  return (first_turn(slot.turns, place + 1, places) - first_turn(slot.turns, place, places)) *
         (slot.round / slot.turns);
}

constexpr std::int64_t largest_part(const Slot& slot, int places) {
  return ceil_div<std::int64_t>(slot.turns, places) * (slot.round / slot.turns);
}

/// Granules before which the next tile had what a tile takes over from it: its own part.
constexpr std::int64_t lag(const Slot& slot, const TileShare::Rotation& rotation) {
  return part_at(slot, rotation.place, rotation.places);
}

/// The same for the tile that takes over from it.
constexpr std::int64_t lag_behind(const Slot& slot, const TileShare::Rotation& rotation) {
  return part_at(slot, (rotation.place + rotation.places - 1) % rotation.places, rotation.places);
}

/// A granule that comes from the next tile, by its number in a rotating slot.
constexpr bool is_taken_over(const Slot& slot, const TileShare::Rotation& rotation,
                             std::int64_t sequence) {
  return sequence % slot.fill >= lag(slot, rotation);
}

/// A granule that goes on to another tile. The others end their filling here.
constexpr bool is_passed_on(const Slot& slot, const TileShare::Rotation& rotation,
                            std::int64_t sequence) {
  return slot.rotating && sequence % slot.fill < slot.fill - lag_behind(slot, rotation);
}

/// Place in a filling of the piece that a granule is.
constexpr std::int64_t piece_of(const Slot& slot, const TileShare::Rotation& rotation,
                                std::int64_t sequence) {
  const auto first = first_turn(slot.turns, rotation.place, rotation.places);
  return (sequence % slot.fill + first * (slot.round / slot.turns)) % slot.round;
}

/// Rank tiles whose outputs a tile completes: its whole share, or, when partial sums rotate, of
/// each filling the pieces that end their last round there.
std::vector<workloads::RankTile> completed(const Stage& stage, const workloads::Layer& layer,
                                           const TileShare& share);

/// Orders the tiles of a sharing group along a snake and cuts it into chains of `shared_by`: each
/// tile takes its pieces over from the next one in its chain, the last one from the first. The
/// snake follows the axis along which the group's tiles are nearer to each other. UserError naming
/// the layer when the group is no multiple of `shared_by`.
///
/// Source: Gao et al., "TANGRAM", ASPLOS 2019, buffer sharing dataflow; nn_dataflow, BufShrScheme.
std::map<TileId, TileShare::Rotation> chain(const std::vector<TileId>& tiles, int shared_by,
                                            int columns, const std::string& layer);

}  // namespace tessera::mapping
