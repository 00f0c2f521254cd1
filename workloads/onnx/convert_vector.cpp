// OnnxImporter: pooling, element-wise functions and normalisations.
#include <algorithm>
#include <map>

#include "sim/base/error.h"
#include "workloads/onnx/importer.h"
#include "workloads/window.h"

namespace tessera::workloads {

namespace {

using Shape = std::vector<std::int64_t>;

Function function_of(const std::string& type) {
  static const std::map<std::string, Function> functions = {
      {"Relu", Function::kRelu},       {"LeakyRelu", Function::kLeakyRelu},
      {"PRelu", Function::kLeakyRelu}, {"Sigmoid", Function::kSigmoid},
      {"Tanh", Function::kTanh},       {"Gelu", Function::kGelu},
      {"Erf", Function::kErf},         {"HardSwish", Function::kHardSwish},
      {"Exp", Function::kExp},         {"Sqrt", Function::kSqrt},
      {"Add", Function::kAdd},         {"Sum", Function::kAdd},
      {"Sub", Function::kSubtract},    {"Mul", Function::kMultiply},
      {"Div", Function::kDivide},      {"Pow", Function::kPow}};
  return functions.at(type);
}

/// Parts of decomposed functions: they stay layers of their own, as exported.
bool is_fused(Function function) {
  return function != Function::kErf && function != Function::kExp && function != Function::kSqrt;
}

std::set<int> axes_from(int first, int rank) {
  std::set<int> axes;
  for (int axis = first; axis < rank; ++axis) axes.insert(axis);
  return axes;
}

}  // namespace

void OnnxImporter::max_pool(const OnnxNode& node) {
  if (node.outputs() > 1 && uses_[node.output(1)] > 0)
    throw UserError("its second output (indices) is used; only the values are supported");
  const auto padding = paddings_.find(node.input(0));
  const bool padded = padding != paddings_.end();
  const Value source = padded ? values_.at(padding->second.source) : value(node, 0);
  WindowSpec window = window_of(node, source.shape(), node.integers("kernel_shape"));
  const Value data = padded_input(node, window);
  define(node, builder_->pool(layer_name(node), Function::kMaxPool, data, window, false));
}

/// Zeros of a Pad in front count as elements of the average; zeros of its own padding only if it
/// says so.
void OnnxImporter::average_pool(const OnnxNode& node) {
  const auto padding = paddings_.find(node.input(0));
  const bool padded = padding != paddings_.end();
  const Value source = padded ? values_.at(padding->second.source) : value(node, 0);
  WindowSpec window = window_of(node, source.shape(), node.integers("kernel_shape"));
  bool count_padding = node.integer("count_include_pad", 0) != 0;
  const auto is_zero = [](std::int64_t pad) { return pad == 0; };
  const bool pads_itself = !std::ranges::all_of(window.pad_begin, is_zero) ||
                           !std::ranges::all_of(window.pad_end, is_zero);
  if (padded && pads_itself && !count_padding)
    throw UserError("reads a Pad and pads itself without counting it; merge the paddings");
  if (padded) count_padding = true;
  const Value data = padded_input(node, window);
  define(node,
         builder_->pool(layer_name(node), Function::kAveragePool, data, window, count_padding));
}

void OnnxImporter::global_pool(const OnnxNode& node) {
  const Value input = value(node, 0);
  const Function function =
      node.type() == "GlobalMaxPool" ? Function::kMaxPool : Function::kAveragePool;
  define(node, builder_->reduce(layer_name(node), function, input, axes_from(2, input.rank())));
}

void OnnxImporter::reduce(const OnnxNode& node) {
  const Value input = value(node, 0);
  std::set<int> axes;
  if (const auto given = integers(node, 1, "axes"))
    for (const auto axis : *given) axes.insert(normal_axis(node, axis, input.rank()));
  if (axes.empty()) axes = axes_from(0, input.rank());
  const Function function =
      node.type() == "ReduceMax" ? Function::kMaxPool : Function::kAveragePool;
  const std::string name = layer_name(node);
  const Value result = builder_->reduce(name, function, input, axes);
  if (node.integer("keepdims", 1) != 0) return define(node, result);
  Shape shape;
  for (int i = 0; i < input.rank(); ++i)
    if (!axes.contains(i)) shape.push_back(input.shape()[i]);
  define(node, builder_->reshape(name, result, shape));
}

void OnnxImporter::function(const OnnxNode& node) {
  const Function function = function_of(node.type());
  if (is_fused(function)) return activate(node, function);
  define(node, builder_->map(layer_name(node), function, {value(node, 0)}));
}

/// Bounds are attributes up to operator set 10, inputs after.
void OnnxImporter::clip(const OnnxNode& node) {
  const auto bound = [&](int index, const char* name) -> std::optional<double> {
    if (node.has(name)) return node.real(name, 0);
    const Constant* given = constant(node, index);
    if (given == nullptr || !given->values || given->values->empty()) return std::nullopt;
    return given->values->front();
  };
  const auto low = bound(1, "min"), high = bound(2, "max");
  const bool from_zero = low && *low == 0;
  constexpr double kOpenEnd = 1e30;
  if (from_zero && high && *high == 6) return activate(node, Function::kRelu6);
  if (from_zero && (!high || *high > kOpenEnd)) return activate(node, Function::kRelu);
  activate(node, Function::kClip);
}

/// A scalar or per-channel constant is a parameter, like a bias: it goes into the requantisation of
/// a matrix layer in front, or stays inside this layer; it is not modelled as traffic. Larger
/// constants are weights.
void OnnxImporter::arithmetic(const OnnxNode& node) {
  std::vector<Value> operands;
  Shape shape;
  for (int i = 0; i < node.inputs(); ++i) {
    const Constant* parameter = constant(node, i);
    if (parameter != nullptr) shape = broadcast_shape(node.type(), shape, parameter->shape);
    if (parameter != nullptr && parameter->is_parameter()) continue;
    operands.push_back(value(node, i));
    shape = broadcast_shape(node.type(), shape, operands.back().shape());
  }
  const bool parameters_only = operands.size() == 1 && node.inputs() > 1;
  const bool same_shape = !operands.empty() && operands[0].shape() == shape;
  const bool folds = parameters_only && same_shape && node.type() != "Pow" &&
                     builder_->is_plain_matrix_result(operands[0]);
  if (folds || (operands.size() == 1 && node.inputs() == 1)) return define(node, operands[0]);
  if (operands.empty()) throw UserError("all operands are constants; fold them before export");
  const std::string name = layer_name(node);
  if (!same_shape && operands.size() == 1)
    operands[0] = builder_->broadcast(name, operands[0], shape);
  define(node, builder_->map(name, function_of(node.type()), operands));
}

/// Before operator set 13 all dimensions from the axis on are normalised together.
void OnnxImporter::softmax(const OnnxNode& node) {
  const Value input = value(node, 0);
  const bool flattens = node.opset() < 13;
  const int axis = normal_axis(node, node.integer("axis", flattens ? 1 : -1), input.rank());
  const std::set<int> axes = flattens ? axes_from(axis, input.rank()) : std::set<int>{axis};
  define(node, builder_->softmax(layer_name(node), input, axes));
}

void OnnxImporter::batch_normalisation(const OnnxNode& node) {
  const Value input = value(node, 0);
  if (builder_->is_plain_matrix_result(input)) return define(node, input);
  define(node, builder_->normalise(layer_name(node), Function::kBatchNorm, input, {}));
}

void OnnxImporter::layer_normalisation(const OnnxNode& node) {
  const Value input = value(node, 0);
  const int first = normal_axis(node, node.integer("axis", -1), input.rank());
  define(node, builder_->normalise(layer_name(node), Function::kLayerNorm, input,
                                   axes_from(first, input.rank())));
}

void OnnxImporter::instance_normalisation(const OnnxNode& node) {
  const Value input = value(node, 0);
  define(node, builder_->normalise(layer_name(node), Function::kLayerNorm, input,
                                   axes_from(2, input.rank())));
}

void OnnxImporter::group_normalisation(const OnnxNode& node) {
  const Value input = value(node, 0);
  const Shape shape = input.shape();
  const std::int64_t groups = node.integer("num_groups", 1);
  if (shape.size() < 2 || groups < 1 || shape[1] % groups != 0)
    throw UserError("num_groups is ", groups, "; it must divide the channels of ",
                    shape_text(shape));
  Shape split{shape[0], groups, shape[1] / groups};
  split.insert(split.end(), shape.begin() + 2, shape.end());
  const std::string name = layer_name(node);
  const Value grouped = builder_->reshape(name, input, split);
  const Value result = builder_->normalise(name, Function::kLayerNorm, grouped,
                                           axes_from(2, static_cast<int>(split.size())));
  define(node, builder_->reshape(name, result, shape));
}

void OnnxImporter::local_response_norm(const OnnxNode& node) {
  define(node,
         builder_->local_response_norm(layer_name(node), value(node, 0), node.integer("size", 0)));
}

}  // namespace tessera::workloads
