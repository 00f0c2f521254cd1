#include "mapping/tangram/additions.h"

#include <algorithm>

#include "mapping/tangram/segment_rules.h"

namespace tessera::mapping {

using workloads::Layer;
using workloads::LayerKind;
using workloads::LayerSpan;
using workloads::Network;
using workloads::OperandRole;

namespace {

int maps_of(const Layer& layer) {
  return static_cast<int>(
      std::ranges::count(layer.inputs, OperandRole::kInput, &workloads::Operand::role));
}

/// Last matrix layer of the span that makes one of a layer's maps.
int last_producer(const Network& network, LayerSpan span, workloads::LayerId reader) {
  for (auto l = reader - 1; l >= span.first; --l) {
    const auto reads = [&](const auto& input) {
      return input.tensor == network.layers[l].output.tensor;
    };
    if (network.layers[l].kind == LayerKind::kMatrix &&
        std::ranges::any_of(network.layers[reader].inputs, reads))
      return l - span.first;
  }
  return -1;
}

/// Dimension of an operand along which a rank alone moves.
std::optional<std::size_t> dimension_of(const Layer& layer, const workloads::Operand& operand,
                                        workloads::RankId rank) {
  for (std::size_t d = 0; d < operand.dimensions.size(); ++d)
    if (single_rank(layer, operand, d) == rank) return d;
  return std::nullopt;
}

}  // namespace

std::vector<int> hosts_of(const Network& network, LayerSpan span) {
  std::vector<int> hosts;
  for (auto l = span.first; l <= span.last; ++l) {
    const Layer& layer = network.layers[l];
    const bool adds = layer.kind == LayerKind::kMap && maps_of(layer) > 1;
    hosts.push_back(adds ? last_producer(network, span, l) : -1);
  }
  return hosts;
}

std::optional<std::vector<PartitionSplit>> dealt_like(const Layer& host,
                                                      const std::vector<PartitionSplit>& splits,
                                                      const Layer& addition) {
  std::vector<PartitionSplit> dealt;
  for (const auto& split : splits) {
    const auto dimension = dimension_of(host, host.output, split.rank);
    if (!dimension || *dimension >= addition.output.dimensions.size()) return std::nullopt;
    const auto rank = single_rank(addition, addition.output, *dimension);
    if (!rank || addition.ranks[*rank].extent != host.ranks[split.rank].extent) return std::nullopt;
    dealt.push_back({*rank, split.size, split.ways, split.axis});
  }
  return dealt;
}

}  // namespace tessera::mapping
