// The schedule tree as LoopTree reads it, ranks and tensors resolved to indices.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mapping/importers/timeloop/architecture.h"
#include "mapping/schedule.h"
#include "workloads/network.h"

namespace tessera::mapping::looptree {

enum class StepKind { kStore, kTemporal, kSpatial, kSequence, kPipeline, kCompute };

/// One node. Branches end a chain and hold chains; a compute step ends one.
struct Step {
  StepKind kind = StepKind::kCompute;
  int level = -1;            ///< store: place of the memory among the storages, 0 outermost
  std::vector<int> tensors;  ///< store
  bool exploits_reuse = true;
  int layer = -1;  ///< loops: whose rank; compute: which
  int rank = -1;
  std::int64_t tile = 1;
  std::vector<std::vector<Step>> branches;
};

using Chain = std::vector<Step>;

struct FusedTree {
  const workloads::Network* network = nullptr;
  Chain root;
  int levels = 0;      ///< storages of the architecture; compute is the level after the last
  std::string origin;  ///< for messages

  int compute_level() const { return levels; }
};

/// The network must outlive the tree. UserError when the tree uses what the model does not have:
/// several ranks in one loop, steps, shared or rotating tensors, memories the architecture lacks,
/// outputs that are indexed by sums of ranks, a rank in two dimensions of a tensor.
FusedTree fused_tree_of(const Schedule& schedule, const workloads::Network& network,
                        const importers::TimeloopArchitecture& architecture);

/// Layers below a chain, ascending.
std::vector<int> layers_below(const Chain& chain);

/// The operand through which a layer touches a tensor; null when it does not.
const workloads::Operand* operand_of(const workloads::Layer& layer, int tensor);

}  // namespace tessera::mapping::looptree
