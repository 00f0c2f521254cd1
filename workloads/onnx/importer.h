// Turns an ONNX graph into a Network. Nodes are converted in file order; each reads Values
// (activations and weights) and Constants (shapes, indices, scalars) and defines the same. Shapes
// are the builder's own: all extents are known once the inputs' are, so no shape annotations are
// needed in the file.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "workloads/graph_builder.h"
#include "workloads/onnx/constants.h"
#include "workloads/onnx/node.h"

namespace tessera::workloads {

class OnnxImporter {
 public:
  /// `batch` 0 keeps the file's (a symbolic batch is then 1). `origin` names the file in messages.
  OnnxImporter(const onnx::ModelProto& model, std::string origin, std::int64_t batch);

  Network import();

  /// Shapes of all activations by ONNX name, for checks against other shape inference.
  std::map<std::string, std::vector<std::int64_t>> shapes() const;

 private:
  using Shape = std::vector<std::int64_t>;
  using Converter = void (OnnxImporter::*)(const OnnxNode&);

  /// A Pad in front of a convolution or pooling: only such a layer can take it.
  struct Padding {
    std::string source;
    Shape begin;  ///< per dimension of the source
    Shape end;
  };

  static const std::map<std::string, Converter>& converters();

  // importer.cpp: the graph.
  void find_batch();
  std::set<std::string> output_names() const;
  std::vector<OnnxNode> needed_nodes() const;
  void count_uses(const std::vector<OnnxNode>& nodes);
  void add_constants();
  void add_inputs();
  Shape input_shape(const onnx::ValueInfoProto& input) const;
  void convert(const OnnxNode& node);
  bool fold_constants(const OnnxNode& node);
  std::vector<Value> outputs() const;

  // importer.cpp: what converters stand on.
  std::string layer_name(const OnnxNode& node);
  /// The input as a value; a constant becomes a weight tensor. Its producer is kept only when this
  /// node is its only reader, so that functions may be fused into it.
  Value value(const OnnxNode& node, int index);
  bool is_constant(const std::string& name) const { return constants_.contains(name); }
  const Constant* constant(const OnnxNode& node, int index) const;
  /// Integers of a constant input, or of the attribute when there is no such input.
  std::optional<std::vector<std::int64_t>> integers(const OnnxNode& node, int index,
                                                    const std::string& attribute) const;
  std::vector<std::int64_t> required_integers(const OnnxNode& node, int index,
                                              const std::string& attribute) const;
  void define(const OnnxNode& node, Value value, int output = 0);
  /// The activation fused into the producer, or a layer of its own.
  void activate(const OnnxNode& node, Function function);

  // convert_matrix.cpp
  void convolution(const OnnxNode& node);
  void gemm(const OnnxNode& node);
  void matrix_product(const OnnxNode& node);
  Value product(const std::string& name, Value a, Value b);
  /// Input 0 with a Pad in front of it resolved; the window's pads grow by it.
  Value padded_input(const OnnxNode& node, WindowSpec& window);
  WindowSpec window_of(const OnnxNode& node, const Shape& input, const Shape& kernel) const;
  void resolve_auto_pad(const OnnxNode& node, const Shape& input, WindowSpec& window) const;

  // convert_vector.cpp
  void max_pool(const OnnxNode& node);
  void average_pool(const OnnxNode& node);
  void global_pool(const OnnxNode& node);
  void reduce(const OnnxNode& node);
  void function(const OnnxNode& node);
  void clip(const OnnxNode& node);
  void arithmetic(const OnnxNode& node);
  void softmax(const OnnxNode& node);
  void batch_normalisation(const OnnxNode& node);
  void layer_normalisation(const OnnxNode& node);
  void instance_normalisation(const OnnxNode& node);
  void group_normalisation(const OnnxNode& node);
  void local_response_norm(const OnnxNode& node);

  // convert_views.cpp
  void pass_on(const OnnxNode& node);
  void concat(const OnnxNode& node);
  void split(const OnnxNode& node);
  void slice(const OnnxNode& node);
  void gather(const OnnxNode& node);
  void reshape(const OnnxNode& node);
  void flatten(const OnnxNode& node);
  void transpose(const OnnxNode& node);
  void squeeze(const OnnxNode& node);
  void unsqueeze(const OnnxNode& node);
  void expand(const OnnxNode& node);
  void pad(const OnnxNode& node);
  void resize(const OnnxNode& node);
  void shape(const OnnxNode& node);
  void use_batch(const Shape& source, Shape& target) const;

  const onnx::ModelProto& model_;
  std::string origin_;
  std::int64_t opset_ = 0;
  std::int64_t file_batch_ = 1;
  std::int64_t batch_ = 0;
  std::optional<GraphBuilder> builder_;
  std::map<std::string, Value> values_;
  std::map<std::string, Constant> constants_;
  std::map<std::string, Value> weights_;  ///< constants that layers read
  std::map<std::string, Padding> paddings_;
  std::map<std::string, int>
      uses_;  ///< readers of each value; an output of the graph counts as one
  std::set<std::string> layer_names_;
};

/// Reads and imports a file. UserError naming file, node and operator set.
Network load_onnx_network(const std::string& path, std::int64_t batch);

}  // namespace tessera::workloads
