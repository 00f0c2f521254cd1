#include "mapping/importers/maestro/layer_import.h"

#include <algorithm>
#include <optional>

#include "sim/base/error.h"
#include "sim/base/names.h"

namespace tessera::mapping::maestro {

namespace {

using workloads::OperandRole;
using workloads::TensorKind;

/// Dimensions of input, weight and output by layer type. The tool couples C to the output of a
/// grouped convolution.
struct Coupling {
  std::vector<std::string> tensors[3];
};

Coupling coupling_of(const std::string& type) {
  if (type == "GEMM") return {{{"M", "K"}, {"K", "N"}, {"M", "N"}}};
  if (type == "DSCONV") return {{{"N", "C", "Y", "X"}, {"C", "R", "S"}, {"N", "C", "Y'", "X'"}}};
  if (type == "NGCONV")
    return {
        {{"N", "G", "C", "Y", "X"}, {"G", "K", "C", "R", "S"}, {"N", "G", "K", "C", "Y'", "X'"}}};
  return {{{"N", "C", "Y", "X"}, {"K", "C", "R", "S"}, {"N", "K", "Y'", "X'"}}};
}

std::vector<std::string> dimensions_of(const std::string& type) {
  if (type == "GEMM") return {"M", "N", "K"};
  if (type == "DSCONV") return {"N", "C", "Y", "X", "R", "S"};
  if (type == "NGCONV") return {"N", "G", "K", "C", "Y", "X", "R", "S"};
  return {"N", "K", "C", "Y", "X", "R", "S"};
}

[[noreturn]] void fail(const LayerText& text, const std::string& origin, const std::string& why) {
  throw UserError(origin, ":", text.line, ": layer '", text.name, "': ", why);
}

/// Extent as written, or from Y' (the tool ignores the stride here); empty when not given.
std::optional<std::int64_t> extent_of(const LayerText& text, const std::string& dimension) {
  const auto found = text.dimensions.find(dimension);
  if (found != text.dimensions.end()) return found->second;
  const auto output = text.dimensions.find(dimension + "'");
  const auto window = text.dimensions.find(window_of(dimension));
  if (output == text.dimensions.end() || window == text.dimensions.end()) return std::nullopt;
  return output->second + window->second - 1;
}

std::string tree_name(const std::string& dimension, bool is_gemm) {
  if (is_gemm) return dimension == "N" ? "K" : dimension == "K" ? "C" : dimension;
  if (dimension.starts_with("Y")) return "P";
  if (dimension.starts_with("X")) return "Q";
  return dimension;
}

std::int64_t outputs_of(const LayerShape& shape, const std::string& dimension) {
  const auto window = shape.extents.at(window_of(dimension));
  return (shape.extents.at(dimension) - window) / shape.stride_of(dimension) + 1;
}

/// The rank's index, added at first use.
workloads::RankId rank_index(workloads::Layer& layer, const LayerShape& shape,
                             const std::string& dimension) {
  const std::string name = tree_name(dimension, shape.is_gemm);
  const int known = layer.rank_index(name);
  if (known >= 0) return known;
  const std::string input = dimension.substr(0, 1);
  const bool slides = !shape.is_gemm && !window_of(input).empty();
  layer.ranks.push_back({name, slides ? outputs_of(shape, input) : shape.extents.at(dimension)});
  return static_cast<int>(layer.ranks.size()) - 1;
}

workloads::DimensionAccess access_of(workloads::Layer& layer, const LayerShape& shape,
                                     const std::string& dimension) {
  const auto rank = rank_index(layer, shape, dimension);
  workloads::DimensionAccess access;
  access.terms.push_back({rank, 1});
  access.valid_end = layer.ranks[rank].extent;
  const std::string window = shape.is_gemm ? "" : window_of(dimension);
  if (!window.empty()) {
    access.terms.front().coefficient = shape.stride_of(dimension);
    access.terms.push_back({rank_index(layer, shape, window), 1});
    access.valid_end = shape.extents.at(dimension);
  }
  return access;
}

workloads::Operand add_operand(const std::vector<std::string>& dimensions, int which,
                               const LayerShape& shape, workloads::Layer& layer,
                               workloads::Network& network) {
  static constexpr OperandRole kRoles[] = {OperandRole::kInput, OperandRole::kWeight,
                                           OperandRole::kOutput};
  static constexpr TensorKind kKinds[] = {TensorKind::kInput, TensorKind::kWeight,
                                          TensorKind::kOutput};
  static constexpr const char* kSuffixes[] = {".I", ".W", ".O"};
  workloads::Operand operand;
  operand.role = kRoles[which];
  operand.tensor = static_cast<int>(network.tensors.size());
  workloads::Tensor tensor{layer.name + kSuffixes[which], kKinds[which], {}};
  for (const auto& dimension : dimensions) {
    if (!shape.extents.contains(dimension.substr(0, 1))) continue;
    operand.dimensions.push_back(access_of(layer, shape, dimension));
    tensor.extents.push_back(operand.dimensions.back().valid_end);
  }
  network.tensors.push_back(std::move(tensor));
  return operand;
}

void require_whole_windows(const LayerText& text, const LayerShape& shape,
                           const std::string& origin) {
  for (const std::string dimension : {"Y", "X"})
    if (shape.extents.at(dimension) < shape.extents.at(window_of(dimension)))
      fail(text, origin,
           dimension + " " + std::to_string(shape.extents.at(dimension)) +
               " is smaller than the filter; padding is part of the input");
}

}  // namespace

std::string window_of(const std::string& dimension) {
  return dimension == "Y" ? "R" : dimension == "X" ? "S" : "";
}

std::int64_t LayerShape::stride_of(const std::string& dimension) const {
  const auto found = strides.find(dimension);
  return found == strides.end() ? 1 : found->second;
}

LayerShape shape_of(const LayerText& text, const std::string& origin, bool with_batch) {
  LayerShape shape;
  shape.is_gemm = text.type == "GEMM";
  shape.strides = text.strides;
  if (text.type == "DSCONV" && text.dimensions.contains("K") && text.dimensions.at("K") != 1)
    fail(text, origin,
         "K " + std::to_string(text.dimensions.at("K")) + ": a depthwise layer has K 1");
  for (const auto& dimension : dimensions_of(text.type)) {
    const bool batch = dimension == "N" && !shape.is_gemm;
    if (batch && !with_batch) continue;
    const auto extent = extent_of(text, dimension);
    if (!extent && !batch)
      fail(text, origin, "Dimensions lack " + dimension + ", which " + text.type + " needs");
    shape.extents[dimension] = extent.value_or(1);
  }
  if (!shape.is_gemm) require_whole_windows(text, shape, origin);
  return shape;
}

void add_layer(const LayerText& text, const LayerShape& shape, workloads::Network& network) {
  workloads::Layer layer;
  layer.name = text.name;
  layer.origin = text.type + " " + text.name;
  const Coupling coupling = coupling_of(text.type);
  for (const int which : {0, 1})
    layer.inputs.push_back(add_operand(coupling.tensors[which], which, shape, layer, network));
  layer.output = add_operand(coupling.tensors[2], 2, shape, layer, network);
  for (std::size_t rank = 0; rank < layer.ranks.size(); ++rank)
    layer.ranks[rank].reduced = !workloads::Layer::indexes(layer.output, static_cast<int>(rank));
  network.layers.push_back(std::move(layer));
}

RankReference rank_of(const std::string& dimension, const LayerShape& shape) {
  RankReference reference{"", tree_name(dimension, shape.is_gemm), ""};
  if (!shape.is_gemm && (dimension == "Y" || dimension == "X")) reference.of_tensor = "I0";
  return reference;
}

}  // namespace tessera::mapping::maestro
