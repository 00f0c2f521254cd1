#include "mapping/importers/tangram/network.h"

#include <algorithm>
#include <map>
#include <set>

#include "mapping/importers/tangram/shared_input.h"
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
    if (layer.consumers.empty() && layer.slice.index == 0) names.push_back(layer.name_in_file());
  return names;
}

class NetworkBuilder {
 public:
  NetworkBuilder(const Document& document, const std::string& name, const std::string& origin)
      : document_(document),
        origin_(origin),
        shared_(shared_inputs(document)),
        builder_(name, document.batch, [&] {
          const auto names = outputs_of(document);
          return std::set<std::string>(names.begin(), names.end());
        }()) {}

  workloads::Network build() {
    for (const auto& layer : document_.layers) values_.insert_or_assign(layer.name, add(layer));
    std::vector<Value> outputs;
    for (const auto& name : outputs_of(document_)) {
      join_pieces(name);
      outputs.push_back(values_.at(name));
    }
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

  /// Pieces of a layer write into one tensor when somebody reads them together.
  void join_pieces(const std::string& name) {
    if (values_.contains(name)) return;
    std::vector<Value> pieces;
    int axis = 0;
    for (const auto& layer : document_.layers) {
      if (layer.slice.whole != name || !values_.contains(layer.name)) continue;
      pieces.push_back(values_.at(layer.name));
      axis = static_cast<int>(layer.slice.axis);
    }
    if (!pieces.empty()) values_.insert_or_assign(name, builder_.concat(name, pieces, axis));
  }

  /// The same piece of a producer that takes turns with the reader.
  const Value* piece_for(const LayerDecisions& reader, const std::string& name) const {
    const auto& slice = reader.slice;
    for (const auto& layer : document_.layers)
      if (layer.slice.whole == name && layer.segment == reader.segment &&
          layer.slice.axis == slice.axis && layer.slice.count == slice.count &&
          layer.slice.index == slice.index)
        return &values_.at(layer.name);
    return nullptr;
  }

  /// A convolution needs all channels of its inputs.
  Value value(const LayerDecisions& reader, const std::string& name) {
    const auto& slice = reader.slice;
    const bool whole =
        slice.count == 1 || (slice.axis == PieceAxis::kChannels && reader.shape.is_convolution);
    if (whole) return whole_value(reader, name);
    if (const Value* piece = piece_for(reader, name)) return *piece;
    return sliced(reader, whole_value(reader, name));
  }

  Value sliced(const LayerDecisions& reader, const Value& value) {
    const int axis = static_cast<int>(reader.slice.axis);
    const auto extent = value.shape()[static_cast<std::size_t>(axis)] / reader.slice.count;
    return builder_.slice(reader.name + ".in", value, axis, reader.slice.index * extent, extent, 1);
  }

  Value whole_value(const LayerDecisions& reader, const std::string& name) {
    if (is_external(name)) return external(name);
    join_pieces(name);
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
    for (const auto& shared : shared_)
      if (std::ranges::count(shared.readers, document_.layer_index(layer.name)) > 0)
        return handed_on(shared);
    if (names.size() == 1) return value(layer, names.front());
    if (layer.slice.count > 1 &&
        (layer.slice.axis == PieceAxis::kBatch || !layer.shape.is_convolution))
      return sliced(layer, together(layer, names));
    return together(layer, names);
  }

  Value together(const LayerDecisions& layer, const Names& names) {
    const auto known = joined_.find(names);
    if (known != joined_.end()) return known->second;
    const bool outside = std::ranges::all_of(
        names, [&](const auto& name) { return is_external(name) && !values_.contains(name); });
    std::vector<Value> inputs;
    if (!outside)
      for (const auto& name : names) inputs.push_back(whole_value(layer, name));
    const Value whole =
        outside ? joined_inputs(names) : builder_.concat(layer.name + ".in", inputs, 1);
    joined_.emplace(names, whole);
    return whole;
  }

  /// Copies of its inputs in the tiles of the stage that fetches them.
  Value handed_on(const SharedInput& shared) {
    const auto known = handed_on_.find(shared.first);
    if (known != handed_on_.end()) return known->second;
    const auto& first = document_.layers[static_cast<std::size_t>(shared.first)];
    const WindowSpec point{{1, 1}, {1, 1}, {1, 1}, {0, 0}, {0, 0}, false};
    std::vector<Value> copies;
    for (const auto& copy : shared.copies)
      copies.push_back(
          builder_.pool(copy.name, Function::kMaxPool, whole_value(first, copy.map), point, false));
    Value all =
        copies.size() == 1 ? copies.front() : builder_.concat(first.name + ".handed_on", copies, 1);
    return handed_on_.emplace(shared.first, std::move(all)).first->second;
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
    const auto images =
        document_.batch / (layer.slice.axis == PieceAxis::kBatch ? layer.slice.count : 1);
    const std::vector<std::int64_t> expected = {images, shape.output_channels, shape.output_rows,
                                                shape.output_columns};
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
    return builder_.convolution(layer.name, input, weights(layer), window(shape, input), 1);
  }

  /// All images have the same weights.
  Value weights(const LayerDecisions& layer) {
    const bool same = layer.slice.axis == PieceAxis::kBatch;
    const std::string name = (same ? layer.name_in_file() : layer.name) + ".weights";
    const auto known = weights_.find(name);
    if (known != weights_.end()) return known->second;
    const auto& shape = layer.shape;
    const Value weight = builder_.weight(name, {shape.output_channels, shape.input_channels,
                                                shape.filter_rows, shape.filter_columns});
    weights_.emplace(name, weight);
    return weight;
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
  std::vector<SharedInput> shared_;
  std::map<int, Value> handed_on_;  ///< by the first reader
  GraphBuilder builder_;
  std::map<std::string, Value> values_;
  std::map<Names, Value> joined_;
  std::map<std::string, Value> weights_;
};

}  // namespace

workloads::Network network_of(const Document& document, const std::string& name,
                              const std::string& origin) {
  return NetworkBuilder(document, name, origin).build();
}

}  // namespace tessera::mapping::tangram
