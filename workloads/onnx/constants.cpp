#include "workloads/onnx/constants.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <map>

#include "sim/base/error.h"
#include "workloads/window.h"

namespace tessera::workloads {

namespace {

using Shape = std::vector<std::int64_t>;
using Inputs = std::vector<const Constant*>;

/// Values are worth keeping up to this many; longer constants are data, not shapes.
constexpr std::int64_t kMostValues = 512;

template <typename T>
std::vector<double> unpack(const std::string& bytes) {
  std::vector<double> values;
  for (std::size_t i = 0; i + sizeof(T) <= bytes.size(); i += sizeof(T)) {
    T value;
    std::memcpy(&value, bytes.data() + i, sizeof(T));
    values.push_back(static_cast<double>(value));
  }
  return values;
}

/// Payload of a tensor whatever field it is in; empty for types that no shape comes in.
std::vector<double> payload(const onnx::TensorProto& tensor) {
  const std::string& raw = tensor.raw_data();
  switch (tensor.data_type()) {
    case onnx::TensorProto::INT64:
      if (!raw.empty()) return unpack<std::int64_t>(raw);
      return {tensor.int64_data().begin(), tensor.int64_data().end()};
    case onnx::TensorProto::INT32:
      if (!raw.empty()) return unpack<std::int32_t>(raw);
      return {tensor.int32_data().begin(), tensor.int32_data().end()};
    case onnx::TensorProto::BOOL:
      if (!raw.empty()) return unpack<std::uint8_t>(raw);
      return {tensor.int32_data().begin(), tensor.int32_data().end()};
    case onnx::TensorProto::FLOAT:
      if (!raw.empty()) return unpack<float>(raw);
      return {tensor.float_data().begin(), tensor.float_data().end()};
    case onnx::TensorProto::DOUBLE:
      if (!raw.empty()) return unpack<double>(raw);
      return {tensor.double_data().begin(), tensor.double_data().end()};
    default:
      return {};
  }
}

Constant with_values(Shape shape, std::vector<double> values) {
  return {std::move(shape), std::move(values)};
}

Constant vector_of(std::vector<double> values) {
  return with_values({static_cast<std::int64_t>(values.size())}, std::move(values));
}

/// Element of a broadcast operand for the result's element at `position`.
double broadcast_element(const Constant& operand, const Shape& shape, std::int64_t position) {
  std::int64_t offset = 0, stride = 1;
  for (std::size_t i = shape.size(), j = operand.shape.size(); i-- > 0;) {
    const std::int64_t index = position % shape[i];
    position /= shape[i];
    if (j == 0) continue;
    --j;
    if (operand.shape[j] != 1) offset += index * stride;
    stride *= operand.shape[j];
  }
  return (*operand.values)[static_cast<std::size_t>(offset)];
}

using ElementFunction = std::function<double(const std::vector<double>&)>;

Constant elementwise(const OnnxNode& node, const Inputs& inputs, const ElementFunction& function) {
  Shape shape;
  bool known = true;
  for (const auto* input : inputs) {
    shape = broadcast_shape(node.description(), shape, input->shape);
    known = known && input->values.has_value();
  }
  if (!known || volume_of(shape) > kMostValues) return {shape, std::nullopt};
  std::vector<double> values;
  for (std::int64_t i = 0; i < volume_of(shape); ++i) {
    std::vector<double> operands;
    for (const auto* input : inputs) operands.push_back(broadcast_element(*input, shape, i));
    values.push_back(function(operands));
  }
  return with_values(shape, std::move(values));
}

std::vector<std::int64_t> axes_of(const OnnxNode& node, const Inputs& inputs) {
  if (inputs.size() > 1)
    if (const auto axes = inputs[1]->integers()) return *axes;
  return node.integers("axes");
}

Constant unsqueeze(const OnnxNode& node, const Inputs& inputs) {
  Shape shape = inputs[0]->shape;
  const auto axes = axes_of(node, inputs);
  const int rank = static_cast<int>(shape.size() + axes.size());
  std::vector<int> places;
  for (const auto axis : axes) places.push_back(normal_axis(node, axis, rank));
  std::ranges::sort(places);
  for (const int place : places) shape.insert(shape.begin() + place, 1);
  return {shape, inputs[0]->values};
}

Constant squeeze(const OnnxNode& node, const Inputs& inputs) {
  const Shape& given = inputs[0]->shape;
  std::vector<bool> removed(given.size(), false);
  const auto axes = axes_of(node, inputs);
  for (const auto axis : axes)
    removed[normal_axis(node, axis, static_cast<int>(given.size()))] = true;
  Shape shape;
  for (std::size_t i = 0; i < given.size(); ++i)
    if (!(axes.empty() ? given[i] == 1 : removed[i])) shape.push_back(given[i]);
  return {shape, inputs[0]->values};
}

/// Along the first dimension of a vector, which is how shapes are taken apart.
std::optional<Constant> gather(const OnnxNode& node, const Inputs& inputs) {
  const auto indices = inputs[1]->integers();
  if (!inputs[0]->values || !indices || inputs[0]->shape.size() != 1) return std::nullopt;
  std::vector<double> values;
  for (const auto index : *indices) {
    const int place = normal_axis(node, index, static_cast<int>(inputs[0]->values->size()));
    values.push_back((*inputs[0]->values)[static_cast<std::size_t>(place)]);
  }
  return with_values(inputs[1]->shape, std::move(values));
}

std::optional<Constant> concat(const Inputs& inputs) {
  std::vector<double> values;
  for (const auto* input : inputs) {
    if (!input->values || input->shape.size() != 1) return std::nullopt;
    values.insert(values.end(), input->values->begin(), input->values->end());
  }
  return vector_of(std::move(values));
}

/// Of a vector, with the bounds as inputs (opset 10) or attributes.
std::optional<Constant> slice(const OnnxNode& node, const Inputs& inputs) {
  if (!inputs[0]->values || inputs[0]->shape.size() != 1) return std::nullopt;
  const auto bound = [&](std::size_t input, const char* name, std::int64_t otherwise) {
    if (inputs.size() > input)
      if (const auto values = inputs[input]->integers(); values && !values->empty())
        return values->front();
    const auto attribute = node.integers(name);
    return attribute.empty() ? otherwise : attribute.front();
  };
  const auto size = static_cast<std::int64_t>(inputs[0]->values->size());
  const auto clamp = [&](std::int64_t index) {
    return std::clamp<std::int64_t>(index < 0 ? index + size : index, 0, size);
  };
  const std::int64_t step = bound(4, "steps", 1);
  if (step < 1) return std::nullopt;
  std::vector<double> values;
  for (std::int64_t i = clamp(bound(1, "starts", 0)); i < clamp(bound(2, "ends", size)); i += step)
    values.push_back((*inputs[0]->values)[static_cast<std::size_t>(i)]);
  return vector_of(std::move(values));
}

std::optional<Constant> constant_of_shape(const OnnxNode& node, const Inputs& inputs) {
  const auto shape = inputs[0]->integers();
  if (!shape) return std::nullopt;
  const auto* value = node.attribute("value");
  const auto fill = value != nullptr ? payload(value->t()) : std::vector<double>{};
  Constant result{*shape, std::nullopt};
  if (result.elements() <= kMostValues)
    result.values.emplace(static_cast<std::size_t>(result.elements()),
                          fill.empty() ? 0.0 : fill[0]);
  return result;
}

std::optional<Constant> reshape(const OnnxNode& node, const Inputs& inputs) {
  auto shape = inputs[1]->integers();
  if (!shape) return std::nullopt;
  resolve_shape(node.description(), inputs[0]->shape, *shape);
  return Constant{*shape, inputs[0]->values};
}

/// Keeps integers integers, as ONNX's integer division does.
double divide(double a, double b) {
  const double quotient = a / b;
  const bool integral = a == std::trunc(a) && b == std::trunc(b);
  return integral ? std::trunc(quotient) : quotient;
}

const std::map<std::string, ElementFunction>& element_functions() {
  using Operands = std::vector<double>;
  static const std::map<std::string, ElementFunction> functions = {
      {"Identity", [](const Operands& x) { return x[0]; }},
      {"Add", [](const Operands& x) { return x[0] + x[1]; }},
      {"Sub", [](const Operands& x) { return x[0] - x[1]; }},
      {"Mul", [](const Operands& x) { return x[0] * x[1]; }},
      {"Div", [](const Operands& x) { return divide(x[0], x[1]); }},
      {"Pow", [](const Operands& x) { return std::pow(x[0], x[1]); }},
      {"Neg", [](const Operands& x) { return -x[0]; }},
      {"Sqrt", [](const Operands& x) { return std::sqrt(x[0]); }},
      {"Exp", [](const Operands& x) { return std::exp(x[0]); }},
      {"Floor", [](const Operands& x) { return std::floor(x[0]); }},
      {"Ceil", [](const Operands& x) { return std::ceil(x[0]); }},
      {"Equal", [](const Operands& x) { return x[0] == x[1] ? 1.0 : 0.0; }},
      {"Where", [](const Operands& x) { return x[0] != 0.0 ? x[1] : x[2]; }},
      {"Max", [](const Operands& x) { return std::ranges::max(x); }},
      {"Min", [](const Operands& x) { return std::ranges::min(x); }},
  };
  return functions;
}

Constant cast(const OnnxNode& node, const Inputs& inputs) {
  const auto to = node.integer("to", onnx::TensorProto::FLOAT);
  const bool integral = to == onnx::TensorProto::INT64 || to == onnx::TensorProto::INT32;
  return elementwise(node, inputs, [integral](const std::vector<double>& x) {
    return integral ? std::trunc(x[0]) : x[0];
  });
}

}  // namespace

std::int64_t Constant::elements() const { return volume_of(shape); }

bool Constant::is_parameter() const {
  return std::ranges::count_if(shape, [](std::int64_t extent) { return extent > 1; }) <= 1;
}

std::optional<std::vector<std::int64_t>> Constant::integers() const {
  if (!values) return std::nullopt;
  std::vector<std::int64_t> result;
  for (const double value : *values) result.push_back(std::llround(value));
  return result;
}

Constant constant_of(const onnx::TensorProto& tensor) {
  Constant constant{{tensor.dims().begin(), tensor.dims().end()}, std::nullopt};
  if (constant.elements() > kMostValues) return constant;
  auto values = payload(tensor);
  if (static_cast<std::int64_t>(values.size()) == constant.elements())
    constant.values = std::move(values);
  return constant;
}

Constant constant_of_node(const OnnxNode& node) {
  if (const auto* tensor = node.attribute("value")) return constant_of(tensor->t());
  if (const auto* integer = node.attribute("value_int"))
    return with_values({}, {static_cast<double>(integer->i())});
  if (const auto* real = node.attribute("value_float")) return with_values({}, {real->f()});
  if (node.has("value_floats")) return vector_of(node.reals("value_floats"));
  if (node.has("value_ints")) {
    const auto integers = node.integers("value_ints");
    return vector_of({integers.begin(), integers.end()});
  }
  throw UserError(node.description(), ": has no value; a tensor or numbers are allowed");
}

std::optional<Constant> fold(const OnnxNode& node, const Inputs& inputs) {
  const std::string& type = node.type();
  if (type == "Constant") return constant_of_node(node);
  if (inputs.empty()) return std::nullopt;
  if (type == "ConstantOfShape") return constant_of_shape(node, inputs);
  if (type == "Unsqueeze") return unsqueeze(node, inputs);
  if (type == "Squeeze") return squeeze(node, inputs);
  if (type == "Cast") return cast(node, inputs);
  if (type == "Concat") return concat(inputs);
  if (type == "Slice") return slice(node, inputs);
  if (inputs.size() == 2 && type == "Gather") return gather(node, inputs);
  if (inputs.size() == 2 && type == "Reshape") return reshape(node, inputs);
  const auto function = element_functions().find(type);
  if (function == element_functions().end()) return std::nullopt;
  return elementwise(node, inputs, function->second);
}

}  // namespace tessera::workloads
