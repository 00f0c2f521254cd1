#include "workloads/text_network.h"

#include <algorithm>
#include <map>
#include <sstream>

#include "sim/base/error.h"
#include "sim/base/message_io.h"
#include "sim/base/names.h"
#include "workloads/graph_builder.h"
#include "workloads/network.pb.h"
#include "workloads/text_fields.h"
#include "workloads/window.h"

namespace tessera::workloads {

namespace {

using Shape = std::vector<std::int64_t>;

/// Turns one parsed file into a Network, layer by layer.
class TextLoader {
 public:
  TextLoader(const proto::Network& file, std::int64_t batch)
      : file_(file),
        batch_(batch),
        builder_(file.name(), batch_of(file, batch), {file.output().begin(), file.output().end()}) {
  }

  Network load() {
    for (const auto& input : file_.input()) add_input(input);
    for (const auto& layer : file_.layer()) add_layer(layer);
    std::vector<Value> outputs;
    for (const auto& name : file_.output()) outputs.push_back(value(name, "output"));
    return builder_.finish(outputs);
  }

 private:
  static std::int64_t batch_of(const proto::Network& file, std::int64_t batch) {
    if (batch > 0) return batch;
    for (const auto& input : file.input())
      if (!input.unbatched() && input.shape_size() > 0) return input.shape(0);
    return 1;
  }

  void add_input(const proto::Input& input) {
    if (input.name().empty()) throw UserError("input: has no name");
    Shape shape(input.shape().begin(), input.shape().end());
    if (shape.empty()) throw UserError("input ", input.name(), ": shape is empty; give N, C, H, W");
    if (!input.unbatched() && shape[0] != batch_of(file_, 0))
      throw UserError("input ", input.name(), ": batch is ", shape[0], "; the first input has ",
                      batch_of(file_, 0));
    if (!input.unbatched() && batch_ > 0) shape[0] = batch_;
    define(input.name(), builder_.input(input.name(), shape));
  }

  void define(const std::string& name, Value value) {
    value.name = name;
    if (!values_.emplace(name, std::move(value)).second)
      throw UserError(name, ": is defined twice; names must differ");
  }

  const Value& value(const std::string& name, const std::string& reader) const {
    const auto found = values_.find(name);
    if (found != values_.end()) return found->second;
    std::vector<std::string> known;
    for (const auto& [defined, unused] : values_) known.push_back(defined);
    throw UserError(reader, ": reads '", name, "', which is not defined above; ",
                    suggest(name, known));
  }

  void add_layer(const proto::Layer& layer) {
    if (layer.name().empty()) throw UserError("layer: has no name");
    Value result = convert(layer);
    const bool passes_on = layer.has_dropout() || layer.has_concat();
    if (passes_on) result.producer = -1;
    if (layer.activation() != proto::NONE) {
      const Function activation = function_of(layer.activation());
      if (!builder_.fuse(result, activation))
        throw UserError(layer.name(), ": activation ", proto::Activation_Name(layer.activation()),
                        " cannot be fused into this operation; write a layer with 'function'");
    }
    define(layer.name(), std::move(result));
  }

  const Value& input(const proto::Layer& layer, int index) const {
    return value(layer.input(index), layer.name());
  }

  void expect_inputs(const proto::Layer& layer, int least, int most) const {
    if (layer.input_size() >= least && layer.input_size() <= most) return;
    const std::string range = detail::concatenate(least, " to ", most);
    throw UserError(layer.name(), ": has ", layer.input_size(), " inputs; ",
                    least == most ? std::to_string(most) : range, " needed");
  }

  const Value& only_input(const proto::Layer& layer) const {
    expect_inputs(layer, 1, 1);
    return input(layer, 0);
  }

  std::vector<Value> inputs(const proto::Layer& layer) const {
    std::vector<Value> found;
    for (int i = 0; i < layer.input_size(); ++i) found.push_back(input(layer, i));
    return found;
  }

  /// The inputs, concatenated along the channels when there are several.
  Value joined(const proto::Layer& layer) {
    if (layer.input_size() == 0) throw UserError(layer.name(), ": has no input");
    if (layer.input_size() == 1) return input(layer, 0);
    return builder_.concat(layer.name() + ".concat", inputs(layer), 1);
  }

  Value convert(const proto::Layer& layer);
  Value convolution(const proto::Layer& layer);
  Value matrix_product(const proto::Layer& layer);
  Value pool(const proto::Layer& layer, const proto::Pool& message, Function function);
  Value softmax(const proto::Layer& layer);
  Value layer_norm(const proto::Layer& layer);
  Value slice(const proto::Layer& layer);
  Value reshape(const proto::Layer& layer);
  Value flatten(const proto::Layer& layer);
  Value transpose(const proto::Layer& layer);
  Value channel_shuffle(const proto::Layer& layer);
  Value upsample(const proto::Layer& layer);
  Value lstm_cell(const proto::Layer& layer);
  Value function(const proto::Layer& layer);
  Value element_wise(const proto::Layer& layer, Function function);

  const proto::Network& file_;
  std::int64_t batch_;
  GraphBuilder builder_;
  std::map<std::string, Value> values_;
};

Value TextLoader::convolution(const proto::Layer& layer) {
  const Value source = joined(layer);
  const auto& message = layer.convolution();
  const std::size_t spatial = spatial_dimensions(source);
  WindowSpec window =
      window_of(layer.name(), message.r(), message.s(), message.stride(), message.pad(), spatial);
  window.dilation = spread(layer.name(), "dilation", message.dilation(), 1, spatial);
  const std::int64_t channels = source.rank() > 1 ? source.shape()[1] : 0;
  std::int64_t groups = message.groups() == 0 ? 1 : message.groups();
  if (message.depthwise()) groups = channels;
  const std::int64_t k = message.depthwise() && message.k() == 0 ? channels : message.k();
  if (groups < 0 || (groups > 0 && channels % groups != 0))
    throw UserError(layer.name(), ": groups is ", groups, "; it must divide ", channels,
                    " input channels");
  if (k < 1) throw UserError(layer.name(), ": k is ", k, "; at least 1 is allowed");
  Shape filter{k, groups > 0 ? channels / groups : 0};
  for (const auto taps : window.kernel) {
    if (taps < 1) throw UserError(layer.name(), ": kernel is ", taps, "; at least 1 is allowed");
    filter.push_back(taps);
  }
  const Value weight = builder_.weight(layer.name() + ".weights", filter);
  return builder_.convolution(layer.name(), source, weight, window, groups);
}

Value TextLoader::matrix_product(const proto::Layer& layer) {
  const auto& message = layer.matrix_product();
  expect_inputs(layer, 1, 2);
  Value a = input(layer, 0);
  if (layer.input_size() == 1) {
    if (message.k() < 1)
      throw UserError(layer.name(), ": k is ", message.k(), "; at least 1 is allowed");
    const Value weight =
        builder_.weight(layer.name() + ".weights", {a.shape().back(), message.k()});
    return builder_.matrix_product(layer.name(), a, weight);
  }
  Value b = input(layer, 1);
  if (message.heads() > 0) {
    if (a.rank() == 3) a = builder_.split_heads(layer.name(), a, message.heads());
    if (b.rank() == 3) b = builder_.split_heads(layer.name(), b, message.heads());
  }
  const auto swap_last = [&](const Value& value) {
    std::vector<int> order;
    for (int i = 0; i < value.rank(); ++i) order.push_back(i);
    std::swap(order.at(order.size() - 1), order.at(order.size() - 2));
    return builder_.transpose(value, order);
  };
  if (a.rank() < 2 || b.rank() < 2)
    throw UserError(layer.name(), ": operands need at least 2 dimensions");
  if (message.transpose_a()) a = swap_last(a);
  if (message.transpose_b()) b = swap_last(b);
  Value result = builder_.matrix_product(layer.name(), a, b, message.merge_heads());
  if (!message.merge_heads()) return result;
  const auto shape = result.shape();
  const LayerId producer = result.producer;
  result = builder_.reshape(layer.name(), builder_.transpose(result, {0, 2, 1, 3}),
                            {shape[0], shape[2], shape[1] * shape[3]});
  result.producer = producer;
  return result;
}

Value TextLoader::pool(const proto::Layer& layer, const proto::Pool& message, Function function) {
  const Value source = joined(layer);
  WindowSpec window = window_of(layer.name(), message.r(), message.s(), message.stride(),
                                message.pad(), spatial_dimensions(source));
  window.ceil_mode = message.ceil_mode();
  return builder_.pool(layer.name(), function, source, window, message.count_include_pad());
}

Value TextLoader::softmax(const proto::Layer& layer) {
  const Value& source = only_input(layer);
  return builder_.softmax(layer.name(), source,
                          {axis_of(layer.name(), layer.softmax().axis(), source.rank())});
}

Value TextLoader::layer_norm(const proto::Layer& layer) {
  const Value& source = only_input(layer);
  const std::int64_t count = std::max<std::int64_t>(1, layer.layer_norm().dimensions());
  if (count >= source.rank())
    throw UserError(layer.name(), ": dimensions is ", count, "; 1 to ", source.rank() - 1,
                    " is allowed");
  std::set<int> axes;
  for (int i = source.rank() - static_cast<int>(count); i < source.rank(); ++i) axes.insert(i);
  return builder_.normalise(layer.name(), Function::kLayerNorm, source, axes);
}

Value TextLoader::slice(const proto::Layer& layer) {
  const Value& source = only_input(layer);
  const auto& message = layer.slice();
  const int axis = axis_of(layer.name(), message.axis(), source.rank());
  const std::int64_t step = message.step() == 0 ? 1 : message.step();
  return builder_.slice(layer.name(), source, axis, message.begin(), message.count(), step);
}

Value TextLoader::reshape(const proto::Layer& layer) {
  const Value& source = only_input(layer);
  Shape shape(layer.reshape().shape().begin(), layer.reshape().shape().end());
  resolve_shape(layer.name(), source.shape(), shape);
  return builder_.reshape(layer.name(), source, shape);
}

Value TextLoader::flatten(const proto::Layer& layer) {
  const Value& source = only_input(layer);
  const auto in = source.shape();
  const int first = axis_of(layer.name(), layer.flatten().axis(), source.rank());
  Shape shape(in.begin(), in.begin() + first);
  shape.push_back(1);
  for (int i = first; i < source.rank(); ++i) shape.back() *= in[i];
  return builder_.reshape(layer.name(), source, shape);
}

Value TextLoader::transpose(const proto::Layer& layer) {
  const Value& source = only_input(layer);
  std::vector<int> order;
  std::set<int> seen;
  for (const auto dimension : layer.transpose().order()) {
    order.push_back(axis_of(layer.name(), dimension, source.rank()));
    seen.insert(order.back());
  }
  if (static_cast<int>(seen.size()) != source.rank() || order.size() != seen.size())
    throw UserError(layer.name(), ": order must list each of the ", source.rank(),
                    " dimensions once");
  return builder_.transpose(source, order);
}

Value TextLoader::channel_shuffle(const proto::Layer& layer) {
  const Value& source = only_input(layer);
  const auto shape = source.shape();
  const std::int64_t groups = layer.channel_shuffle().groups();
  if (shape.size() != 4 || groups < 1 || shape[1] % groups != 0)
    throw UserError(layer.name(), ": groups is ", groups,
                    "; it must divide the channels of an N, C, H, W input");
  const Value split = builder_.reshape(layer.name(), source,
                                       {shape[0], groups, shape[1] / groups, shape[2], shape[3]});
  return builder_.reshape(layer.name(), builder_.transpose(split, {0, 2, 1, 3, 4}), shape);
}

Value TextLoader::upsample(const proto::Layer& layer) {
  const Value& source = only_input(layer);
  const std::int64_t factor = layer.upsample().factor();
  if (source.rank() != 4 || factor < 1)
    throw UserError(layer.name(), ": factor is ", factor,
                    "; at least 1 on an N, C, H, W input is allowed");
  return builder_.repeat(builder_.repeat(source, 2, factor), 3, factor);
}

/// Gates lie in the order i, f, g, o; the cell state is a layer of its own because it leaves the
/// cell too.
Value TextLoader::lstm_cell(const proto::Layer& layer) {
  expect_inputs(layer, 2, 2);
  const Value &gates = input(layer, 0), &state = input(layer, 1);
  if (gates.rank() != 2 || state.rank() != 2 || gates.shape()[1] != 4 * state.shape()[1])
    throw UserError(layer.name(), ": gates need four times the ", state.shape().back(),
                    " columns of the cell state; there are ", gates.shape().back());
  const std::int64_t hidden = state.shape()[1];
  std::vector<Value> gate;
  for (int i = 0; i < 4; ++i)
    gate.push_back(builder_.slice(layer.name(), gates, 1, i * hidden, hidden, 1));
  const std::string cell_name = layer.name() + ".cell";
  const Value cell =
      builder_.map(cell_name, Function::kLstmCell, {gate[0], gate[1], gate[2], state});
  define(cell_name, cell);
  return builder_.map(layer.name(), Function::kLstmHidden, {gate[3], cell});
}

Value TextLoader::function(const proto::Layer& layer) {
  if (layer.function() == proto::NONE)
    throw UserError(layer.name(), ": function is NONE; name an activation");
  return builder_.map(layer.name(), function_of(layer.function()), {only_input(layer)});
}

Value TextLoader::element_wise(const proto::Layer& layer, Function function) {
  expect_inputs(layer, 2, function == Function::kAdd || function == Function::kMultiply ? 16 : 2);
  return builder_.map(layer.name(), function, inputs(layer));
}

Value TextLoader::convert(const proto::Layer& layer) {
  const auto global = [&](Function function) {
    const Value source = joined(layer);
    if (source.rank() != 4)
      throw UserError(layer.name(), ": the input has ", source.rank(),
                      " dimensions; N, C, H, W is needed");
    return builder_.reduce(layer.name(), function, source, {2, 3});
  };
  switch (layer.operation_case()) {
    case proto::Layer::kConvolution:
      return convolution(layer);
    case proto::Layer::kFullyConnected:
      return builder_.fully_connected(layer.name(), joined(layer), layer.fully_connected().k());
    case proto::Layer::kMatrixProduct:
      return matrix_product(layer);
    case proto::Layer::kMaxPool:
      return pool(layer, layer.max_pool(), Function::kMaxPool);
    case proto::Layer::kAveragePool:
      return pool(layer, layer.average_pool(), Function::kAveragePool);
    case proto::Layer::kGlobalMaxPool:
      return global(Function::kMaxPool);
    case proto::Layer::kGlobalAveragePool:
      return global(Function::kAveragePool);
    case proto::Layer::kAdd:
      return element_wise(layer, Function::kAdd);
    case proto::Layer::kSubtract:
      return element_wise(layer, Function::kSubtract);
    case proto::Layer::kMultiply:
      return element_wise(layer, Function::kMultiply);
    case proto::Layer::kDivide:
      return element_wise(layer, Function::kDivide);
    case proto::Layer::kFunction:
      return function(layer);
    case proto::Layer::kSoftmax:
      return softmax(layer);
    case proto::Layer::kBatchNorm:
      return builder_.normalise(layer.name(), Function::kBatchNorm, joined(layer), {});
    case proto::Layer::kLayerNorm:
      return layer_norm(layer);
    case proto::Layer::kLocalResponseNorm:
      return builder_.local_response_norm(layer.name(), joined(layer),
                                          layer.local_response_norm().size());
    case proto::Layer::kConcat: {
      expect_inputs(layer, 1, 1 << 16);
      const int axis = axis_of(layer.name(), layer.concat().axis(), input(layer, 0).rank());
      return builder_.concat(layer.name(), inputs(layer), axis);
    }
    case proto::Layer::kSlice:
      return slice(layer);
    case proto::Layer::kReshape:
      return reshape(layer);
    case proto::Layer::kFlatten:
      return flatten(layer);
    case proto::Layer::kTranspose:
      return transpose(layer);
    case proto::Layer::kChannelShuffle:
      return channel_shuffle(layer);
    case proto::Layer::kUpsample:
      return upsample(layer);
    case proto::Layer::kDropout:
      return only_input(layer);
    case proto::Layer::kLstmCell:
      return lstm_cell(layer);
    case proto::Layer::OPERATION_NOT_SET:
      break;
  }
  throw UserError(layer.name(), ": has no operation");
}

}  // namespace

Network parse_text_network(const std::string& text, const std::string& origin, std::int64_t batch) {
  proto::Network file;
  parse_textproto(text, origin, file);
  if (batch < 0) throw UserError(origin, ": batch is ", batch, "; at least 1 is allowed");
  if (file.name().empty()) throw UserError(origin, ": field name is empty");
  try {
    return TextLoader(file, batch).load();
  } catch (const UserError& error) {
    throw UserError(origin, ": ", error.what());
  }
}

Network load_text_network(const std::string& path, std::int64_t batch) {
  return parse_text_network(read_file(path), path, batch);
}

std::string text_network_summary(const std::string& path) {
  proto::Network file;
  load_textproto(path, file);
  if (file.target_frames_per_second() <= 0) return file.summary();
  std::ostringstream target;
  target << "; target " << file.target_frames_per_second() << " frames/s";
  return file.summary() + target.str();
}

}  // namespace tessera::workloads
