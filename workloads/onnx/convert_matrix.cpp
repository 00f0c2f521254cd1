// OnnxImporter: convolution and matrix products, and the windows they share with pooling.
#include <algorithm>
#include <numeric>

#include "sim/base/error.h"
#include "workloads/onnx/importer.h"
#include "workloads/window.h"

namespace tessera::workloads {

namespace {

using Shape = std::vector<std::int64_t>;

Shape spatial_of(const Shape& shape) {
  if (shape.size() < 3)
    throw UserError("the input has shape ", shape_text(shape),
                    "; N, C and spatial dimensions are needed");
  return {shape.begin() + 2, shape.end()};
}

Shape or_default(Shape given, std::size_t count, std::int64_t otherwise) {
  return given.empty() ? Shape(count, otherwise) : given;
}

}  // namespace

/// SAME pads so that the output is the input divided by the stride, rounded up; VALID does not pad.
void OnnxImporter::resolve_auto_pad(const OnnxNode& node, const Shape& input,
                                    WindowSpec& window) const {
  const std::string mode = node.text("auto_pad", "NOTSET");
  if (mode == "NOTSET" || mode == "VALID") return;
  if (mode != "SAME_UPPER" && mode != "SAME_LOWER")
    throw UserError("auto_pad is ", mode, "; NOTSET, VALID, SAME_UPPER or SAME_LOWER is allowed");
  for (std::size_t i = 0; i < input.size(); ++i) {
    const std::int64_t output = (input[i] + window.stride[i] - 1) / window.stride[i];
    const std::int64_t span = window.dilation[i] * (window.kernel[i] - 1) + 1;
    const std::int64_t total =
        std::max<std::int64_t>(0, (output - 1) * window.stride[i] + span - input[i]);
    window.pad_begin[i] = mode == "SAME_UPPER" ? total / 2 : (total + 1) / 2;
    window.pad_end[i] = total - window.pad_begin[i];
  }
}

WindowSpec OnnxImporter::window_of(const OnnxNode& node, const Shape& input,
                                   const Shape& kernel) const {
  const Shape spatial = spatial_of(input);
  WindowSpec window;
  window.kernel = kernel;
  window.stride = or_default(node.integers("strides"), spatial.size(), 1);
  window.dilation = or_default(node.integers("dilations"), spatial.size(), 1);
  window.ceil_mode = node.integer("ceil_mode", 0) != 0;
  Shape pads = or_default(node.integers("pads"), 2 * spatial.size(), 0);
  if (pads.size() != 2 * spatial.size())
    throw UserError("pads has ", pads.size(), " entries; ", 2 * spatial.size(), " are needed");
  window.pad_begin.assign(pads.begin(), pads.begin() + static_cast<long>(spatial.size()));
  window.pad_end.assign(pads.begin() + static_cast<long>(spatial.size()), pads.end());
  check_window(node.type(), input, window);
  resolve_auto_pad(node, spatial, window);
  return window;
}

Value OnnxImporter::padded_input(const OnnxNode& node, WindowSpec& window) {
  const auto found = paddings_.find(node.input(0));
  if (found == paddings_.end()) return value(node, 0);
  const Padding& padding = found->second;
  for (std::size_t i = 0; i < window.kernel.size(); ++i) {
    window.pad_begin[i] += padding.begin[i + 2];
    window.pad_end[i] += padding.end[i + 2];
  }
  Value source = values_.at(padding.source);
  source.producer = -1;
  return source;
}

void OnnxImporter::convolution(const OnnxNode& node) {
  const Value weight = value(node, 1);
  const Shape filter = weight.shape();
  const Shape kernel(filter.begin() + std::min<long>(2, static_cast<long>(filter.size())),
                     filter.end());
  const auto padding = paddings_.find(node.input(0));
  const std::string& source = padding != paddings_.end() ? padding->second.source : node.input(0);
  const Shape input =
      values_.contains(source) ? values_.at(source).shape() : value(node, 0).shape();
  WindowSpec window = window_of(node, input, kernel);
  const Value data = padded_input(node, window);
  define(node,
         builder_->convolution(layer_name(node), data, weight, window, node.integer("group", 1)));
}

void OnnxImporter::gemm(const OnnxNode& node) {
  Value a = value(node, 0), b = value(node, 1);
  if (a.rank() != 2 || b.rank() != 2)
    throw UserError("operands have ", a.rank(), " and ", b.rank(), " dimensions; 2 are needed");
  if (node.integer("transA", 0) != 0) a = builder_->transpose(a, {1, 0});
  if (node.integer("transB", 0) != 0) b = builder_->transpose(b, {1, 0});
  const std::string name = layer_name(node);
  Value result = builder_->matrix_product(name, a, b);
  if (node.has_input(2) && !is_constant(node.input(2)))
    result = builder_->map(name + ".add", Function::kAdd, {result, value(node, 2)});
  define(node, result);
}

/// NumPy's rule for vectors: a one is put in front of the first or behind the second and taken away
/// again.
Value OnnxImporter::product(const std::string& name, Value a, Value b) {
  if (a.rank() == 1) a = builder_->reshape(name, a, {1, a.shape()[0]});
  if (b.rank() == 1) b = builder_->reshape(name, b, {b.shape()[0], 1});
  return builder_->matrix_product(name, a, b);
}

void OnnxImporter::matrix_product(const OnnxNode& node) {
  const Value a = value(node, 0), b = value(node, 1);
  const std::string name = layer_name(node);
  Value result = product(name, a, b);
  if (a.rank() > 1 && b.rank() > 1) return define(node, result);
  Shape shape = result.shape();
  if (b.rank() == 1) shape.pop_back();
  if (a.rank() == 1) shape.erase(shape.end() - (b.rank() == 1 ? 1 : 2));
  define(node, builder_->reshape(name, result, shape));
}

}  // namespace tessera::workloads
