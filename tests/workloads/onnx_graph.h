// Writes small ONNX models in memory, and shapes by ONNX's own inference to compare ours with.
#pragma once

#include <onnx/onnx_pb.h>
#include <onnx/shape_inference/implementation.h>

#include <map>
#include <string>
#include <vector>

namespace tessera::workloads {

using OnnxShape = std::vector<std::int64_t>;

class OnnxGraph {
 public:
  explicit OnnxGraph(std::int64_t opset = 13) {
    model_.set_ir_version(7);
    auto* set = model_.add_opset_import();
    set->set_domain("");
    set->set_version(opset);
    model_.mutable_graph()->set_name("graph");
  }

  OnnxGraph& input(const std::string& name, const OnnxShape& shape) {
    describe(*model_.mutable_graph()->add_input(), name, shape);
    return *this;
  }
  OnnxGraph& output(const std::string& name) {
    auto* value = model_.mutable_graph()->add_output();
    value->set_name(name);
    value->mutable_type()->mutable_tensor_type()->set_elem_type(onnx::TensorProto::FLOAT);
    return *this;
  }
  /// A weight: shape and a payload of zeros.
  OnnxGraph& weight(const std::string& name, const OnnxShape& shape) {
    auto* tensor = model_.mutable_graph()->add_initializer();
    tensor->set_name(name);
    tensor->set_data_type(onnx::TensorProto::FLOAT);
    std::int64_t count = 1;
    for (const auto extent : shape) {
      tensor->add_dims(extent);
      count *= extent;
    }
    tensor->set_raw_data(std::string(static_cast<std::size_t>(count) * 4, '\0'));
    return *this;
  }
  OnnxGraph& integers(const std::string& name, const std::vector<std::int64_t>& values) {
    auto* tensor = model_.mutable_graph()->add_initializer();
    tensor->set_name(name);
    tensor->set_data_type(onnx::TensorProto::INT64);
    tensor->add_dims(static_cast<std::int64_t>(values.size()));
    for (const auto value : values) tensor->add_int64_data(value);
    return *this;
  }
  OnnxGraph& integer(const std::string& name, std::int64_t value) {
    integers(name, {value});
    auto* graph = model_.mutable_graph();
    graph->mutable_initializer(graph->initializer_size() - 1)->clear_dims();
    return *this;
  }
  OnnxGraph& reals(const std::string& name, const std::vector<float>& values, bool scalar = false) {
    auto* tensor = model_.mutable_graph()->add_initializer();
    tensor->set_name(name);
    tensor->set_data_type(onnx::TensorProto::FLOAT);
    if (!scalar) tensor->add_dims(static_cast<std::int64_t>(values.size()));
    for (const auto value : values) tensor->add_float_data(value);
    return *this;
  }

  /// Attributes of the node added next to last go through `set`.
  OnnxGraph& node(const std::string& type, const std::vector<std::string>& inputs,
                  const std::vector<std::string>& outputs) {
    auto* node = model_.mutable_graph()->add_node();
    node->set_op_type(type);
    node->set_name(outputs[0]);
    for (const auto& name : inputs) node->add_input(name);
    for (const auto& name : outputs) node->add_output(name);
    return *this;
  }
  OnnxGraph& set(const std::string& name, const std::vector<std::int64_t>& values) {
    auto* attribute = add_attribute(name, onnx::AttributeProto::INTS);
    for (const auto value : values) attribute->add_ints(value);
    return *this;
  }
  OnnxGraph& set(const std::string& name, std::int64_t value) {
    add_attribute(name, onnx::AttributeProto::INT)->set_i(value);
    return *this;
  }
  OnnxGraph& set(const std::string& name, int value) { return set(name, std::int64_t{value}); }
  OnnxGraph& set(const std::string& name, float value) {
    add_attribute(name, onnx::AttributeProto::FLOAT)->set_f(value);
    return *this;
  }
  OnnxGraph& set(const std::string& name, const char* value) {
    add_attribute(name, onnx::AttributeProto::STRING)->set_s(value);
    return *this;
  }
  OnnxGraph& set_reals(const std::string& name, const std::vector<float>& values) {
    auto* attribute = add_attribute(name, onnx::AttributeProto::FLOATS);
    for (const auto value : values) attribute->add_floats(value);
    return *this;
  }

  const onnx::ModelProto& model() const { return model_; }
  onnx::ModelProto& mutable_model() { return model_; }

 private:
  static void describe(onnx::ValueInfoProto& value, const std::string& name,
                       const OnnxShape& shape) {
    value.set_name(name);
    auto* type = value.mutable_type()->mutable_tensor_type();
    type->set_elem_type(onnx::TensorProto::FLOAT);
    for (const auto extent : shape) {
      auto* dimension = type->mutable_shape()->add_dim();
      if (extent > 0)
        dimension->set_dim_value(extent);
      else
        dimension->set_dim_param("N");
    }
  }
  onnx::AttributeProto* add_attribute(const std::string& name,
                                      onnx::AttributeProto::AttributeType type) {
    auto* graph = model_.mutable_graph();
    auto* attribute = graph->mutable_node(graph->node_size() - 1)->add_attribute();
    attribute->set_name(name);
    attribute->set_type(type);
    return attribute;
  }

  onnx::ModelProto model_;
};

/// Fully known shapes by ONNX's shape inference with data propagation.
inline std::map<std::string, OnnxShape> inferred_shapes(onnx::ModelProto model) {
  onnx::shape_inference::InferShapes(model, onnx::OpSchemaRegistry::Instance(),
                                     onnx::ShapeInferenceOptions{false, 1, true});
  std::map<std::string, OnnxShape> shapes;
  const auto add = [&](const onnx::ValueInfoProto& value) {
    const auto& type = value.type().tensor_type();
    if (!type.has_shape()) return;
    OnnxShape shape;
    for (const auto& dimension : type.shape().dim()) {
      if (!dimension.has_dim_value()) return;
      shape.push_back(dimension.dim_value());
    }
    shapes[value.name()] = shape;
  };
  for (const auto& value : model.graph().value_info()) add(value);
  for (const auto& value : model.graph().output()) add(value);
  return shapes;
}

}  // namespace tessera::workloads
