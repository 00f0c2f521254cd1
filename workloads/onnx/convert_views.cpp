// OnnxImporter: operators that rearrange indices, and those that only look at shapes.
#include <algorithm>
#include <cmath>
#include <limits>

#include "sim/base/error.h"
#include "workloads/onnx/importer.h"
#include "workloads/window.h"

namespace tessera::workloads {

namespace {

using Shape = std::vector<std::int64_t>;

/// Bounds of a slice as ONNX counts them: negative from the end, clamped to the extent.
std::int64_t clamped(std::int64_t index, std::int64_t extent) {
  return std::clamp<std::int64_t>(index < 0 ? index + extent : index, 0, extent);
}

}  // namespace

void OnnxImporter::pass_on(const OnnxNode& node) {
  if (node.outputs() > 1 && uses_[node.output(1)] > 0)
    throw UserError("its second output (the mask) is used; only the values are supported");
  const auto padding = paddings_.find(node.input(0));
  if (padding != paddings_.end()) {
    paddings_[node.output(0)] = padding->second;
    return;
  }
  define(node, value(node, 0));
}

void OnnxImporter::concat(const OnnxNode& node) {
  std::vector<Value> inputs;
  for (int i = 0; i < node.inputs(); ++i) inputs.push_back(value(node, i));
  if (inputs.empty()) throw UserError("has no inputs");
  const int axis = normal_axis(node, node.integer("axis", 1), inputs[0].rank());
  Value result = builder_->concat(layer_name(node), inputs, axis);
  if (inputs.size() > 1) result.producer = -1;
  define(node, result);
}

/// Sizes from the attribute (before operator set 13), the input, or in equal parts, the last one
/// smaller.
void OnnxImporter::split(const OnnxNode& node) {
  const Value input = value(node, 0);
  const int axis = normal_axis(node, node.integer("axis", 0), input.rank());
  const std::int64_t extent = input.shape()[axis];
  auto sizes = integers(node, 1, "split");
  if (!sizes) {
    const std::int64_t part = (extent + node.outputs() - 1) / node.outputs();
    sizes.emplace(static_cast<std::size_t>(node.outputs()), part);
    sizes->back() = extent - part * (node.outputs() - 1);
  }
  if (static_cast<int>(sizes->size()) != node.outputs())
    throw UserError("split has ", sizes->size(), " sizes for ", node.outputs(), " outputs");
  const std::string name = layer_name(node);
  std::int64_t begin = 0;
  for (int i = 0; i < node.outputs(); ++i) {
    const std::int64_t size = (*sizes)[static_cast<std::size_t>(i)];
    if (uses_[node.output(i)] > 0)
      define(node, builder_->slice(name, input, axis, begin, size, 1), i);
    begin += size;
  }
}

/// Bounds are attributes before operator set 10, inputs after.
void OnnxImporter::slice(const OnnxNode& node) {
  Value result = value(node, 0);
  const Shape shape = result.shape();
  const auto starts = required_integers(node, 1, "starts");
  const auto ends = required_integers(node, 2, "ends");
  Shape axes, steps(starts.size(), 1);
  for (std::size_t i = 0; i < starts.size(); ++i) axes.push_back(static_cast<std::int64_t>(i));
  axes = integers(node, 3, "axes").value_or(axes);
  steps = integers(node, 4, "steps").value_or(steps);
  if (ends.size() != starts.size() || axes.size() != starts.size() || steps.size() != starts.size())
    throw UserError("starts, ends, axes and steps have different lengths");
  const std::string name = layer_name(node);
  for (std::size_t i = 0; i < starts.size(); ++i) {
    const int axis = normal_axis(node, axes[i], static_cast<int>(shape.size()));
    if (steps[i] < 1) throw UserError("a step is ", steps[i], "; at least 1 is supported");
    const std::int64_t begin = clamped(starts[i], shape[axis]);
    const std::int64_t end = clamped(ends[i], shape[axis]);
    if (end <= begin)
      throw UserError("the slice of dimension ", axis, " from ", begin, " to ", end, " is empty");
    result = builder_->slice(name, result, axis, begin, (end - begin - 1) / steps[i] + 1, steps[i]);
  }
  define(node, result);
}

/// Constant indices in steps of one: a slice; a scalar index drops the dimension.
void OnnxImporter::gather(const OnnxNode& node) {
  const Value input = value(node, 0);
  const int axis = normal_axis(node, node.integer("axis", 0), input.rank());
  auto indices = required_integers(node, 1, "indices");
  for (auto& index : indices) index += index < 0 ? input.shape()[axis] : 0;
  for (std::size_t i = 1; i < indices.size(); ++i)
    if (indices[i] != indices[0] + static_cast<std::int64_t>(i))
      throw UserError("indices are not consecutive; only a range is supported");
  if (indices.empty()) throw UserError("indices are empty");
  const std::string name = layer_name(node);
  const Value part =
      builder_->slice(name, input, axis, indices[0], static_cast<std::int64_t>(indices.size()), 1);
  const Shape& index_shape = constant(node, 1)->shape;
  Shape shape = input.shape();
  shape.erase(shape.begin() + axis);
  shape.insert(shape.begin() + axis, index_shape.begin(), index_shape.end());
  define(node, builder_->reshape(name, part, shape));
}

/// Exporters bake the batch into shapes. When another batch is asked for, a leading extent that was
/// the file's batch follows it.
void OnnxImporter::use_batch(const Shape& source, Shape& target) const {
  if (batch_ == file_batch_ || target.empty() || source.empty() || source[0] != batch_) return;
  if (target[0] == file_batch_) target[0] = batch_;
}

void OnnxImporter::reshape(const OnnxNode& node) {
  const Value input = value(node, 0);
  Shape shape = required_integers(node, 1, "shape");
  use_batch(input.shape(), shape);
  resolve_shape(node.type(), input.shape(), shape);
  const bool batched = !input.shape().empty() && input.shape()[0] == batch_;
  if (batch_ != file_batch_ && batched && !shape.empty() && shape[0] % batch_ != 0)
    throw UserError("shape ", shape_text(shape), " has the file's batch of ", file_batch_,
                    " built in; run with that batch or export with an open one");
  define(node, builder_->reshape(layer_name(node), input, shape));
}

void OnnxImporter::flatten(const OnnxNode& node) {
  const Value input = value(node, 0);
  const Shape given = input.shape();
  const std::int64_t axis = node.integer("axis", 1);
  const int rank = input.rank();
  const int first = axis == rank ? rank : normal_axis(node, axis, rank);
  const Shape front(given.begin(), given.begin() + first), back(given.begin() + first, given.end());
  define(node, builder_->reshape(layer_name(node), input, {volume_of(front), volume_of(back)}));
}

void OnnxImporter::transpose(const OnnxNode& node) {
  const Value input = value(node, 0);
  std::vector<int> order;
  for (const auto dimension : node.integers("perm"))
    order.push_back(normal_axis(node, dimension, input.rank()));
  if (order.empty())
    for (int i = input.rank(); i-- > 0;) order.push_back(i);
  if (std::set<int>(order.begin(), order.end()).size() != static_cast<std::size_t>(input.rank()) ||
      order.size() != static_cast<std::size_t>(input.rank()))
    throw UserError("perm must list each of the ", input.rank(), " dimensions once");
  define(node, builder_->transpose(input, order));
}

void OnnxImporter::squeeze(const OnnxNode& node) {
  const Value input = value(node, 0);
  std::set<int> axes;
  if (const auto given = integers(node, 1, "axes"))
    for (const auto axis : *given) axes.insert(normal_axis(node, axis, input.rank()));
  Shape shape;
  for (int i = 0; i < input.rank(); ++i) {
    const std::int64_t extent = input.shape()[i];
    if (axes.contains(i) && extent != 1)
      throw UserError("dimension ", i, " has extent ", extent, "; only 1 can be squeezed");
    if (!(axes.empty() ? extent == 1 : axes.contains(i))) shape.push_back(extent);
  }
  define(node, builder_->reshape(layer_name(node), input, shape));
}

void OnnxImporter::unsqueeze(const OnnxNode& node) {
  const Value input = value(node, 0);
  const auto axes = required_integers(node, 1, "axes");
  std::set<int> places;
  for (const auto axis : axes)
    places.insert(normal_axis(node, axis, input.rank() + static_cast<int>(axes.size())));
  Shape shape = input.shape();
  for (const int place : places) shape.insert(shape.begin() + place, 1);
  define(node, builder_->reshape(layer_name(node), input, shape));
}

void OnnxImporter::expand(const OnnxNode& node) {
  const Value input = value(node, 0);
  Shape shape = required_integers(node, 1, "shape");
  use_batch(input.shape(), shape);
  define(node, builder_->broadcast(layer_name(node), input, shape));
}

/// Attributes (pads, value) before operator set 11, inputs after. Padding waits for the layer that
/// takes it.
void OnnxImporter::pad(const OnnxNode& node) {
  const Value input = value(node, 0);
  const std::string mode = node.text("mode", "constant");
  if (mode != "constant") throw UserError("mode is ", mode, "; only constant padding is supported");
  const auto pads = required_integers(node, 1, "pads");
  const auto rank = static_cast<std::size_t>(input.rank());
  if (pads.size() != 2 * rank || node.has_input(3))
    throw UserError("pads has ", pads.size(), " entries; ", 2 * rank, " and no axes are supported");
  const Padding padding{node.input(0),
                        {pads.begin(), pads.begin() + static_cast<long>(rank)},
                        {pads.begin() + static_cast<long>(rank), pads.end()}};
  if (std::ranges::all_of(pads, [](std::int64_t pad) { return pad == 0; }))
    return define(node, input);
  if (std::ranges::any_of(pads, [](std::int64_t pad) { return pad < 0; }))
    throw UserError("pads has a negative entry; at least 0 is supported");
  if (rank < 3 || padding.begin[0] + padding.end[0] + padding.begin[1] + padding.end[1] != 0)
    throw UserError("pads the batch or the channels; only spatial dimensions are supported");
  if (is_constant(node.input(0))) throw UserError("pads a constant; fold it before export");
  paddings_[node.output(0)] = padding;
}

/// Nearest neighbour by whole factors, from scales or sizes; scales are an attribute in operator
/// set 7 and 8, input 1 in 9 and 10, input 2 after.
void OnnxImporter::resize(const OnnxNode& node) {
  Value result = value(node, 0);
  const Shape shape = result.shape();
  const std::string mode = node.text("mode", "nearest");
  if (mode != "nearest") throw UserError("mode is ", mode, "; only nearest is supported");
  if (node.text("coordinate_transformation_mode", "half_pixel") == "align_corners")
    throw UserError("coordinate_transformation_mode align_corners is not supported");
  std::vector<double> scales = node.reals("scales");
  const int place = node.type() == "Upsample" || node.opset() < 11 ? 1 : 2;
  const Constant* given = constant(node, place);
  if (given != nullptr && given->values) scales = *given->values;
  if (scales.empty() && node.has_input(3)) {
    const auto sizes = required_integers(node, 3, "sizes");
    for (std::size_t i = 0; i < sizes.size() && i < shape.size(); ++i)
      scales.push_back(static_cast<double>(sizes[i]) / static_cast<double>(shape[i]));
    if (!scales.empty() && batch_ != file_batch_) scales[0] = 1;
  }
  if (scales.size() != shape.size())
    throw UserError("has ", scales.size(), " constant scales; ", shape.size(), " are needed");
  for (std::size_t i = 0; i < scales.size(); ++i) {
    if (scales[i] < 1 || scales[i] != std::trunc(scales[i]))
      throw UserError("the scale of dimension ", i, " is ", scales[i],
                      "; only whole factors of at least 1 are supported");
    result = builder_->repeat(result, static_cast<int>(i), std::llround(scales[i]));
  }
  if (volume_of(result.shape()) != volume_of(shape)) result.producer = -1;
  define(node, result);
}

void OnnxImporter::shape(const OnnxNode& node) {
  const auto padding = paddings_.find(node.input(0));
  const bool padded = padding != paddings_.end();
  Shape extents = padded ? values_.at(padding->second.source).shape() : value(node, 0).shape();
  for (std::size_t i = 0; padded && i < extents.size(); ++i)
    extents[i] += padding->second.begin[i] + padding->second.end[i];
  const auto size = static_cast<std::int64_t>(extents.size());
  const std::int64_t begin = clamped(node.integer("start", 0), size);
  const std::int64_t end = clamped(node.integer("end", size), size);
  std::vector<double> values(extents.begin() + begin, extents.begin() + std::max(begin, end));
  constants_[node.output(0)] = {{static_cast<std::int64_t>(values.size())}, std::move(values)};
}

}  // namespace tessera::workloads
