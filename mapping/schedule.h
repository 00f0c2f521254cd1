// The schedule tree: the one form in which every schedule of every tool is held. Importers and
// schedulers end in it; lowering and all analytical models start from it. A node's children see the
// tile that the loops and splits above it left. Outermost first.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mapping/dram_placement.h"
#include "mapping/estimate.h"
#include "workloads/network.h"

namespace tessera::mapping {

enum class NodeKind {
  kSequence,  ///< children one after the other
  kPipeline,  ///< children at the same time, on different tiles
  kLoop,      ///< temporal loop over one rank, or over several ranks fused into one
  kSplit,     ///< spatial loop
  kStore,     ///< tensors held at a memory level from here inwards
  kPlace,     ///< the tiles the subtree runs on
  kLayer,     ///< leaf
};

/// A rank of a layer below the node. With `of_tensor` the range is counted in the dimension of that
/// tensor which the rank indexes instead, as MAESTRO's input-centred maps do: rows of I0 rather
/// than rows of O.
struct RankReference {
  std::string layer;  ///< may be empty when only one layer is below the node
  std::string rank;
  std::string of_tensor = {};  ///< "I0", ...; empty: the rank itself
  bool operator==(const RankReference&) const = default;
};

/// Tile size and step; a step smaller than the tile is a sliding window, a larger one leaves gaps.
struct LoopNode {
  std::vector<RankReference> ranks;  ///< several: fused, the first is the slowest
  std::int64_t tile = 1;
  std::int64_t step = 0;  ///< 0: equal to tile
  std::string rotates;    ///< tensor whose shared pieces move one tile on with every iteration
  /// Iterations when there are more than cover what the loops above left (Interstellar rounds its
  /// factors up; the surplus is padding); 0: as many as needed.
  std::int64_t count = 0;
  /// In a sequence below the root: after each iteration the layer gives its turn to the next one.
  bool gives_turn = false;
  /// Then: turns by which the layer computes later than it asks for what stands outside of the
  /// loop.
  int turns_later = 0;
};

/// Splits of one array axis that follow each other directly are one row or column of the array with
/// a block repeated along it (outer split: the block, inner: neighbours); splits of other axes in
/// between separate.
enum class Axis {
  kMeshX,
  kMeshY,  ///< columns, rows of the tile grid
  kTiles,  ///< tiles in the order of the enclosing place node
  kArrayX,
  kArrayY,  ///< columns, rows of the PE array
  kLanes,   ///< multipliers of one PE
};

struct SplitNode {
  std::vector<RankReference> ranks;  ///< several advance together (MAESTRO's diagonal)
  std::int64_t size = 0;  ///< extent of one part; 0: balanced shares, sizes differ by one at most
  std::int64_t step = 0;  ///< 0: equal to size
  int ways = 1;           ///< what exceeds size x ways folds into time right here
  Axis axis = Axis::kTiles;
  bool skewed = false;  ///< part i starts its inner loops i iterations later, wrapping round
  /// Advances with the nearest split above: unit i has part i of both.
  bool joint = false;
  std::string
      unit;  ///< group of units in the tool's hardware file that is split, "" when not named
  std::vector<std::string> no_multicast;  ///< tensors sent to every part by itself even when alike
  std::vector<std::string> no_neighbour;  ///< tensors never passed on between neighbouring parts
};

enum class Distribution { kUnicast, kMulticast, kNeighbour };
enum class PartialSums {
  kInPlace,
  kToOwner,
  kInNetwork,
  kToOwnerInPieces,  ///< to the owner through its staging FIFO, so that they take no buffer
};

struct StoredTensor {
  std::string tensor;  ///< "W", "I0", "O" of the layer below, or a tensor's name
  /// Room for the next granule. At level tiles: for what the next layer on these tiles has there,
  /// which then need not wait until the outputs have been read.
  bool double_buffered = false;
  bool exploits_reuse = true;  ///< false: fetched again in every iteration (LoopTree)
  int shared_by = 1;           ///< TANGRAM: tiles that hold one copy between them
  Distribution distribution = Distribution::kUnicast;
  PartialSums partial_sums = PartialSums::kInPlace;
  /// At level tiles: pieces of the map that a tile holds at once, used in turn; 0: the whole map.
  int places = 0;
  /// An earlier layer on the same tiles that holds the same granules of the same operand: they stay
  /// in its place until this layer has used them, and are not fetched again. Where there is no room
  /// for that they are.
  std::string kept_from = {};
  /// An output at level tiles: where they have no room for the map beside what else is there, it is
  /// written to DRAM and read from there instead.
  bool or_dram = false;
};

/// Tensors that no store node names at a level bypass it.
struct StoreNode {
  /// "dram", "tiles" (kept where they were produced), "shared", "staging" (the FIFO beside the
  /// buffer, where what no store holds in the buffer passes anyway; an input named here stays there
  /// while the loops inside use it, if it has room beside the others), "buffer", "group" (between a
  /// split over groups of PEs and a split inside a group), "registers". An output at "dram" and
  /// "tiles" is written and kept as well; layers that name it as an input at "tiles" read the copy
  /// kept, which stays until the last of them.
  std::string level;
  std::vector<StoredTensor> tensors;
  std::string memory;  ///< memory in the tool's hardware file; "" when the level says it all
};

enum class Organisation { kExplicit, kBlocked1d, kBlocked2d, kStriped1d, kCheckerboard };

struct PlaceNode {
  std::vector<int> tiles;  ///< tile ids in logical order; empty: all tiles, row by row
  Organisation organisation = Organisation::kExplicit;
  int depth = 1;  ///< layers the organisation deals the mesh to
  int index = 0;  ///< which of them this subtree is
};

struct LayerNode {
  std::string layer;
};

struct Node {
  NodeKind kind = NodeKind::kSequence;
  LoopNode loop;
  SplitNode split;
  StoreNode store;
  PlaceNode place;
  LayerNode layer;
  std::vector<Node> children;
  Estimate expected = {};  ///< of a top node, by the scheduler that made it; not part of files
};

struct Schedule {
  std::string name;
  std::string origin;  ///< file or scheduler it came from, for messages
  Node root;
  DramPlacement dram_placement = {};
  /// Operands that bypass the tile buffer, and that tiles would fetch again for every use (outputs:
  /// send away and bring back), are held in the buffer in pieces where it has room.
  bool hold_reused = false;
};

/// What the top nodes' scheduler expects of them together, one after the other. None when one of
/// them has no estimate.
std::optional<Estimate> expected_of(const Schedule& schedule);

/// Indented text, one node a line, as in the documentation.
std::string to_text(const Schedule& schedule);

}  // namespace tessera::mapping
