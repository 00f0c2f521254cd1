#include "tests/support/plain_network.h"

#include "sim/base/error.h"

namespace tessera::test {

using workloads::AffineTerm;
using workloads::DimensionAccess;
using workloads::Function;
using workloads::Layer;
using workloads::LayerKind;
using workloads::Operand;
using workloads::OperandRole;
using workloads::TensorId;
using workloads::TensorKind;

namespace {

/// The ranks of a layer under construction, by position.
class RankList {
 public:
  explicit RankList(Layer& layer) : layer_(layer) {}

  int add(const std::string& name, std::int64_t extent, bool reduced = false) {
    layer_.ranks.push_back({name, extent, reduced});
    return static_cast<int>(layer_.ranks.size()) - 1;
  }

 private:
  Layer& layer_;
};

DimensionAccess access(std::vector<AffineTerm> terms, std::int64_t size, std::int64_t offset = 0) {
  return {std::move(terms), offset, 0, size};
}

/// Row or column that a window reads: stride x output + dilation x tap - padding.
DimensionAccess window_access(const Window& window, int axis, int output_rank, int tap_rank,
                              std::int64_t size) {
  return access({{output_rank, window.stride[axis]}, {tap_rank, window.dilation[axis]}}, size,
                -window.pad_begin[axis]);
}

}  // namespace

PlainNetwork::PlainNetwork(const std::string& name, std::int64_t batch) {
  network_.name = name;
  network_.batch = batch;
}

TensorId PlainNetwork::tensor(const std::string& name, TensorKind kind,
                              const std::vector<std::int64_t>& extents) {
  network_.tensors.push_back({name, kind, extents});
  return static_cast<TensorId>(network_.tensors.size()) - 1;
}

TensorId PlainNetwork::append(Layer layer, const std::vector<std::int64_t>& extents) {
  layer.name += std::to_string(network_.layers.size());
  const TensorId output = tensor(layer.name + ".O", TensorKind::kIntermediate, extents);
  layer.output.tensor = output;
  layer.output.role = OperandRole::kOutput;
  network_.layers.push_back(std::move(layer));
  return output;
}

TensorId PlainNetwork::input(const std::vector<std::int64_t>& extents) {
  return tensor(detail::concatenate("input", network_.tensors.size()), TensorKind::kInput, extents);
}

TensorId PlainNetwork::convolution(TensorId input, std::int64_t filters, const Window& window,
                                   std::int64_t groups) {
  const auto shape = extents(input);
  const std::int64_t channels = shape[1] / groups;
  const std::int64_t per_group = filters / groups;
  const std::int64_t rows = window.outputs(0, shape[2]);
  const std::int64_t columns = window.outputs(1, shape[3]);
  const TensorId weight =
      tensor(detail::concatenate("weight", network_.layers.size()), TensorKind::kWeight,
             {filters, channels, window.kernel[0], window.kernel[1]});
  Layer layer;
  layer.name = "convolution";
  RankList ranks(layer);
  const int n = ranks.add("N", shape[0]);
  const int g = groups > 1 ? ranks.add("G", groups) : -1;
  const int k = ranks.add("K", per_group);
  const int c = ranks.add("C", channels, true);
  const int p = ranks.add("P", rows);
  const int q = ranks.add("Q", columns);
  const int r = ranks.add("R", window.kernel[0], true);
  const int s = ranks.add("S", window.kernel[1], true);
  const auto grouped = [&](int rank, std::int64_t inside) {
    std::vector<AffineTerm> terms;
    if (g >= 0) terms.push_back({g, inside});
    terms.push_back({rank, 1});
    return access(std::move(terms), inside * groups);
  };
  layer.inputs = {
      {input,
       OperandRole::kInput,
       {access({{n, 1}}, shape[0]), grouped(c, channels), window_access(window, 0, p, r, shape[2]),
        window_access(window, 1, q, s, shape[3])}},
      {weight,
       OperandRole::kWeight,
       {grouped(k, per_group), access({{c, 1}}, channels), access({{r, 1}}, window.kernel[0]),
        access({{s, 1}}, window.kernel[1])}}};
  layer.output.dimensions = {access({{n, 1}}, shape[0]), grouped(k, per_group),
                             access({{p, 1}}, rows), access({{q, 1}}, columns)};
  return append(std::move(layer), {shape[0], filters, rows, columns});
}

TensorId PlainNetwork::fully_connected(TensorId input, std::int64_t outputs) {
  const auto shape = extents(input);
  Layer layer;
  layer.name = "fully_connected";
  RankList ranks(layer);
  const int n = ranks.add("N", shape[0]);
  const int k = ranks.add("K", outputs);
  Operand read{input, OperandRole::kInput, {access({{n, 1}}, shape[0])}};
  Operand weight{-1, OperandRole::kWeight, {access({{k, 1}}, outputs)}};
  std::vector<std::int64_t> weight_shape = {outputs};
  for (std::size_t d = 1; d < shape.size(); ++d) {
    const int reduced = ranks.add(detail::concatenate("C", d), shape[d], true);
    read.dimensions.push_back(access({{reduced, 1}}, shape[d]));
    weight.dimensions.push_back(access({{reduced, 1}}, shape[d]));
    weight_shape.push_back(shape[d]);
  }
  weight.tensor = tensor(detail::concatenate("weight", network_.layers.size()), TensorKind::kWeight,
                         weight_shape);
  layer.inputs = {std::move(read), std::move(weight)};
  layer.output.dimensions = {access({{n, 1}}, shape[0]), access({{k, 1}}, outputs)};
  return append(std::move(layer), {shape[0], outputs});
}

TensorId PlainNetwork::matrix_product(TensorId a, TensorId b) {
  const auto left = extents(a);
  const auto right = extents(b);
  Layer layer;
  layer.name = "matrix_product";
  RankList ranks(layer);
  const int n = ranks.add("N", left[0]);
  const int m = ranks.add("M", left[1]);
  const int k = ranks.add("K", right[2]);
  const int c = ranks.add("C", left[2], true);
  const auto whole = [](int rank, std::int64_t size) { return access({{rank, 1}}, size); };
  layer.inputs = {
      {a, OperandRole::kInput, {whole(n, left[0]), whole(m, left[1]), whole(c, left[2])}},
      {b, OperandRole::kInput, {whole(n, left[0]), whole(c, left[2]), whole(k, right[2])}}};
  layer.output.dimensions = {whole(n, left[0]), whole(m, left[1]), whole(k, right[2])};
  return append(std::move(layer), {left[0], left[1], right[2]});
}

TensorId PlainNetwork::pool(TensorId input, Function function, const Window& window,
                            bool count_padding) {
  const auto shape = extents(input);
  const std::int64_t rows = window.outputs(0, shape[2]);
  const std::int64_t columns = window.outputs(1, shape[3]);
  Layer layer;
  layer.name = "pool";
  layer.kind = LayerKind::kPool;
  layer.function = function;
  layer.count_padding = count_padding;
  RankList ranks(layer);
  const int n = ranks.add("N", shape[0]);
  const int c = ranks.add("C", shape[1]);
  const int p = ranks.add("P", rows);
  const int q = ranks.add("Q", columns);
  const int r = ranks.add("R", window.kernel[0], true);
  const int s = ranks.add("S", window.kernel[1], true);
  layer.inputs = {
      {input,
       OperandRole::kInput,
       {access({{n, 1}}, shape[0]), access({{c, 1}}, shape[1]),
        window_access(window, 0, p, r, shape[2]), window_access(window, 1, q, s, shape[3])}}};
  layer.output.dimensions = {access({{n, 1}}, shape[0]), access({{c, 1}}, shape[1]),
                             access({{p, 1}}, rows), access({{q, 1}}, columns)};
  return append(std::move(layer), {shape[0], shape[1], rows, columns});
}

TensorId PlainNetwork::add(TensorId a, TensorId b) {
  const auto shape = extents(a);
  Layer layer;
  layer.name = "add";
  layer.kind = LayerKind::kMap;
  layer.function = Function::kAdd;
  RankList ranks(layer);
  std::vector<DimensionAccess> dimensions;
  for (std::size_t d = 0; d < shape.size(); ++d)
    dimensions.push_back(access({{ranks.add(detail::concatenate("d", d), shape[d]), 1}}, shape[d]));
  layer.inputs = {{a, OperandRole::kInput, dimensions}, {b, OperandRole::kInput, dimensions}};
  layer.output.dimensions = dimensions;
  return append(std::move(layer), shape);
}

TensorId PlainNetwork::softmax(TensorId input) {
  const auto shape = extents(input);
  Layer layer;
  layer.name = "softmax";
  layer.kind = LayerKind::kSoftmax;
  layer.passes = 3;
  RankList ranks(layer);
  std::vector<DimensionAccess> dimensions;
  for (std::size_t d = 0; d < shape.size(); ++d)
    dimensions.push_back(access({{ranks.add(detail::concatenate("d", d), shape[d]), 1}}, shape[d]));
  layer.whole_ranks = {static_cast<int>(shape.size()) - 1};
  layer.inputs = {{input, OperandRole::kInput, dimensions}};
  layer.output.dimensions = dimensions;
  return append(std::move(layer), shape);
}

workloads::Network PlainNetwork::finish() {
  network_.tensors[network_.layers.back().output.tensor].kind = TensorKind::kOutput;
  return std::move(network_);
}

}  // namespace tessera::test
