// Which runs of layers may form a segment, and how their maps can be cut into pieces.
#pragma once

#include <optional>
#include <vector>

#include "mapping/tangram/switches.h"
#include "workloads/network_window.h"

namespace tessera::mapping {

/// Cycles from a request to DRAM to its first data, as analysis prices it.
constexpr double kFetchLatency = 150;

/// True when the layers can be stages of one pipeline: matrix products, convolutions, pooling and
/// element-wise layers; every map but the last is read inside and only there. With chains every
/// layer reads the one before and no other map.
bool is_segment(const workloads::Network& network, workloads::LayerSpan span,
                Pipelining pipelining);

/// Rank that alone moves along a dimension of an operand; none when several do or none does.
std::optional<workloads::RankId> single_rank(const workloads::Layer& layer,
                                             const workloads::Operand& operand,
                                             std::size_t dimension);

/// Rank along the channels of an operand: the second dimension of images and vectors, the last of
/// sequences.
std::optional<workloads::RankId> channel_rank(const workloads::Layer& layer,
                                              const workloads::Operand& operand);

/// Stages of a span that read what layer `first + stage` writes.
std::vector<int> readers_inside(const workloads::Network& network, workloads::LayerSpan span,
                                int stage);

}  // namespace tessera::mapping
