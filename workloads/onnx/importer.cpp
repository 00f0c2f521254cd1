#include "workloads/onnx/importer.h"

#include <algorithm>

#include "sim/base/error.h"
#include "sim/base/names.h"
#include "workloads/onnx/model_reader.h"

namespace tessera::workloads {

namespace {

/// Reads only the extents of its input, not the data.
bool reads_shape_only(const OnnxNode& node) {
  return node.type() == "Shape" || node.type() == "Size";
}

bool is_own_domain(const OnnxNode& node) {
  return node.domain().empty() || node.domain() == "ai.onnx";
}

/// Gelu and the fused normalisations live in Microsoft's domain until ONNX took them over.
bool is_known_domain(const OnnxNode& node) {
  return is_own_domain(node) || node.domain() == "com.microsoft";
}

std::int64_t default_opset(const onnx::ModelProto& model, const std::string& origin) {
  for (const auto& set : model.opset_import())
    if (set.domain().empty() || set.domain() == "ai.onnx") return set.version();
  throw UserError(origin, ": names no operator set of ai.onnx");
}

}  // namespace

const std::map<std::string, OnnxImporter::Converter>& OnnxImporter::converters() {
  using I = OnnxImporter;
  static const std::map<std::string, Converter> table = {
      {"Conv", &I::convolution},
      {"Gemm", &I::gemm},
      {"MatMul", &I::matrix_product},
      {"MaxPool", &I::max_pool},
      {"AveragePool", &I::average_pool},
      {"GlobalAveragePool", &I::global_pool},
      {"GlobalMaxPool", &I::global_pool},
      {"ReduceMean", &I::reduce},
      {"ReduceMax", &I::reduce},
      {"Add", &I::arithmetic},
      {"Sub", &I::arithmetic},
      {"Mul", &I::arithmetic},
      {"Div", &I::arithmetic},
      {"Pow", &I::arithmetic},
      {"Sum", &I::arithmetic},
      {"Relu", &I::function},
      {"LeakyRelu", &I::function},
      {"PRelu", &I::function},
      {"Sigmoid", &I::function},
      {"Tanh", &I::function},
      {"Gelu", &I::function},
      {"Erf", &I::function},
      {"HardSwish", &I::function},
      {"Exp", &I::function},
      {"Sqrt", &I::function},
      {"Clip", &I::clip},
      {"Softmax", &I::softmax},
      {"BatchNormalization", &I::batch_normalisation},
      {"LayerNormalization", &I::layer_normalisation},
      {"InstanceNormalization", &I::instance_normalisation},
      {"GroupNormalization", &I::group_normalisation},
      {"LRN", &I::local_response_norm},
      {"Identity", &I::pass_on},
      {"Dropout", &I::pass_on},
      {"Cast", &I::pass_on},
      {"Concat", &I::concat},
      {"Split", &I::split},
      {"Slice", &I::slice},
      {"Gather", &I::gather},
      {"Reshape", &I::reshape},
      {"Flatten", &I::flatten},
      {"Transpose", &I::transpose},
      {"Squeeze", &I::squeeze},
      {"Unsqueeze", &I::unsqueeze},
      {"Expand", &I::expand},
      {"Pad", &I::pad},
      {"Upsample", &I::resize},
      {"Resize", &I::resize},
      {"Shape", &I::shape},
  };
  return table;
}

OnnxImporter::OnnxImporter(const onnx::ModelProto& model, std::string origin, std::int64_t batch)
    : model_(model),
      origin_(std::move(origin)),
      opset_(default_opset(model, origin_)),
      batch_(batch) {
  if (batch < 0) throw UserError(origin_, ": batch is ", batch, "; at least 1 is allowed");
}

Network OnnxImporter::import() {
  add_constants();
  find_batch();
  const std::string name = model_.graph().name();
  builder_.emplace(name.empty() ? origin_ : name, batch_, output_names());
  const auto nodes = needed_nodes();
  count_uses(nodes);
  add_inputs();
  for (const auto& node : nodes) convert(node);
  try {
    return builder_->finish(outputs(), GraphBuilder::Unread::kDrop);
  } catch (const UserError& error) {
    throw UserError(origin_, ": ", error.what());
  }
}

std::set<std::string> OnnxImporter::output_names() const {
  std::set<std::string> names;
  for (const auto& output : model_.graph().output()) names.insert(output.name());
  return names;
}

void OnnxImporter::add_constants() {
  for (const auto& tensor : model_.graph().initializer())
    constants_.emplace(tensor.name(), constant_of(tensor));
}

/// The batch is the first dimension of the first input that is no initialiser.
void OnnxImporter::find_batch() {
  for (const auto& input : model_.graph().input()) {
    if (is_constant(input.name())) continue;
    const auto& shape = input.type().tensor_type().shape();
    if (shape.dim_size() > 0 && shape.dim(0).dim_value() > 0)
      file_batch_ = shape.dim(0).dim_value();
    break;
  }
  if (batch_ == 0) batch_ = file_batch_;
}

/// Nodes that reach an output of the graph, in file order.
std::vector<OnnxNode> OnnxImporter::needed_nodes() const {
  std::set<std::string> wanted = output_names();
  std::vector<OnnxNode> nodes;
  const auto& graph = model_.graph();
  for (int i = graph.node_size(); i-- > 0;) {
    const auto& node = graph.node(i);
    const auto is_wanted = [&](const std::string& name) { return wanted.contains(name); };
    if (std::ranges::none_of(node.output(), is_wanted)) continue;
    wanted.insert(node.input().begin(), node.input().end());
    nodes.emplace_back(node, opset_);
  }
  std::ranges::reverse(nodes);
  return nodes;
}

void OnnxImporter::count_uses(const std::vector<OnnxNode>& nodes) {
  for (const auto& name : output_names()) ++uses_[name];
  for (const auto& node : nodes)
    for (int i = 0; i < node.inputs() && !reads_shape_only(node); ++i) ++uses_[node.input(i)];
}

OnnxImporter::Shape OnnxImporter::input_shape(const onnx::ValueInfoProto& input) const {
  const auto& type = input.type().tensor_type();
  if (!type.has_shape())
    throw UserError(origin_, ": input '", input.name(), "' has no shape; give it one");
  Shape shape;
  for (int i = 0; i < type.shape().dim_size(); ++i) {
    const auto& dimension = type.shape().dim(i);
    const bool is_batch =
        i == 0 && (dimension.dim_value() == file_batch_ || dimension.dim_value() < 1);
    const std::int64_t extent = is_batch ? batch_ : dimension.dim_value();
    if (extent < 1)
      throw UserError(origin_, ": input '", input.name(), "' leaves dimension ", i, " open ('",
                      dimension.dim_param(),
                      "'); only the batch may be open, export with fixed sizes");
    shape.push_back(extent);
  }
  return shape;
}

void OnnxImporter::add_inputs() {
  for (const auto& input : model_.graph().input()) {
    if (is_constant(input.name()) || uses_[input.name()] == 0) continue;
    values_[input.name()] = builder_->input(input.name(), input_shape(input));
  }
}

bool OnnxImporter::fold_constants(const OnnxNode& node) {
  std::vector<const Constant*> inputs;
  for (int i = 0; i < node.inputs(); ++i) {
    if (!node.has_input(i)) continue;
    const auto found = constants_.find(node.input(i));
    if (found == constants_.end()) return false;
    inputs.push_back(&found->second);
  }
  auto result = fold(node, inputs);
  if (!result) return false;
  constants_[node.output(0)] = std::move(*result);
  return true;
}

void OnnxImporter::convert(const OnnxNode& node) {
  try {
    if (fold_constants(node)) return;
    const auto converter = converters().find(node.type());
    if (converter == converters().end() || !is_known_domain(node))
      throw UserError("this operator is not supported; docs/onnx.md lists what is");
    builder_->set_origin(node.description());
    (this->*converter->second)(node);
  } catch (const UserError& error) {
    throw UserError(origin_, ": ", node.description(), " (operator set ", opset_,
                    "): ", error.what());
  }
}

std::vector<Value> OnnxImporter::outputs() const {
  std::vector<Value> found;
  for (const auto& output : model_.graph().output()) {
    const auto value = values_.find(output.name());
    if (value == values_.end())
      throw UserError("output '", output.name(), "' is not computed by any layer");
    found.push_back(value->second);
  }
  return found;
}

std::map<std::string, std::vector<std::int64_t>> OnnxImporter::shapes() const {
  std::map<std::string, Shape> found;
  for (const auto& [name, value] : values_) found[name] = value.shape();
  return found;
}

std::string OnnxImporter::layer_name(const OnnxNode& node) {
  std::string name = node.name();
  if (name.empty() || layer_names_.contains(name)) name = node.type() + "_" + node.output(0);
  layer_names_.insert(name);
  return name;
}

Value OnnxImporter::value(const OnnxNode& node, int index) {
  const std::string& name = node.input(index);
  if (name.empty()) throw UserError("input ", index, " is missing");
  if (paddings_.contains(name))
    throw UserError("reads the result of a Pad; only convolution and pooling can take padding");
  const auto found = values_.find(name);
  if (found != values_.end()) {
    Value result = found->second;
    if (uses_[name] != 1) result.producer = -1;
    return result;
  }
  const auto constant = constants_.find(name);
  if (constant == constants_.end())
    throw UserError("reads '", name, "', which no input, initialiser or earlier node defines");
  if (!weights_.contains(name)) weights_[name] = builder_->weight(name, constant->second.shape);
  return weights_.at(name);
}

const Constant* OnnxImporter::constant(const OnnxNode& node, int index) const {
  const auto found = constants_.find(node.input(index));
  return found == constants_.end() ? nullptr : &found->second;
}

std::optional<std::vector<std::int64_t>> OnnxImporter::integers(
    const OnnxNode& node, int index, const std::string& attribute) const {
  if (!node.has_input(index)) {
    if (!node.has(attribute)) return std::nullopt;
    return node.integers(attribute);
  }
  const Constant* found = constant(node, index);
  const auto values = found != nullptr ? found->integers() : std::nullopt;
  if (!values)
    throw UserError("'", attribute, "' (input '", node.input(index),
                    "') depends on data; only constants are allowed");
  return values;
}

std::vector<std::int64_t> OnnxImporter::required_integers(const OnnxNode& node, int index,
                                                          const std::string& attribute) const {
  const auto found = integers(node, index, attribute);
  if (!found) throw UserError("'", attribute, "' is missing");
  return *found;
}

void OnnxImporter::define(const OnnxNode& node, Value value, int output) {
  value.name = node.output(output);
  values_[value.name] = std::move(value);
}

void OnnxImporter::activate(const OnnxNode& node, Function function) {
  const Value input = value(node, 0);
  if (builder_->fuse(input, function)) return define(node, input);
  define(node, builder_->map(layer_name(node), function, {input}));
}

Network load_onnx_network(const std::string& path, std::int64_t batch) {
  const onnx::ModelProto model = read_onnx_model(path);
  return OnnxImporter(model, path, batch).import();
}

}  // namespace tessera::workloads
