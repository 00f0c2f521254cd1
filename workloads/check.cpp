#include <algorithm>
#include <set>

#include "sim/base/error.h"
#include "workloads/network.h"

namespace tessera::workloads {

namespace {

struct Write {
  const Layer* layer;
  Region region;
};

void check_operand(const Network& network, const Layer& layer, const Operand& operand) {
  if (operand.tensor < 0 || operand.tensor >= static_cast<TensorId>(network.tensors.size()))
    throw UserError(layer.name, ": tensor id ", operand.tensor, "; the network has ",
                    network.tensors.size(), " tensors");
  const auto& extents = network.tensors[operand.tensor].extents;
  if (operand.dimensions.size() != extents.size())
    throw UserError(layer.name, ": ", operand.dimensions.size(), " index sums for tensor ",
                    network.tensors[operand.tensor].name, " of ", extents.size(), " dimensions");
  for (const auto& access : operand.dimensions)
    for (const auto& term : access.terms)
      if (term.rank < 0 || term.rank >= static_cast<RankId>(layer.ranks.size()) ||
          term.coefficient < 1)
        throw UserError(layer.name, ": rank id ", term.rank, " with coefficient ", term.coefficient,
                        "; the layer has ", layer.ranks.size(), " ranks");
}

/// Smallest and largest index of the sum, padding included.
RankRange span_of(const Layer& layer, const DimensionAccess& access) {
  RankRange span{access.offset, access.offset + 1};
  for (const auto& term : access.terms)
    span.end += term.coefficient * (layer.ranks[term.rank].extent - 1);
  return span;
}

void check_bounds(const Network& network, const Layer& layer, const Operand& operand) {
  const Tensor& tensor = network.tensors[operand.tensor];
  for (std::size_t i = 0; i < operand.dimensions.size(); ++i) {
    const auto& access = operand.dimensions[i];
    const RankRange span = span_of(layer, access);
    const std::int64_t begin = std::max(span.begin, access.valid_begin);
    const std::int64_t end = std::min(span.end, access.valid_end);
    const bool padded = begin != span.begin || end != span.end;
    if (begin < 0 || end > tensor.extents[i] || begin >= end ||
        (padded && operand.role == OperandRole::kOutput))
      throw UserError(layer.name, ": reaches indices ", span.begin, " to ", span.end - 1,
                      " of dimension ", i, " of tensor ", tensor.name, ", which has ",
                      tensor.extents[i]);
  }
}

void check_ranks(const Layer& layer) {
  for (std::size_t i = 0; i < layer.ranks.size(); ++i) {
    const Rank& rank = layer.ranks[i];
    const auto id = static_cast<RankId>(i);
    if (rank.extent < 1)
      throw UserError(layer.name, ": rank ", rank.name, " has extent ", rank.extent,
                      "; at least 1 is allowed");
    if (rank.reduced == Layer::indexes(layer.output, id) && (rank.reduced || rank.extent > 1))
      throw UserError(layer.name, ": rank ", rank.name,
                      rank.reduced ? " is reduced but indexes" : " does not index", " the output");
  }
  for (const RankId id : layer.whole_ranks)
    if (id < 0 || id >= static_cast<RankId>(layer.ranks.size()))
      throw UserError(layer.name, ": whole rank id ", id, "; the layer has ", layer.ranks.size());
}

/// Indices one dimension of a layer's output takes: an arithmetic progression that each combination
/// of ranks hits once. UserError when it is not one.
IndexRange written_range(const Layer& layer, const DimensionAccess& access) {
  auto terms = access.terms;
  std::erase_if(terms, [&](const AffineTerm& t) { return layer.ranks[t.rank].extent == 1; });
  std::ranges::sort(terms, {}, &AffineTerm::coefficient);
  IndexRange range{access.offset, 1, terms.empty() ? 1 : terms.front().coefficient};
  for (const auto& term : terms) {
    if (term.coefficient != range.step * range.count)
      throw UserError(layer.name, ": the output's index sum over rank ",
                      layer.ranks[term.rank].name, " leaves gaps or writes elements twice");
    range.count *= layer.ranks[term.rank].extent;
  }
  return range;
}

Write write_of(const Layer& layer) {
  Write write{&layer, {}};
  for (const auto& access : layer.output.dimensions)
    write.region.dimensions.push_back(written_range(layer, access));
  return write;
}

/// Pairwise disjoint regions inside the tensor whose sizes add up to it cover each element exactly
/// once.
void check_cover(const Tensor& tensor, const std::vector<Write>& writes) {
  std::int64_t written = 0;
  for (std::size_t i = 0; i < writes.size(); ++i) {
    written += writes[i].region.elements();
    for (std::size_t j = 0; j < i; ++j)
      if (!intersect(writes[i].region, writes[j].region).empty())
        throw UserError(writes[i].layer->name, ": writes elements of tensor ", tensor.name,
                        " that layer ", writes[j].layer->name, " also writes");
  }
  if (written == tensor.elements()) return;
  const std::string writer = writes.empty() ? "no layer" : writes.back().layer->name;
  throw UserError(writer, ": ", written, " of ", tensor.elements(), " elements of tensor ",
                  tensor.name, " are written; each must be written once");
}

bool is_stored_result(const Tensor& tensor) {
  return tensor.kind == TensorKind::kIntermediate || tensor.kind == TensorKind::kOutput;
}

void check_layer(const Network& network, const Layer& layer) {
  if (layer.inputs.empty()) throw UserError(layer.name, ": has no operand; at least 1 is needed");
  for (const auto& input : layer.inputs) check_operand(network, layer, input);
  check_operand(network, layer, layer.output);
  check_ranks(layer);
  for (const auto& input : layer.inputs) check_bounds(network, layer, input);
  check_bounds(network, layer, layer.output);
  const Tensor& result = network.tensors[layer.output.tensor];
  if (!is_stored_result(result))
    throw UserError(layer.name, ": writes tensor ", result.name, ", which is no result");
}

/// A layer may read what earlier layers wrote; regions are compared, so that a part of a
/// concatenation can be read before its other parts exist.
void check_order(const Network& network, const std::vector<std::vector<LayerId>>& writers) {
  for (std::size_t id = 0; id < network.layers.size(); ++id) {
    const Layer& layer = network.layers[id];
    for (const auto& input : layer.inputs) {
      const Region read = region_of(input, layer.whole());
      for (const LayerId writer : writers[input.tensor]) {
        if (writer < static_cast<LayerId>(id)) continue;
        const Region written =
            region_of(network.layers[writer].output, network.layers[writer].whole());
        if (!intersect(read, written).empty())
          throw UserError(layer.name, ": reads tensor ", network.tensors[input.tensor].name,
                          " before layer ", network.layers[writer].name, " writes it");
      }
    }
  }
}

void check_is_read(const Network& network, TensorId id, const std::vector<LayerId>& writers) {
  const Tensor& tensor = network.tensors[id];
  if (tensor.kind == TensorKind::kIntermediate && network.consumers(id).empty())
    throw UserError(network.layers[writers.back()].name, ": its result ", tensor.name,
                    " is neither read nor an output");
}

}  // namespace

void check(const Network& network) {
  if (network.layers.empty())
    throw UserError(network.name, ": has no layers; at least 1 is needed");
  std::vector<std::vector<Write>> writes(network.tensors.size());
  std::vector<std::vector<LayerId>> writers(network.tensors.size());
  std::set<std::string> names;
  for (std::size_t id = 0; id < network.layers.size(); ++id) {
    const Layer& layer = network.layers[id];
    check_layer(network, layer);
    if (!names.insert(layer.name).second)
      throw UserError(layer.name, ": is the name of two layers; names must differ");
    writes[layer.output.tensor].push_back(write_of(layer));
    writers[layer.output.tensor].push_back(static_cast<LayerId>(id));
  }
  for (std::size_t id = 0; id < network.tensors.size(); ++id) {
    if (is_stored_result(network.tensors[id])) {
      check_cover(network.tensors[id], writes[id]);
      check_is_read(network, static_cast<TensorId>(id), writers[id]);
    }
  }
  check_order(network, writers);
}

}  // namespace tessera::workloads
