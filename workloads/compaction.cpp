#include "workloads/compaction.h"

#include <algorithm>

namespace tessera::workloads {

namespace {

std::vector<std::pair<Layer*, Operand*>> uses_of(Network& network, TensorId tensor) {
  std::vector<std::pair<Layer*, Operand*>> uses;
  for (auto& layer : network.layers)
    for (auto& input : layer.inputs)
      if (input.tensor == tensor) uses.emplace_back(&layer, &input);
  return uses;
}

/// Strides at which the dimension may be cut so that no term of any use crosses a cut; ascending,
/// from 1.
std::vector<std::int64_t> strides_of(const std::vector<std::pair<Layer*, Operand*>>& uses,
                                     std::size_t dimension, std::int64_t extent) {
  std::vector<std::int64_t> strides{1};
  for (const auto& [layer, operand] : uses) {
    const auto& access = operand->dimensions[dimension];
    if (access.offset != 0) return {1};
    for (const auto& term : access.terms) strides.push_back(term.coefficient);
  }
  std::ranges::sort(strides);
  strides.erase(std::unique(strides.begin(), strides.end()), strides.end());
  for (std::size_t i = 0; i < strides.size(); ++i) {
    const std::int64_t above = i + 1 < strides.size() ? strides[i + 1] : extent;
    if (above % strides[i] != 0) return {1};
    for (const auto& [layer, operand] : uses)
      for (const auto& term : operand->dimensions[dimension].terms)
        if (term.coefficient == strides[i] &&
            term.coefficient * layer->ranks[term.rank].extent > above)
          return {1};
  }
  return strides;
}

/// The accesses to one dimension, cut at the strides, outermost part first.
std::vector<DimensionAccess> split(const DimensionAccess& access,
                                   const std::vector<std::int64_t>& strides, std::int64_t extent) {
  std::vector<DimensionAccess> parts;
  for (std::size_t i = strides.size(); i-- > 0;) {
    const std::int64_t above = i + 1 < strides.size() ? strides[i + 1] : extent;
    DimensionAccess part{{}, 0, 0, above / strides[i]};
    for (const auto& term : access.terms)
      if (term.coefficient == strides[i]) part.terms.push_back({term.rank, 1});
    parts.push_back(part);
  }
  return parts;
}

template <typename T>
void replace_with(std::vector<T>& list, std::size_t index, const std::vector<T>& parts) {
  list.erase(list.begin() + static_cast<long>(index));
  list.insert(list.begin() + static_cast<long>(index), parts.begin(), parts.end());
}

}  // namespace

void split_weight_dimensions(Network& network) {
  for (TensorId id = 0; id < static_cast<TensorId>(network.tensors.size()); ++id) {
    auto& tensor = network.tensors[id];
    if (tensor.kind != TensorKind::kWeight) continue;
    const auto uses = uses_of(network, id);
    for (std::size_t dimension = tensor.extents.size(); dimension-- > 0;) {
      const std::int64_t extent = tensor.extents[dimension];
      const auto strides = strides_of(uses, dimension, extent);
      if (strides.size() == 1) continue;
      std::vector<std::int64_t> extents;
      for (std::size_t i = strides.size(); i-- > 0;)
        extents.push_back((i + 1 < strides.size() ? strides[i + 1] : extent) / strides[i]);
      for (const auto& [layer, operand] : uses)
        replace_with(operand->dimensions, dimension,
                     split(operand->dimensions[dimension], strides, extent));
      replace_with(tensor.extents, dimension, extents);
    }
  }
}

/// All writers of a tensor stay or go together: parts of a concatenation may be read without the
/// whole.
void drop_unread_layers(Network& network) {
  for (bool changed = true; changed;) {
    std::vector<bool> needed(network.tensors.size(), false);
    for (const auto& layer : network.layers)
      for (const auto& input : layer.inputs) needed[input.tensor] = true;
    const auto dropped = std::erase_if(network.layers, [&](const Layer& layer) {
      const TensorId result = layer.output.tensor;
      return !needed[result] && network.tensors[result].kind != TensorKind::kOutput;
    });
    changed = dropped > 0;
  }
}

void drop_unused_tensors(Network& network) {
  std::vector<TensorId> renumbered(network.tensors.size(), -1);
  const auto mark = [&](const Operand& operand) { renumbered[operand.tensor] = 0; };
  for (const auto& layer : network.layers) {
    std::ranges::for_each(layer.inputs, mark);
    mark(layer.output);
  }
  std::vector<Tensor> kept;
  for (std::size_t i = 0; i < renumbered.size(); ++i) {
    if (renumbered[i] < 0) continue;
    renumbered[i] = static_cast<TensorId>(kept.size());
    kept.push_back(std::move(network.tensors[i]));
  }
  network.tensors = std::move(kept);
  for (auto& layer : network.layers) {
    for (auto& input : layer.inputs) input.tensor = renumbered[input.tensor];
    layer.output.tensor = renumbered[layer.output.tensor];
  }
}

}  // namespace tessera::workloads
