// GraphBuilder: layers of the vector unit.
#include <algorithm>

#include "sim/base/error.h"
#include "workloads/graph_builder.h"
#include "workloads/window.h"

namespace tessera::workloads {

namespace {

using Shape = std::vector<std::int64_t>;

/// Passes of a vector unit over its input: maximum, sum of exponentials, quotient; mean, variance,
/// scaling.
constexpr int kSoftmaxPasses = 3;
constexpr int kLayerNormPasses = 3;

std::vector<std::string> labels_of(const Value& value) {
  return static_cast<int>(value.labels.size()) == value.rank() ? value.labels
                                                               : default_labels(value.rank());
}

/// A loop per logical dimension of a walk over the whole value.
OperandUse add_walk(IterationSpace& space, const Shape& shape,
                    const std::vector<std::string>& labels) {
  OperandUse use;
  for (std::size_t i = 0; i < shape.size(); ++i)
    use.push_back(DimensionUse::of({space.add_loop(labels[i], shape[i])}));
  return use;
}

void check_operands(const std::string& name, Function function, std::size_t count) {
  switch (function) {
    case Function::kAdd:
    case Function::kSubtract:
    case Function::kMultiply:
    case Function::kDivide:
    case Function::kPow:
      return;
    case Function::kLstmCell:
    case Function::kLstmHidden:
      break;
    default:
      if (count == 1) return;
  }
  const std::size_t needed = function == Function::kLstmCell     ? 4
                             : function == Function::kLstmHidden ? 2
                                                                 : 1;
  if (count != needed) throw UserError(name, ": has ", count, " operands; ", needed, " needed");
}

std::vector<std::string> labels_of_widest(const std::vector<Value>& values, std::size_t rank) {
  for (const auto& value : values)
    if (value.labels.size() == rank && static_cast<std::size_t>(value.rank()) == rank)
      return value.labels;
  return default_labels(static_cast<int>(rank));
}

}  // namespace

Value GraphBuilder::pool(const std::string& name, Function function, const Value& input,
                         const WindowSpec& window, bool count_padding) {
  check_window(name, input.shape(), window);
  const Shape in = input.shape();
  const Shape out = output_extents(name, {in.begin() + 2, in.end()}, window);
  IterationSpace space;
  OperandUse reads, unused, writes;
  for (int i = 0; i < 2; ++i) {
    reads.push_back(DimensionUse::of({space.add_loop(i == 0 ? "N" : "C", in[i])}));
    writes.push_back(reads.back());
  }
  add_window_loops(space, out, window, reads, unused, writes);
  Shape shape{in[0], in[1]};
  shape.insert(shape.end(), out.begin(), out.end());
  Layer layer;
  layer.name = name;
  layer.kind = LayerKind::kPool;
  layer.function = function;
  layer.count_padding = count_padding;
  Value result = new_value(name, shape);
  if (result.rank() == 3) result.labels = {"N", "C", "P"};
  return add_layer(std::move(layer), space, {{input.view, reads}}, result, writes);
}

Value GraphBuilder::reduce(const std::string& name, Function function, const Value& input,
                           const std::set<int>& axes) {
  const bool spatial = input.rank() == 4 && axes == std::set<int>{2, 3};
  if (spatial) {
    const Shape in = input.shape();
    return pool(name, function, input, {{in[2], in[3]}, {1, 1}, {1, 1}, {0, 0}, {0, 0}}, false);
  }
  IterationSpace space;
  OperandUse reads, writes;
  Shape shape = input.shape();
  const auto labels = labels_of(input);
  for (int i = 0; i < input.rank(); ++i) {
    const bool reduced = axes.contains(i);
    reads.push_back(DimensionUse::of({space.add_loop(labels[i], shape[i], reduced)}));
    writes.push_back(reduced ? DimensionUse::of({}) : reads.back());
    if (reduced) shape[i] = 1;
  }
  Layer layer;
  layer.name = name;
  layer.kind = LayerKind::kPool;
  layer.function = function;
  Value result = new_value(name, shape);
  result.labels = labels;
  return add_layer(std::move(layer), space, {{input.view, reads}}, result, writes);
}

Value GraphBuilder::map(const std::string& name, Function function,
                        const std::vector<Value>& inputs) {
  if (inputs.empty()) throw UserError(name, ": no input; at least 1 is needed");
  check_operands(name, function, inputs.size());
  Shape shape = inputs[0].shape();
  for (const auto& input : inputs) shape = broadcast_shape(name, shape, input.shape());
  IterationSpace space;
  const auto labels = labels_of_widest(inputs, shape.size());
  const OperandUse use = add_walk(space, shape, labels);
  std::vector<Source> sources;
  for (const auto& input : inputs) sources.push_back({broadcast_to(input.view, shape), use});
  Layer layer;
  layer.name = name;
  layer.kind = LayerKind::kMap;
  layer.function = function;
  Value result = new_value(name, shape);
  result.labels = labels;
  return add_layer(std::move(layer), space, std::move(sources), result, use);
}

Value GraphBuilder::softmax(const std::string& name, const Value& input,
                            const std::set<int>& axes) {
  IterationSpace space;
  const OperandUse use = add_walk(space, input.shape(), labels_of(input));
  Layer layer;
  layer.name = name;
  layer.kind = LayerKind::kSoftmax;
  layer.passes = kSoftmaxPasses;
  Value result = new_value(name, input.shape());
  result.labels = input.labels;
  return add_layer(std::move(layer), space, {{input.view, use}}, result, use,
                   {axes.begin(), axes.end()});
}

Value GraphBuilder::normalise(const std::string& name, Function function, const Value& input,
                              const std::set<int>& axes) {
  IterationSpace space;
  const OperandUse use = add_walk(space, input.shape(), labels_of(input));
  Layer layer;
  layer.name = name;
  layer.kind = LayerKind::kNormalise;
  layer.function = function;
  layer.passes = axes.empty() ? 1 : kLayerNormPasses;
  Value result = new_value(name, input.shape());
  result.labels = input.labels;
  return add_layer(std::move(layer), space, {{input.view, use}}, result, use,
                   {axes.begin(), axes.end()});
}

Value GraphBuilder::local_response_norm(const std::string& name, const Value& input,
                                        std::int64_t size) {
  if (input.rank() != 4)
    throw UserError(name, ": the input has ", input.rank(), " dimensions; N, C, H, W is needed");
  if (size < 1) throw UserError(name, ": size is ", size, "; at least 1 is allowed");
  const auto shape = input.shape();
  IterationSpace space;
  const OperandUse writes = add_walk(space, shape, default_labels(4));
  const int tap = space.add_loop("R", size, true);
  OperandUse reads = writes;
  reads[1] = DimensionUse::sliding(writes[1].loops[0], tap, 1, 1, (size - 1) / 2);
  Layer layer;
  layer.name = name;
  layer.kind = LayerKind::kNormalise;
  layer.function = Function::kLrn;
  return add_layer(std::move(layer), space, {{input.view, reads}}, new_value(name, shape), writes,
                   {tap});
}

}  // namespace tessera::workloads
