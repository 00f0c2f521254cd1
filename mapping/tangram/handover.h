// ALLO: how the stages of a segment take and give their maps.
#pragma once

#include <cstdint>
#include <vector>

#include "workloads/network_window.h"

namespace tessera::mapping {

/// A stage's loop at the tile buffer.
enum class StageLoop {
  kNone,    ///< whole maps in and out
  kGives,   ///< over output channels: gives pieces, holds its whole input
  kTakes,   ///< over input channels: takes pieces, holds its whole output
  kPasses,  ///< over channels of both: takes a piece and gives it on
  kBlocks,  ///< over output channels, whole maps in and out: weights come block by block
};

struct Handover {
  StageLoop loop = StageLoop::kNone;
  std::int64_t pieces = 1;
  bool operator==(const Handover&) const = default;
};

/// One per stage. Pieces and whole maps alternate: what takes its input in pieces sums over them
/// and holds its whole output, so the stage behind it gets that whole and may give pieces again.
/// Pooling and element-wise layers pass pieces on. Maps with several readers are handed over whole.
/// `first_gives`: the first stage that could give pieces does, else the second one. Without `allo`
/// all maps are whole. `hosts` as hosts_of says: what a stage makes for one on its own tiles is
/// whole.
///
/// Source: TANGRAM, ASPLOS 2019; nn_dataflow, pipeline_segment.py, in our own reading.
std::vector<Handover> alternate(const workloads::Network& network, workloads::LayerSpan span,
                                std::int64_t pieces, bool first_gives, bool allo,
                                const std::vector<int>& hosts = {});

}  // namespace tessera::mapping
