// What every layer of a fused tree computes in each iteration of the loops it shares with others.
#pragma once

#include <cstdint>
#include <vector>

#include "mapping/cost/looptree/fused_tree.h"
#include "mapping/cost/looptree/index_set.h"

namespace tessera::mapping::looptree {

/// A step of the way from the root to one leaf. Branches stand here with the index taken.
struct PathStep {
  StepKind kind = StepKind::kCompute;
  int level = -1;
  std::vector<int> tensors;
  int rank = -1;  ///< of the leaf's layer, in steps below the last branch
  std::int64_t tile = 1;
  std::int64_t branch = 0;

  /// Loops and branches are the dimensions of an iteration's index; stores are none.
  bool is_dimension() const { return kind != StepKind::kStore && kind != StepKind::kCompute; }
};

/// An iteration of everything down to the last branch, and what the layer computes in it.
struct OuterTile {
  std::vector<std::int64_t> index;
  Region operations;  ///< one set per rank, never empty
};

struct LeafTiles {
  int layer = 0;
  std::vector<PathStep> path;
  std::size_t inner = 0;         ///< first step of the path below the last branch
  std::vector<OuterTile> outer;  ///< in order of execution
};

/// Tiles of one leaf per layer, in order of execution. Loops above a branch run over a rank of the
/// group's last layer, the one whose output no other of the group reads. Tiles of the producers
/// follow backwards: what the consumer's tile needs of an intermediate tensor, without what is
/// still there, is what has to be computed. With d loops and branches above the tensor's outermost
/// store, still there is what the iteration before of the d-th of them needed and what earlier
/// iterations of the loops below it, at the same outer indices, did. When all layers of a group
/// read one tensor, the others compute instead what the head's part of that tensor allows.
///
/// Source: Gilbert et al., "LoopTree", arXiv 2409.13625; behaviour of NVlabs/timeloop's analysis.
/// UserError when a group with loops has no single last layer or loops run over another rank.
std::vector<LeafTiles> infer_tiles(const FusedTree& tree);

/// Data of a tensor that operations touch.
Region data_of(const workloads::Operand& operand, const Region& operations);

}  // namespace tessera::mapping::looptree
