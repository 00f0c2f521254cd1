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

/// The longest concatenation whose inputs are those from `first` on and that can stand for them.
const GraphBuilder::Concatenation* GraphBuilder::known_run(const std::vector<Value>& inputs,
                                                           std::size_t first, int axis) const {
  const Concatenation* longest = nullptr;
  for (const auto& known : concatenations_) {
    const std::size_t size = known.inputs.size();
    if (known.axis != axis || size > inputs.size() - first) continue;
    if (longest != nullptr && size <= longest->inputs.size()) continue;
    const auto begin = inputs.begin() + static_cast<long>(first);
    const bool same =
        std::equal(known.inputs.begin(), known.inputs.end(), begin,
                   [](const View& view, const Value& value) { return view == value.view; });
    if (same && (size == inputs.size() || can_be_laid_into(known.whole))) longest = &known;
  }
  return longest;
}

std::vector<Value> GraphBuilder::with_known_runs(const std::vector<Value>& inputs, int axis) const {
  std::vector<Value> result;
  for (std::size_t i = 0; i < inputs.size();) {
    const Concatenation* known = known_run(inputs, i, axis);
    result.push_back(known != nullptr ? known->whole : inputs[i]);
    i += known != nullptr ? known->inputs.size() : 1;
  }
  return result;
}

namespace {

/// Shape of the concatenation; UserError naming the layer when the inputs do not fit together.
std::vector<std::int64_t> joined_shape(const std::string& name, const std::vector<Value>& inputs,
                                       int axis) {
  auto shape = inputs.at(0).shape();
  for (std::size_t i = 1; i < inputs.size(); ++i) {
    auto other = inputs[i].shape();
    const bool same_rank = other.size() == shape.size();
    const std::int64_t extent = same_rank ? other[axis] : 0;
    if (same_rank) other[axis] = shape[axis];
    if (other != shape)
      throw UserError(name, ": inputs of shapes ", shape_text(inputs[0].shape()), " and ",
                      shape_text(inputs[i].shape()), " cannot be concatenated along dimension ",
                      axis);
    shape[axis] += extent;
  }
  return shape;
}

}  // namespace

Value GraphBuilder::concat(const std::string& name, const std::vector<Value>& inputs, int axis) {
  const auto shape = joined_shape(name, inputs, axis);
  const auto parts = with_known_runs(inputs, axis);
  if (parts.size() == 1) return parts[0];
  Value whole = new_value(name, shape);
  std::int64_t offset = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const View part =
        can_be_laid_into(parts[i])
            ? parts[i].view
            : materialise(detail::concatenate(name, ".move", i), parts[i].view, parts[i].labels);
    placements_[part.tensor] = {whole.view.tensor, axis, offset};
    offset += parts[i].view.extent(axis);
  }
  whole.labels = inputs[0].labels;
  Concatenation record{axis, {}, whole};
  for (const auto& input : inputs) record.inputs.push_back(input.view);
  concatenations_.push_back(std::move(record));
  return whole;
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
