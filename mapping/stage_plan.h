// One stage of a schedule tree in a flat form: which tiles, how the ranks are dealt to
// them, which loops run at the tile buffer, where each operand is held, and how a tile of the layer
// runs on the array.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mapping/array_mapping.h"
#include "mapping/program.h"
#include "mapping/schedule.h"
#include "workloads/network.h"

namespace tessera::mapping {

/// Tile grid the schedule is for.
struct TileGrid {
  int rows = 1;
  int columns = 1;
};

struct PartitionSplit {
  workloads::RankId rank = 0;
  std::int64_t size = 0;  ///< 0: balanced
  int ways = 1;
  Axis axis = Axis::kTiles;
  std::vector<int> apart = {};  ///< inputs that are sent to every part by itself even when alike
};

struct BufferLoop {
  workloads::RankId rank = 0;
  std::int64_t tile = 1;
  bool rotates = false;  ///< its trips go round among the tiles that share an operand
};

/// How one operand is held in the tile buffer.
struct Holding {
  int depth = 0;  ///< number of buffer loops around its store node
  bool double_buffered = false;
  bool staging = false;  ///< not in the buffer: passes through the staging FIFO beside it
  /// Tiles that hold one copy between them; each has its part of the granules that the loops from
  /// `turn` on make, and they pass them on from one to the next.
  int shared_by = 1;
  int turn = 0;
  /// An input whose granules an earlier layer holds already; -1: it is fetched.
  workloads::LayerId kept_from = -1;
  bool handed_on = false;   ///< a later layer goes on with its granules
  bool refetched = false;   ///< it should have stayed on chip, and there was no room
  bool from_tiles = false;  ///< an input that is read where its producers keep it beside DRAM
  /// An input that stays in the FIFO from these loops on, if it has room there; -1: it streams.
  int stays_from = -1;
};

struct StagePlan {
  workloads::LayerId layer = 0;
  std::vector<TileId> tiles;  ///< logical order; row-major over the grid when all
  std::vector<PartitionSplit> partition;
  std::vector<BufferLoop> loops;
  std::vector<Holding> inputs;  ///< per input operand
  Holding output;
  Home output_home = Home::kDram;
  bool output_kept = false;  ///< in DRAM, and in the tiles as well
  /// In the tiles, where the next layer does not take its place.
  bool output_twice = false;
  /// In the tiles where there is room, else in DRAM.
  bool output_may_leave = false;
  /// Granules of outputs in the tiles that an owner holds at once, a ring between this layer and
  /// its readers; 0: all of them.
  int ring_places = 0;
  /// Takes turns with other stages on the same tiles: after each trip of the loop before this depth
  /// its queues go on with the next stage. 0: it does not.
  int turn_depth = 0;
  /// Turns that pass before it computes; what it receives outside of that loop is asked for before.
  int turns_later = 0;
  /// Partners' sums reach the owner through its staging FIFO, a piece at a time.
  bool sums_in_pieces = false;
  ArrayMapping array;
  /// A reduced rank is split over tiles.
  bool splits_sums(const workloads::Layer& of) const;
};

/// Names of a layer's operands in schedules: "W" for its weights, "I0", "I1", ... for other inputs,
/// "O".
std::string operand_name(const workloads::Layer& layer, int input);

/// One tile's share of each rank; empty ranges for tiles that get nothing.
struct Shares {
  std::vector<TileId> tiles;  ///< those with work, ascending
  std::vector<workloads::RankTile> ranks;
  /// Per tile its index along each split of the plan.
  std::vector<std::vector<std::int64_t>> places;
  std::vector<std::int64_t>
      nominal;  ///< largest share of each rank: sets the trip counts of all tiles
};
Shares deal_shares(const StagePlan& plan, const workloads::Layer& layer, TileGrid grid);

/// Indices that a tile of these extents touches in one dimension, padding included.
std::int64_t touched(const workloads::DimensionAccess& access,
                     const std::vector<std::int64_t>& extents);

/// Indices an operand's region has at most in each tensor dimension when the ranks extend over
/// `extents`.
std::vector<std::int64_t> nominal_region(const workloads::Operand& operand,
                                         const std::vector<std::int64_t>& extents);

/// Elements an operand's region has at most when the ranks extend over `extents`.
std::int64_t nominal_elements(const workloads::Operand& operand,
                              const std::vector<std::int64_t>& extents);

/// The same with the padding that its windows touch.
std::int64_t padded_elements(const workloads::Operand& operand,
                             const std::vector<std::int64_t>& extents);

/// False when a tile of these extents would touch pieces of a dimension with gaps between them: a
/// dimension written in digits (group x 192 + channel) is one range only if all digits below one
/// that varies are whole.
bool contiguous(const workloads::Layer& layer, const workloads::Operand& operand,
                const std::vector<std::int64_t>& extents);

/// Extents of each rank inside the first `depth` loops, starting from the nominal share.
std::vector<std::int64_t> extents_inside(const std::vector<BufferLoop>& loops, int depth,
                                         std::vector<std::int64_t> extents);

/// Number of the outer loops that decide when the operand's granule changes: one past the innermost
/// loop among the first `depth` that indexes it and makes more than one trip.
int change_depth(const StagePlan& plan, const workloads::Operand& operand, int depth,
                 const std::vector<std::int64_t>& nominal);

/// Trips of each loop for the nominal share.
std::vector<std::int64_t> trip_counts(const std::vector<BufferLoop>& loops,
                                      std::vector<std::int64_t> extents);

}  // namespace tessera::mapping
