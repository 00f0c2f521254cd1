// GraphBuilder: operators that only rearrange indices.
#include <algorithm>

#include "sim/base/error.h"
#include "sim/base/names.h"
#include "workloads/graph_builder.h"
#include "workloads/window.h"

namespace tessera::workloads {

bool GraphBuilder::can_be_laid_into(const Value& value) const {
  const TensorId id = value.view.tensor;
  return network_.tensors[id].kind == TensorKind::kIntermediate && placements_[id].whole < 0 &&
         is_identity(value.view, extents(id)) && !outputs_.contains(value.name);
}

Value GraphBuilder::concat(const std::string& name, const std::vector<Value>& inputs, int axis) {
  if (inputs.size() == 1) return inputs[0];
  auto shape = inputs.at(0).shape();
  shape[axis] = 0;
  for (const auto& input : inputs) {
    auto other = input.shape();
    const auto extent = other.size() == shape.size() ? other[axis] : 0;
    if (extent != 0) other[axis] = 0;
    const auto common = shape[axis];
    shape[axis] = 0;
    if (other != shape)
      throw UserError(name, ": inputs of shapes ", shape_text(inputs[0].shape()), " and ",
                      shape_text(input.shape()), " cannot be concatenated along dimension ", axis);
    shape[axis] = common + extent;
  }
  Value result = new_value(name, shape);
  std::int64_t offset = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const std::int64_t extent = inputs[i].view.extent(axis);
    const View part =
        can_be_laid_into(inputs[i])
            ? inputs[i].view
            : materialise(detail::concatenate(name, ".move", i), inputs[i].view, inputs[i].labels);
    placements_[part.tensor] = {result.view.tensor, axis, offset};
    offset += extent;
  }
  result.labels = inputs[0].labels;
  return result;
}

Value GraphBuilder::transpose(const Value& input, const std::vector<int>& order) {
  Value result{input.name, workloads::transpose(input.view, order), {}, -1};
  if (!input.labels.empty())
    for (const int dimension : order) result.labels.push_back(input.labels[dimension]);
  return result;
}

Value GraphBuilder::reshape(const std::string& name, const Value& input,
                            const std::vector<std::int64_t>& shape) {
  if (volume_of(shape) != input.view.elements())
    throw UserError(name, ": shape ", shape_text(input.shape()), " cannot be seen as ",
                    shape_text(shape));
  if (const auto view = workloads::reshape(input.view, shape))
    return {name, *view, shape == input.shape() ? input.labels : std::vector<std::string>{}, -1};
  const bool same_batch = !shape.empty() && input.rank() > 0 && shape[0] == input.view.extent(0);
  const View flat = materialise_flat(name + ".move", input.view, same_batch);
  return {name, *workloads::reshape(flat, shape), {}, -1};
}

Value GraphBuilder::slice(const std::string& name, const Value& input, int axis, std::int64_t begin,
                          std::int64_t count, std::int64_t step) {
  const std::int64_t extent = input.view.extent(axis);
  if (begin < 0 || count < 1 || step < 1 || begin + (count - 1) * step >= extent)
    throw UserError(name, ": slice of ", count, " elements from ", begin, " with step ", step,
                    " does not fit into the ", extent, " elements of dimension ", axis);
  if (const auto view = workloads::slice(input.view, axis, begin, count, step))
    return {name, *view, input.labels, -1};
  const View moved = materialise(name + ".move", input.view, input.labels);
  return {name, *workloads::slice(moved, axis, begin, count, step), input.labels, -1};
}

Value GraphBuilder::broadcast(const std::string& name, const Value& input,
                              const std::vector<std::int64_t>& shape) {
  const auto common = broadcast_shape(name, input.shape(), shape);
  return {name, broadcast_to(input.view, common), {}, -1};
}

Value GraphBuilder::repeat(const Value& input, int axis, std::int64_t factor) {
  return {input.name, workloads::repeat(input.view, axis, factor), input.labels, -1};
}

Value GraphBuilder::split_heads(const std::string& name, const Value& input, std::int64_t heads) {
  const auto shape = input.shape();
  if (shape.size() != 3 || heads < 1 || shape[2] % heads != 0)
    throw UserError(name, ": ", heads, " heads do not divide an input of shape ", shape_text(shape),
                    "; N, T, heads x D is needed");
  return transpose(reshape(name, input, {shape[0], shape[1], heads, shape[2] / heads}),
                   {0, 2, 1, 3});
}

}  // namespace tessera::workloads
