// The loop nest as Timeloop sees it: cut into one block per level of the hierarchy.
#pragma once

#include <cstdint>
#include <vector>

#include "mapping/importers/timeloop/architecture.h"
#include "mapping/schedule.h"
#include "workloads/network.h"

namespace tessera::mapping::timeloop {

/// `end` iterations, but `residual` in the globally last one of the rank. `stride` is the distance
/// of two iterations in the rank: the product of the ends inside.
struct NestLoop {
  int rank = 0;
  std::int64_t end = 1;
  std::int64_t residual = 1;
  std::int64_t stride = 1;
  bool on_x = false;  ///< of a spatial loop
};

/// A storage with the temporal loops that run over its tile or, for a fan-out, a level that keeps
/// nothing with the spatial loops that spread over its children. Loops are outermost first.
struct NestLevel {
  int unit = 0;  ///< in the architecture
  std::vector<NestLoop> temporal;
  std::vector<NestLoop> spatial;
  std::int64_t mesh_x = 1;  ///< physical children
  std::int64_t mesh_y = 1;
  std::vector<bool> kept;          ///< per tensor
  std::vector<bool> no_reuse;      ///< per tensor: nothing of the last tile stays
  std::vector<bool> no_multicast;  ///< per tensor
  std::vector<bool> no_neighbour;  ///< per tensor
};

struct LoopNest {
  const workloads::Network* network = nullptr;
  std::vector<NestLevel> levels;  ///< outermost first; compute is below the last
  bool imperfect = false;         ///< some residual differs from its end

  const workloads::Layer& layer() const { return network->layers.front(); }
  std::size_t tensors() const { return network->tensors.size(); }
};

/// Reads the chain of the tree against the architecture. The network must outlive the nest.
/// UserError when the tree is no chain over one layer, names a memory or unit that the architecture
/// does not have at that place, or uses what the model cannot express (steps, several ranks in one
/// loop, shared or rotating tensors).
LoopNest loop_nest_of(const Schedule& schedule, const workloads::Network& network,
                      const importers::TimeloopArchitecture& architecture);

}  // namespace tessera::mapping::timeloop
