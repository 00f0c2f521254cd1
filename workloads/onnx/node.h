// An ONNX node with its attributes by name and the defaults of the operator set.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "onnx/onnx_pb.h"

namespace tessera::workloads {

class OnnxNode {
 public:
  OnnxNode(const onnx::NodeProto& node, std::int64_t opset) : node_(&node), opset_(opset) {}

  const std::string& type() const { return node_->op_type(); }
  const std::string& name() const { return node_->name(); }
  const std::string& domain() const { return node_->domain(); }
  std::int64_t opset() const { return opset_; }
  int inputs() const { return node_->input_size(); }
  int outputs() const { return node_->output_size(); }
  /// Name of an input; empty when it is left out.
  const std::string& input(int index) const;
  const std::string& output(int index) const { return node_->output(index); }
  bool has_input(int index) const { return !input(index).empty(); }

  const onnx::AttributeProto* attribute(const std::string& name) const;
  bool has(const std::string& name) const { return attribute(name) != nullptr; }
  std::int64_t integer(const std::string& name, std::int64_t otherwise) const;
  double real(const std::string& name, double otherwise) const;
  std::string text(const std::string& name, const std::string& otherwise) const;
  std::vector<std::int64_t> integers(const std::string& name) const;
  std::vector<double> reals(const std::string& name) const;

  /// "Conv node 'conv1'" for messages.
  std::string description() const;

 private:
  const onnx::NodeProto* node_;
  std::int64_t opset_;
};

/// Axis counted from the front; UserError when it is none of `rank`.
int normal_axis(const OnnxNode& node, std::int64_t axis, int rank);

}  // namespace tessera::workloads
