// Additions without tiles of their own: a residual sum runs where one of its operands is made.
#pragma once

#include <optional>
#include <vector>

#include "mapping/stage_plan.h"
#include "workloads/network_window.h"

namespace tessera::mapping {

/// Per stage of a segment the stage on whose tiles it runs after that is through: of an
/// element-wise layer over several maps the last matrix layer that makes one of them; -1: it has
/// tiles of its own.
///
/// Source: nn_dataflow, where all layers without weights run on their producer's tiles. Pooling has
/// tiles of its own here: its windows reach into other tiles' shares.
std::vector<int> hosts_of(const workloads::Network& network, workloads::LayerSpan span);

/// The host's dealing in ranks of the addition: every tile adds to what it has made itself. None
/// when a dimension is not dealt by one rank on both sides.
std::optional<std::vector<PartitionSplit>> dealt_like(const workloads::Layer& host,
                                                      const std::vector<PartitionSplit>& splits,
                                                      const workloads::Layer& addition);

}  // namespace tessera::mapping
