#include "workloads/graph_builder.h"

#include <algorithm>
#include <numeric>

#include "sim/base/error.h"
#include "workloads/compaction.h"

namespace tessera::workloads {

std::vector<std::string> default_labels(int dimensions) {
  switch (dimensions) {
    case 1:
      return {"C"};
    case 2:
      return {"N", "C"};
    case 3:
      return {"N", "M", "K"};
    case 4:
      return {"N", "C", "P", "Q"};
    default:
      break;
  }
  std::vector<std::string> labels;
  for (int i = 0; i < dimensions; ++i) labels.push_back(detail::concatenate("d", i));
  return labels;
}

namespace {

/// The name, numbered when it is taken: results and traces refer to layers and tensors by name.
std::string unique_name(const std::string& name, std::set<std::string>& taken) {
  std::string candidate = name;
  for (int i = 2; !taken.insert(candidate).second; ++i)
    candidate = detail::concatenate(name, ".", i);
  return candidate;
}

}  // namespace

GraphBuilder::GraphBuilder(std::string name, std::int64_t batch, std::set<std::string> outputs)
    : outputs_(std::move(outputs)) {
  network_.name = std::move(name);
  network_.batch = batch;
}

TensorId GraphBuilder::add_tensor(const std::string& name, TensorKind kind,
                                  const std::vector<std::int64_t>& extents) {
  for (const auto extent : extents)
    if (extent < 1)
      throw UserError(name, ": a tensor dimension is ", extent, "; at least 1 is allowed");
  network_.tensors.push_back({unique_name(name, tensor_names_), kind, extents});
  placements_.emplace_back();
  return static_cast<TensorId>(network_.tensors.size()) - 1;
}

Value GraphBuilder::input(const std::string& name, const std::vector<std::int64_t>& shape) {
  return {name, identity_view(add_tensor(name, TensorKind::kInput, shape), shape), {}, -1};
}

Value GraphBuilder::weight(const std::string& name, const std::vector<std::int64_t>& shape) {
  return {name, identity_view(add_tensor(name, TensorKind::kWeight, shape), shape), {}, -1};
}

Value GraphBuilder::new_value(const std::string& name, const std::vector<std::int64_t>& shape) {
  return {name, identity_view(add_tensor(name, TensorKind::kIntermediate, shape), shape), {}, -1};
}

void GraphBuilder::move(const std::string& name, const View& from, const View& to,
                        const std::vector<std::string>& labels) {
  IterationSpace space;
  OperandUse use;
  for (int i = 0; i < from.rank(); ++i)
    use.push_back(DimensionUse::of({space.add_loop(labels[i], from.extent(i))}));
  Layer layer;
  layer.name = name;
  layer.kind = LayerKind::kMove;
  add_layer(std::move(layer), space, {{from, use, OperandRole::kInput}}, {name, to, {}, -1}, use);
}

View GraphBuilder::materialise(const std::string& name, const View& view,
                               const std::vector<std::string>& labels) {
  const View stored = new_value(name, view.shape()).view;
  move(name, view, stored, labels.empty() ? default_labels(view.rank()) : labels);
  return stored;
}

View GraphBuilder::materialise_flat(const std::string& name, const View& view, bool keep_first) {
  std::vector<std::int64_t> flat{view.elements()};
  if (keep_first) flat = {view.extent(0), view.elements() / view.extent(0)};
  const View stored = new_value(name, flat).view;
  move(name, view, *workloads::reshape(stored, view.shape()), default_labels(view.rank()));
  return stored;
}

View GraphBuilder::compatible(const std::string& layer, std::size_t index, Source& source,
                              IterationSpace& space) {
  if (space.accommodate(source.view, source.use)) return source.view;
  const View moved = materialise(detail::concatenate(layer, ".move", index), source.view);
  if (!space.accommodate(moved, source.use))
    throw UserError(layer, ": operand ", index, " cannot be addressed; its shape does not align");
  return moved;
}

Value GraphBuilder::add_layer(Layer layer, IterationSpace& space, std::vector<Source> sources,
                              Value result, const OperandUse& result_use,
                              const std::vector<int>& whole_loops) {
  space.accommodate(result.view, result_use);
  for (std::size_t i = 0; i < sources.size(); ++i)
    sources[i].view = compatible(layer.name, i, sources[i], space);
  layer.name = unique_name(layer.name, layer_names_);
  layer.ranks = space.ranks();
  layer.origin = origin_.empty() ? layer.name : origin_;
  for (const auto& source : sources) {
    const auto kind = network_.tensors[source.view.tensor].kind;
    const auto role = kind == TensorKind::kWeight ? OperandRole::kWeight : OperandRole::kInput;
    layer.inputs.push_back(
        space.operand(source.view, source.use, role, extents(source.view.tensor)));
  }
  layer.output =
      space.operand(result.view, result_use, OperandRole::kOutput, extents(result.view.tensor));
  for (const int loop : whole_loops)
    for (const RankId rank : space.ranks_of(loop)) layer.whole_ranks.push_back(rank);
  network_.layers.push_back(std::move(layer));
  result.producer = static_cast<LayerId>(network_.layers.size()) - 1;
  return result;
}

bool GraphBuilder::fuse(const Value& value, Function activation) {
  if (value.producer < 0) return false;
  Layer& layer = network_.layers[value.producer];
  if (layer.kind == LayerKind::kMove || layer.activation != Function::kNone) return false;
  layer.activation = activation;
  return true;
}

bool GraphBuilder::is_plain_matrix_result(const Value& value) const {
  if (value.producer < 0) return false;
  const Layer& layer = network_.layers[value.producer];
  return layer.kind == LayerKind::kMatrix && layer.activation == Function::kNone;
}

void GraphBuilder::mark_outputs(const std::vector<Value>& outputs) {
  for (const auto& value : outputs) {
    const TensorId id = value.view.tensor;
    const bool stored = keeps_storage_order(value.view, extents(id)) && placements_[id].whole < 0 &&
                        network_.tensors[id].kind == TensorKind::kIntermediate;
    const TensorId output = stored ? id : materialise(value.name + ".output", value.view).tensor;
    network_.tensors[output].kind = TensorKind::kOutput;
  }
}

Network GraphBuilder::finish(const std::vector<Value>& outputs, Unread unread) {
  mark_outputs(outputs);
  resolve_placements();
  if (outputs.empty())
    for (TensorId id = 0; id < static_cast<TensorId>(network_.tensors.size()); ++id) {
      auto& tensor = network_.tensors[id];
      const bool unread = network_.consumers(id).empty() && placements_[id].whole < 0;
      if (tensor.kind == TensorKind::kIntermediate && unread) tensor.kind = TensorKind::kOutput;
    }
  if (unread == Unread::kDrop) drop_unread_layers(network_);
  split_weight_dimensions(network_);
  drop_unused_tensors(network_);
  check(network_);
  return std::move(network_);
}

/// A concatenated tensor becomes a range of the whole: accesses move by its offset. Wholes may
/// themselves be parts of a later concatenation, hence the walk up.
void GraphBuilder::resolve_placements() {
  const auto relocate = [this](Operand& operand) {
    while (placements_[operand.tensor].whole >= 0) {
      const Placement& placement = placements_[operand.tensor];
      auto& dimension = operand.dimensions[placement.axis];
      dimension.offset += placement.offset;
      dimension.valid_begin += placement.offset;
      dimension.valid_end += placement.offset;
      operand.tensor = placement.whole;
    }
  };
  for (auto& layer : network_.layers) {
    for (auto& input : layer.inputs) relocate(input);
    relocate(layer.output);
  }
}

}  // namespace tessera::workloads
