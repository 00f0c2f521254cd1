// A schedule as pieces that can be exchanged: each a top node over neighbouring layers.
#pragma once

#include <optional>
#include <vector>

#include "hw_models/description/accelerator.h"
#include "mapping/schedule.h"
#include "workloads/network_window.h"

namespace tessera::mapping {

struct Piece {
  workloads::LayerSpan span;
  Node top;
};

/// Pieces in the order of the network's layers, every layer in exactly one.
using Arrangement = std::vector<Piece>;

/// One piece per child of the root. UserError when a layer is missing or the order is not the
/// network's.
Arrangement arrangement_of(const Schedule& schedule, const workloads::Network& network);

/// The pieces below one sequence.
Schedule schedule_of(const Arrangement& pieces, const std::string& name);

/// The piece in place of those it covers. None when it would cover a piece in part.
std::optional<Arrangement> exchanged(const Arrangement& pieces, Piece piece);

/// Results of the piece's layer that stay on chip for later layers: in tiles or shared buffers.
bool stays_on_chip(const Piece& piece);

/// The piece with its result in DRAM instead.
void send_to_dram(Piece& piece);

/// Sends maps to DRAM that stay in tiles while `span` runs, unless it lowers as it is. None when it
/// does not lower then either. `touched` grows by the pieces that were changed and those that read
/// from them.
std::optional<Arrangement> with_room(Arrangement pieces, workloads::LayerSpan span,
                                     const workloads::Network& network,
                                     const hw::Accelerator& accelerator,
                                     workloads::LayerSpan& touched);

}  // namespace tessera::mapping
