#include "mapping/tangram/segment_rules.h"

#include <algorithm>

namespace tessera::mapping {

using workloads::Layer;
using workloads::LayerKind;
using workloads::LayerSpan;
using workloads::Network;
using workloads::Operand;
using workloads::OperandRole;
using workloads::RankId;

namespace {

bool can_be_stage(const Layer& layer) {
  return layer.whole_ranks.empty() &&
         (layer.kind == LayerKind::kMatrix || layer.kind == LayerKind::kPool ||
          layer.kind == LayerKind::kMap);
}

bool stays_inside(const Network& network, LayerSpan span, workloads::LayerId layer) {
  const auto tensor = network.layers[layer].output.tensor;
  const auto readers = network.consumers(tensor);
  return network.tensors[tensor].kind == workloads::TensorKind::kIntermediate &&
         network.producers(tensor).size() == 1 && !readers.empty() &&
         std::ranges::all_of(readers, [&](auto reader) { return span.holds(reader); });
}

/// The layer reads one map, that of the layer before.
bool continues_chain(const Network& network, workloads::LayerId layer) {
  int maps = 0;
  bool before = false;
  for (const auto& input : network.layers[layer].inputs) {
    if (input.role == OperandRole::kWeight) continue;
    ++maps;
    before |= input.tensor == network.layers[layer - 1].output.tensor;
  }
  return maps == 1 && before;
}

}  // namespace

bool is_segment(const Network& network, LayerSpan span, Pipelining pipelining) {
  for (auto l = span.first; l <= span.last; ++l) {
    if (!can_be_stage(network.layers[l])) return false;
    if (l < span.last && !stays_inside(network, span, l)) return false;
    if (pipelining == Pipelining::kChains && l > span.first && !continues_chain(network, l))
      return false;
  }
  return pipelining != Pipelining::kNone && span.last > span.first;
}

std::optional<RankId> single_rank(const Layer& layer, const Operand& operand,
                                  std::size_t dimension) {
  std::optional<RankId> found;
  for (const auto& term : operand.dimensions[dimension].terms) {
    if (layer.ranks[term.rank].extent == 1) continue;
    if (found || term.coefficient != 1) return std::nullopt;
    found = term.rank;
  }
  return found;
}

std::optional<RankId> channel_rank(const Layer& layer, const Operand& operand) {
  const std::size_t dimensions = operand.dimensions.size();
  if (dimensions < 2) return std::nullopt;
  return single_rank(layer, operand, dimensions == 3 ? 2 : 1);
}

std::vector<int> readers_inside(const Network& network, LayerSpan span, int stage) {
  std::vector<int> readers;
  for (const auto reader : network.consumers(network.layers[span.first + stage].output.tensor))
    if (span.holds(reader)) readers.push_back(reader - span.first);
  return readers;
}

}  // namespace tessera::mapping
