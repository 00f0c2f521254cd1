// GraphBuilder: layers of multiply-accumulates.
#include "sim/base/error.h"
#include "sim/base/names.h"
#include "workloads/graph_builder.h"
#include "workloads/window.h"

namespace tessera::workloads {

namespace {

void check_groups(const std::string& name, std::int64_t groups, std::int64_t channels,
                  const std::vector<std::int64_t>& weight) {
  if (groups < 1 || channels % groups != 0 || weight[0] % groups != 0)
    throw UserError(name, ": groups is ", groups, "; it must divide ", channels, " input and ",
                    weight[0], " output channels");
  if (weight[1] != channels / groups)
    throw UserError(name, ": the weight has ", weight[1], " channels per group; the input has ",
                    channels / groups);
}

std::vector<std::string> batch_names(std::size_t count) {
  switch (count) {
    case 0:
      return {};
    case 1:
      return {"N"};
    case 2:
      return {"N", "H"};
    case 3:
      return {"N", "B", "H"};
    default:
      break;
  }
  std::vector<std::string> names{"N"};
  for (std::size_t i = 1; i < count; ++i) names.push_back(detail::concatenate("B", i));
  return names;
}

using Shape = std::vector<std::int64_t>;

/// Shape of the leading dimensions of a matrix product, by NumPy's broadcasting rule.
Shape broadcast_batch(const std::string& name, Shape a, Shape b) {
  a.resize(a.size() - 2);
  b.resize(b.size() - 2);
  return broadcast_shape(name, a, b);
}

View with_batch(const View& view, const Shape& batch) {
  Shape shape = batch;
  shape.push_back(view.extent(view.rank() - 2));
  shape.push_back(view.extent(view.rank() - 1));
  return broadcast_to(view, shape);
}

}  // namespace

Value GraphBuilder::convolution(const std::string& name, const Value& input, const Value& weight,
                                const WindowSpec& window, std::int64_t groups) {
  check_window(name, input.shape(), window);
  const Shape in = input.shape(), filter = weight.shape();
  if (filter.size() != in.size())
    throw UserError(name, ": the weight has ", filter.size(), " dimensions; the input has ",
                    in.size());
  check_groups(name, groups, in[1], filter);
  const Shape out = output_extents(name, {in.begin() + 2, in.end()}, window);

  IterationSpace space;
  const int n = space.add_loop("N", in[0]);
  std::vector<int> g;
  if (groups > 1) g.push_back(space.add_loop("G", groups));
  const int k = space.add_loop("K", filter[0] / groups);
  const int c = space.add_loop("C", filter[1], true);
  const auto in_group = [&](int loop) {
    auto loops = g;
    loops.push_back(loop);
    return DimensionUse::of(loops);
  };
  OperandUse reads{DimensionUse::of({n}), in_group(c)};
  OperandUse filters{in_group(k), DimensionUse::of({c})};
  OperandUse writes{DimensionUse::of({n}), in_group(k)};
  add_window_loops(space, out, window, reads, filters, writes);

  Shape shape{in[0], filter[0]};
  shape.insert(shape.end(), out.begin(), out.end());
  Layer layer;
  layer.name = name;
  Value result = new_value(name, shape);
  if (result.rank() == 3) result.labels = {"N", "C", "P"};
  return add_layer(std::move(layer), space, {{input.view, reads}, {weight.view, filters}}, result,
                   writes);
}

Value GraphBuilder::fully_connected(const std::string& name, const Value& input,
                                    std::int64_t outputs) {
  const Shape in = input.shape();
  if (in.size() < 2)
    throw UserError(name, ": the input has ", in.size(), " dimensions; at least 2 are needed");
  Shape flat{outputs};
  flat.insert(flat.end(), in.begin() + 1, in.end());
  const Value filter = weight(name + ".weights", flat);

  static constexpr const char* kNames[] = {"C", "R", "S"};
  IterationSpace space;
  const int n = space.add_loop("N", in[0]);
  const int k = space.add_loop("K", outputs);
  OperandUse reads{DimensionUse::of({n})}, filters{DimensionUse::of({k})};
  for (std::size_t i = 1; i < in.size(); ++i) {
    const std::string rank = in.size() <= 4 ? kNames[i - 1] : detail::concatenate("C", i - 1);
    const auto use = DimensionUse::of({space.add_loop(rank, in[i], true)});
    reads.push_back(use);
    filters.push_back(use);
  }
  Layer layer;
  layer.name = name;
  return add_layer(std::move(layer), space, {{input.view, reads}, {filter.view, filters}},
                   new_value(name, {in[0], outputs}),
                   {DimensionUse::of({n}), DimensionUse::of({k})});
}

void GraphBuilder::check_product(const std::string& name, const Value& a, const Value& b) const {
  if (a.rank() < 2 || b.rank() < 2)
    throw UserError(name, ": operands have ", a.rank(), " and ", b.rank(),
                    " dimensions; at least 2 are needed");
  const std::int64_t columns = a.view.extent(a.rank() - 1), rows = b.view.extent(b.rank() - 2);
  if (columns != rows)
    throw UserError(name, ": the operands' inner extents are ", columns, " and ", rows,
                    "; they must agree");
}

/// The logical result of a product: heads lie next to each other in storage when they are merged.
Value GraphBuilder::product_result(const std::string& name, const Shape& shape, bool merge_heads) {
  if (!merge_heads) return new_value(name, shape);
  if (shape.size() != 4)
    throw UserError(name, ": merge_heads needs operands N, heads, M, C; there are ", shape.size(),
                    " dimensions");
  const Value stored = new_value(name, {shape[0], shape[2], shape[1] * shape[3]});
  return split_heads(name, stored, shape[1]);
}

Value GraphBuilder::matrix_product(const std::string& name, const Value& a, const Value& b,
                                   bool merge_heads) {
  check_product(name, a, b);
  Shape shape = broadcast_batch(name, a.shape(), b.shape());
  const Shape batch = shape;
  shape.insert(shape.end(), {a.view.extent(a.rank() - 2), b.view.extent(b.rank() - 1)});
  const bool by_weight = network_.tensors[b.view.tensor].kind == TensorKind::kWeight;
  const bool rows_are_batch = batch.empty() && by_weight;

  std::vector<std::string> labels = batch_names(batch.size());
  labels.insert(labels.end(), {rows_are_batch ? "N" : "M", "K"});
  IterationSpace space;
  std::vector<int> loops;
  for (std::size_t i = 0; i < shape.size(); ++i)
    loops.push_back(space.add_loop(labels[i], shape[i]));
  const int c = space.add_loop("C", a.view.extent(a.rank() - 1), true, {"C", "R", "S"});
  const int m = loops[batch.size()], k = loops[batch.size() + 1];
  const auto use = [&](int row, int column) {
    OperandUse result;
    for (std::size_t i = 0; i < batch.size(); ++i) result.push_back(DimensionUse::of({loops[i]}));
    result.push_back(DimensionUse::of({row}));
    result.push_back(DimensionUse::of({column}));
    return result;
  };

  Value result = product_result(name, shape, merge_heads);
  if (!rows_are_batch) result.labels = labels;
  Layer layer;
  layer.name = name;
  return add_layer(std::move(layer), space,
                   {{with_batch(a.view, batch), use(m, c)}, {with_batch(b.view, batch), use(c, k)}},
                   result, use(m, k));
}

}  // namespace tessera::workloads
