#include "mapping/importers/looptree/workload.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "mapping/importers/looptree/affine_text.h"
#include "mapping/importers/yaml/yaml_value.h"
#include "sim/base/names.h"

namespace tessera::mapping::importers {

namespace {

using workloads::DimensionAccess;
using workloads::Layer;
using workloads::Network;
using workloads::Operand;
using workloads::OperandRole;
using workloads::TensorKind;

class WorkloadReader {
 public:
  explicit WorkloadReader(std::string origin) : origin_(std::move(origin)) {}

  Network read(const YamlValue& problem) {
    network_.name = std::filesystem::path(origin_).stem().string();
    for (const auto& einsum : problem.items()) read_einsum(einsum);
    if (network_.layers.empty()) problem.fail("no einsum is given");
    mark_kinds();
    return std::move(network_);
  }

 private:
  void read_einsum(const YamlValue& einsum) {
    einsum.allow_only({"shape", "instance"});
    const auto shape = einsum.at("shape");
    shape.allow_only({"name", "dimensions", "data_spaces", "data-spaces"});
    Layer layer;
    layer.name = shape.at("name").text();
    layer.origin = origin_;
    for (const auto& earlier : network_.layers)
      if (earlier.name == layer.name) shape.at("name").fail("'", layer.name, "' is given twice");
    read_ranks(shape, einsum.at("instance"), layer);
    const auto spaces = shape.find("data_spaces");
    for (const auto& space : (spaces ? *spaces : shape.at("data-spaces")).items())
      read_space(space, layer);
    if (layer.output.tensor < 0) shape.fail("no data space of '", layer.name, "' is read_write");
    for (std::size_t rank = 0; rank < layer.ranks.size(); ++rank)
      layer.ranks[rank].reduced = !Layer::indexes(layer.output, static_cast<int>(rank));
    network_.layers.push_back(std::move(layer));
  }

  void read_ranks(const YamlValue& shape, const YamlValue& instance, Layer& layer) {
    auto extents = parse_extents(instance);
    for (const auto& name : shape.at("dimensions").items()) {
      if (!dimensions_.insert(name.text()).second)
        name.fail("dimension '", name.text(), "' is used twice in the workload");
      const auto extent = extents.find(name.text());
      if (extent == extents.end()) instance.fail("'", name.text(), "' is not bounded here");
      layer.ranks.push_back({name.text(), extent->second, false});
      extents.erase(extent);
    }
    if (!extents.empty())
      instance.fail("'", extents.begin()->first, "' is no dimension of '", layer.name, "'");
  }

  static bool is_output(const YamlValue& space) {
    const auto written =
        space.find("read_write") ? space.find("read_write") : space.find("read-write");
    return written && written->flag();
  }

  void read_space(const YamlValue& space, Layer& layer) {
    space.allow_only({"name", "dimensions", "projection", "read_write", "read-write"});
    Operand operand;
    operand.role = is_output(space) ? OperandRole::kOutput : OperandRole::kInput;
    for (const auto& sum : parse_projection(space.at("projection")))
      operand.dimensions.push_back(access_of(space, sum, layer));
    if (const auto names = space.find("dimensions");
        names && names->items().size() != operand.dimensions.size())
      names->fail(names->items().size(), " dimensions, but the projection has ",
                  operand.dimensions.size());
    operand.tensor = tensor_of(space, operand);
    if (operand.role != OperandRole::kOutput) {
      layer.inputs.push_back(operand);
    } else {
      if (layer.output.tensor >= 0) space.fail("'", layer.name, "' writes a second data space");
      if (!written_.insert(operand.tensor).second)
        space.fail("'", space.at("name").text(), "' is written by two einsums");
      layer.output = operand;
    }
  }

  static DimensionAccess access_of(const YamlValue& space, const AffineText& sum,
                                   const Layer& layer) {
    DimensionAccess access;
    access.offset = access.valid_begin = sum.constant;
    access.valid_end = sum.constant + 1;
    for (const auto& [name, coefficient] : sum.terms) {
      const int rank = layer.rank_index(name);
      if (rank < 0) {
        std::vector<std::string> known;
        for (const auto& candidate : layer.ranks) known.push_back(candidate.name);
        space.at("projection")
            .fail("'", name, "' is no dimension of '", layer.name, "'; ", suggest(name, known));
      }
      access.terms.push_back({rank, coefficient});
      access.valid_end += coefficient * (layer.ranks[rank].extent - 1);
    }
    return access;
  }

  int tensor_of(const YamlValue& space, const Operand& operand) {
    const std::string name = space.at("name").text();
    auto tensor = std::ranges::find(network_.tensors, name, &workloads::Tensor::name);
    if (tensor == network_.tensors.end()) {
      network_.tensors.push_back(
          {name, TensorKind::kInput, std::vector<std::int64_t>(operand.dimensions.size(), 0)});
      tensor = network_.tensors.end() - 1;
    }
    if (tensor->extents.size() != operand.dimensions.size())
      space.fail("'", name, "' has ", tensor->extents.size(), " dimensions elsewhere");
    for (std::size_t i = 0; i < operand.dimensions.size(); ++i)
      tensor->extents[i] = std::max(tensor->extents[i], operand.dimensions[i].valid_end);
    return static_cast<int>(tensor - network_.tensors.begin());
  }

  void mark_kinds() {
    for (std::size_t tensor = 0; tensor < network_.tensors.size(); ++tensor) {
      bool read = false;
      for (const auto& layer : network_.layers)
        for (const auto& input : layer.inputs) read = read || input.tensor == int(tensor);
      if (written_.contains(static_cast<int>(tensor)))
        network_.tensors[tensor].kind = read ? TensorKind::kIntermediate : TensorKind::kOutput;
    }
  }

  std::string origin_;
  Network network_;
  std::set<std::string> dimensions_;
  std::set<int> written_;
};

}  // namespace

Network load_looptree_workload(const std::string& path) {
  return WorkloadReader(path).read(YamlValue::load(path).at("problem"));
}

Network parse_looptree_workload(const std::string& text, const std::string& origin) {
  return WorkloadReader(origin).read(YamlValue::parse(text, origin).at("problem"));
}

}  // namespace tessera::mapping::importers
