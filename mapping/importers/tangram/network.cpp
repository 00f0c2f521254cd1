#include "mapping/importers/tangram/network.h"

#include <algorithm>
#include <map>
#include <set>

#include "sim/base/error.h"
#include "workloads/graph_builder.h"

namespace tessera::mapping::tangram {

namespace {

using workloads::Function;
using workloads::GraphBuilder;
using workloads::Value;
using workloads::WindowSpec;
using Names = std::vector<std::string>;

Names outputs_of(const Document& document) {
  Names names;
  for (const auto& layer : document.layers)
    if (layer.consumers.empty()) names.push_back(layer.name);
  return names;
}

class NetworkBuilder {
 public:
  NetworkBuilder(const Document& document, const std::string& name, const std::string& origin)
      : document_(document), origin_(origin), builder_(name, document.batch, [&] {
          const auto names = outputs_of(document);
          return std::set<std::string>(names.begin(), names.end());
        }()) {}

  workloads::Network build() {
    for (const auto& layer : document_.layers) values_.insert_or_assign(layer.name, add(layer));
    std::vector<Value> outputs;
    for (const auto& name : outputs_of(document_)) outputs.push_back(values_.at(name));
    return builder_.finish(outputs);
  }

 private:
  [[noreturn]] void refuse(const LayerDecisions& layer, const std::string& why) const {
    throw UserError(origin_, ": layer ", layer.name, ": ", why);
  }

  bool is_external(const std::string& name) const { return document_.externals.contains(name); }

  Value external(const std::string& name) {
    const auto known = values_.find(name);
    if (known != values_.end()) return known->second;
    const auto& range = document_.externals.at(name);
    const auto value =
        builder_.input(name == "__INPUT__" ? "input" : name,
                       {range.batch.end, range.channels.end, range.rows.end, range.columns.end});
    values_.insert_or_assign(name, value);
    return value;
  }

  Value value(const LayerDecisions& reader, const std::string& name) {
    if (is_external(name)) return external(name);
    const auto known = values_.find(name);
    if (known == values_.end()) refuse(reader, "its input '" + name + "' is computed later");
    return known->second;
  }

  /// External inputs that are read together are one tensor; each is then a slice of it.
  Value joined_inputs(const Names& names) {
    std::vector<std::int64_t> shape;
    std::string name;
    for (const auto& one : names) {
      const auto& range = document_.externals.at(one);
      if (shape.empty()) shape = {range.batch.end, 0, range.rows.end, range.columns.end};
      shape[1] += range.channels.end;
      name += (name.empty() ? "" : "+") + (one == "__INPUT__" ? std::string("input") : one);
    }
    const Value whole = builder_.input(name, shape);
    std::int64_t begin = 0;
    for (const auto& one : names) {
      const auto channels = document_.externals.at(one).channels.end;
      values_.insert_or_assign(one, builder_.slice(name + "." + one, whole, 1, begin, channels, 1));
      begin += channels;
    }
    return whole;
  }

  Value together(const LayerDecisions& layer) {
    const Names& names = layer.producers;
    if (names.size() == 1) return value(layer, names.front());
    const auto known = joined_.find(names);
    if (known != joined_.end()) return known->second;
    const bool outside = std::ranges::all_of(
        names, [&](const auto& name) { return is_external(name) && !values_.contains(name); });
    std::vector<Value> inputs;
    if (!outside)
      for (const auto& name : names) inputs.push_back(value(layer, name));
    const Value whole =
        outside ? joined_inputs(names) : builder_.concat(layer.name + ".in", inputs, 1);
    joined_.emplace(names, whole);
    return whole;
  }

  /// Rows or columns of padding in front and behind; the tool only knows the padded size.
  static std::pair<std::int64_t, std::int64_t> padding(std::int64_t padded, std::int64_t stored) {
    const auto all = std::max<std::int64_t>(padded - stored, 0);
    return {all / 2, all - all / 2};
  }

  WindowSpec window(const LayerShape& shape, const Value& input) const {
    const auto rows = padding(shape.input_rows, input.shape()[2]);
    const auto columns = padding(shape.input_columns, input.shape()[3]);
    return {{shape.filter_rows, shape.filter_columns},
            {shape.row_stride, shape.column_stride},
            {1, 1},
            {rows.first, columns.first},
            {rows.second, columns.second},
            false};
  }

  Value add(const LayerDecisions& layer) {
    const LayerShape& shape = layer.shape;
    const bool pools = !shape.is_convolution && shape.region_channels == 1;
    const Value result = shape.is_convolution ? add_convolution(layer)
                         : pools              ? add_pool(layer)
                                              : add_sum(layer);
    const std::vector<std::int64_t> expected = {document_.batch, shape.output_channels,
                                                shape.output_rows, shape.output_columns};
    if (result.shape() != expected)
      refuse(layer,
             detail::concatenate("its inputs give ", result.shape()[1], " x ", result.shape()[2],
                                 " x ", result.shape()[3], " outputs, its shape says ", expected[1],
                                 " x ", expected[2], " x ", expected[3]));
    return result;
  }

  Value add_convolution(const LayerDecisions& layer) {
    const LayerShape& shape = layer.shape;
    const Value input = together(layer);
    if (input.shape()[1] != shape.input_channels)
      refuse(layer,
             detail::concatenate("its inputs have ", input.shape()[1],
                                 " channels together, its shape says ", shape.input_channels));
    const Value weight = builder_.weight(
        layer.name + ".weights",
        {shape.output_channels, shape.input_channels, shape.filter_rows, shape.filter_columns});
    return builder_.convolution(layer.name, input, weight, window(shape, input), 1);
  }

  Value add_pool(const LayerDecisions& layer) {
    const Value input = together(layer);
    return builder_.pool(layer.name, Function::kMaxPool, input, window(layer.shape, input), false);
  }

  Value add_sum(const LayerDecisions& layer) {
    const auto inputs = static_cast<std::int64_t>(layer.producers.size());
    if (inputs != layer.shape.region_channels || layer.shape.filter_rows != 1 ||
        layer.shape.filter_columns != 1)
      refuse(layer,
             detail::concatenate("takes ", layer.shape.region_channels, " channels together from ",
                                 inputs, " inputs; allowed: one from each"));
    std::vector<Value> values;
    for (const auto& name : layer.producers) values.push_back(value(layer, name));
    return builder_.map(layer.name, Function::kAdd, values);
  }

  const Document& document_;
  const std::string& origin_;
  GraphBuilder builder_;
  std::map<std::string, Value> values_;
  std::map<Names, Value> joined_;
};

}  // namespace

workloads::Network network_of(const Document& document, const std::string& name,
                              const std::string& origin) {
  return NetworkBuilder(document, name, origin).build();
}

}  // namespace tessera::mapping::tangram
