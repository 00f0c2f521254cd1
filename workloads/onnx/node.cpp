#include "workloads/onnx/node.h"

#include "sim/base/error.h"

namespace tessera::workloads {

namespace {

const std::string kNone;

}  // namespace

const std::string& OnnxNode::input(int index) const {
  return index < node_->input_size() ? node_->input(index) : kNone;
}

const onnx::AttributeProto* OnnxNode::attribute(const std::string& name) const {
  for (const auto& attribute : node_->attribute())
    if (attribute.name() == name) return &attribute;
  return nullptr;
}

std::int64_t OnnxNode::integer(const std::string& name, std::int64_t otherwise) const {
  const auto* found = attribute(name);
  return found != nullptr ? found->i() : otherwise;
}

double OnnxNode::real(const std::string& name, double otherwise) const {
  const auto* found = attribute(name);
  return found != nullptr ? found->f() : otherwise;
}

std::string OnnxNode::text(const std::string& name, const std::string& otherwise) const {
  const auto* found = attribute(name);
  return found != nullptr ? found->s() : otherwise;
}

std::vector<std::int64_t> OnnxNode::integers(const std::string& name) const {
  const auto* found = attribute(name);
  if (found == nullptr) return {};
  return {found->ints().begin(), found->ints().end()};
}

std::vector<double> OnnxNode::reals(const std::string& name) const {
  const auto* found = attribute(name);
  if (found == nullptr) return {};
  return {found->floats().begin(), found->floats().end()};
}

std::string OnnxNode::description() const {
  const std::string& label = name().empty() && outputs() > 0 ? output(0) : name();
  return type() + " node '" + label + "'";
}

int normal_axis(const OnnxNode& node, std::int64_t axis, int rank) {
  if (axis < -rank || axis >= rank)
    throw UserError(node.description(), ": axis is ", axis, "; ", -rank, " to ", rank - 1,
                    " is allowed");
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

}  // namespace tessera::workloads
