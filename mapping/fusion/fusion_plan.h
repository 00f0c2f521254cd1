// Layers that run at the same time, read from a schedule tree into a flat form: a sequence below
// shared loops (the layers take turns on the same tiles) or a pipeline (each on tiles of its own).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "hw_models/description/accelerator.h"
#include "mapping/array_mapping.h"
#include "mapping/program.h"
#include "mapping/schedule.h"
#include "mapping/stage_plan.h"
#include "workloads/network.h"

namespace tessera::mapping {

/// A loop of a member as its code has it: CodeNode without a body.
struct FusionLoop {
  workloads::RankId rank = -1;
  std::int64_t step = 1;
  std::int64_t count = 1;
  std::int64_t first = 0;
  std::int64_t overlap = 0;
};

/// Where a tensor is held in the tile buffer, and how.
struct Held {
  int depth = 0;  ///< loops of the member around the store
  bool reuse = true;
  bool double_buffered = false;
};

struct FusionMember {
  workloads::LayerId layer = 0;
  std::vector<TileId> tiles;  ///< logical order; empty: all of the grid
  std::vector<PartitionSplit> partition;
  std::vector<BufferLoop> own_loops;  ///< below the branch, above the innermost store
  std::vector<Held> inputs;
  Held output;
  Home output_home = Home::kDram;
  int ring_places = 0;  ///< granules of outputs that stay in the tiles at once; 0: as needed
  ArrayMapping array;

  // Inferred.
  std::vector<FusionLoop> loops;         ///< the fusion's, then its own
  std::vector<FusionLoop> window_loops;  ///< the fusion's, as if nothing were retained
  std::vector<TileShare> shares;         ///< tile, ranks and origins
};

struct Fusion {
  bool pipelined = false;
  struct SharedLoop {
    RankReference rank;
    std::int64_t tile = 1;
  };
  std::vector<SharedLoop> loops;  ///< over ranks of the head
  std::vector<FusionMember> members;
  int head = 0;  ///< member whose output no other member reads

  int depth() const { return static_cast<int>(loops.size()); }
  /// Member that computes a tensor; -1: none.
  int producer_of(const workloads::Network& network, workloads::TensorId tensor) const;
};

/// True when a branch stands between the node and its leaves.
bool is_fused(const Node& top);

/// Reads one top node with a branch. Branches that share neither loops nor tensors on chip become
/// fusions of one member each. UserError naming the node when the tree says what cannot be
/// executed.
std::vector<Fusion> read_fusions(const Node& top, const std::string& origin,
                                 const workloads::Network& network, TileGrid grid);

/// Loops and shares of all members, backwards from the head: what a tile of a consumer needs of a
/// tensor and what its window has not kept is what the producer computes. UserError naming the
/// tensor when that is no loop with even steps or when elements would be computed that nobody
/// reads.
///
/// Source: Gilbert et al., "LoopTree", arXiv 2409.13625, section on tile shape inference.
void infer_members(Fusion& fusion, const std::string& origin, const workloads::Network& network,
                   TileGrid grid);

/// Second copies of everything that comes and goes, where they cost nothing.
void copy_everything(Fusion& fusion);

/// How a tensor that fused layers fetch or store should lie in DRAM, dimensions slowest first: what
/// their loops move outermost, so that a tile is one run or few. Empty when none of them does, and
/// for feature maps of four dimensions, whose order is that of all networks.
std::vector<int> fetch_order(const std::vector<Fusion>& fusions, const workloads::Network& network,
                             workloads::TensorId tensor);

/// Most indices per dimension that the first `depth` loops leave of an operand, over all shares.
std::vector<std::int64_t> most_indices(const FusionMember& member,
                                       const workloads::Operand& operand,
                                       const std::vector<FusionLoop>& loops, int depth);

/// Granules by which the readers of a pipelined member's output are behind it for the sake of other
/// readers: at most so many stand between the one that brings an index and the one in whose turn a
/// reader first uses it. A halo across two loops makes it a line of tiles. Loops of the fusion
/// only.
std::int64_t reader_lag(const Fusion& fusion, const FusionMember& producer, int output_depth,
                        const workloads::Network& network);

/// Points of the layer that all shares compute together, repetition included.
std::int64_t executed_points(const FusionMember& member);

/// Stages of a fusion, everything except addresses. `number` identifies it in the program.
std::vector<Stage> build_fusion(const Fusion& fusion, int number, const workloads::Network& network,
                                const hw::Accelerator& accelerator);

}  // namespace tessera::mapping
