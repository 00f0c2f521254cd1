// Importing small models in tests: shapes are always compared with ONNX's own inference.
#pragma once

#include <gtest/gtest.h>

#include "array_oracle.h"
#include "onnx_graph.h"
#include "tests/support/refusal.h"
#include "workloads/onnx/importer.h"
#include "workloads/reference_executor.h"

namespace tessera::workloads {

using oracle::Array;

/// Compares the importer's shapes with ONNX's inference; how many both know.
inline std::size_t shapes_as_inferred(const OnnxImporter& importer, const onnx::ModelProto& model) {
  const auto inferred = inferred_shapes(model);
  std::size_t compared = 0;
  for (const auto& [name, shape] : importer.shapes()) {
    const auto other = inferred.find(name);
    if (other == inferred.end()) continue;
    EXPECT_EQ(shape, other->second) << name;
    ++compared;
  }
  return compared;
}

/// Imports and compares all shapes with ONNX's inference.
inline Network import(const OnnxGraph& graph, std::int64_t batch = 0) {
  OnnxImporter importer(graph.model(), "model", batch);
  Network network = importer.import();
  if (batch != 0) return network;
  EXPECT_GT(shapes_as_inferred(importer, graph.model()), 0u);
  return network;
}

inline std::string complaint(const OnnxGraph& graph, std::int64_t batch = 0) {
  return test::refusal_of([&] { OnnxImporter(graph.model(), "model", batch).import(); },
                          "no error");
}

inline std::string rank_names(const Layer& layer) {
  std::string names;
  for (const auto& rank : layer.ranks) names += rank.name + std::to_string(rank.extent) + " ";
  return names;
}

inline const Layer& last(const Network& network) { return network.layers.back(); }

inline std::vector<LayerKind> kinds(const Network& network) {
  std::vector<LayerKind> list;
  for (const auto& layer : network.layers) list.push_back(layer.kind);
  return list;
}

inline std::vector<Function> functions(const Network& network) {
  std::vector<Function> list;
  for (const auto& layer : network.layers) list.push_back(layer.function);
  return list;
}

inline constexpr std::uint64_t kSeed = 9;

inline Array seeded_array(const std::string& name, const OnnxShape& shape) {
  Array array{shape, {}};
  for (std::int64_t i = 0; i < oracle::size_of(shape); ++i)
    array.data.push_back(seeded_element(kSeed, name, i));
  return array;
}

inline std::vector<Element> run(const Network& network) {
  TensorValues values = seeded_values(network, kSeed);
  execute(network, values);
  return values[last(network).output.tensor];
}

inline Array apply(Function function, Array array) {
  for (auto& x : array.data) x = apply_function(function, x);
  return array;
}

}  // namespace tessera::workloads
