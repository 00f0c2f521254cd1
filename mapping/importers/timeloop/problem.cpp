#include "mapping/importers/timeloop/problem.h"

#include <filesystem>
#include <map>

#include "mapping/importers/yaml/yaml_value.h"
#include "sim/base/names.h"

namespace tessera::mapping::importers {

namespace {

using workloads::AffineTerm;
using workloads::DimensionAccess;
using workloads::Layer;
using workloads::Network;
using workloads::Operand;
using workloads::OperandRole;
using workloads::TensorKind;

using Coefficients = std::map<std::string, std::int64_t>;

std::vector<std::string> rank_names(const Layer& layer) {
  std::vector<std::string> names;
  for (const auto& rank : layer.ranks) names.push_back(rank.name);
  return names;
}

int rank_of(const YamlValue& name, const Layer& layer) {
  const int rank = layer.rank_index(name.text());
  if (rank < 0)
    name.fail("'", name.text(), "' is no dimension; ", suggest(name.text(), rank_names(layer)));
  return rank;
}

std::int64_t coefficient_of(const YamlValue& name, const Coefficients& coefficients) {
  const auto named = coefficients.find(name.text());
  const std::int64_t value = named != coefficients.end() ? named->second : name.integer();
  if (value < 1) name.fail("coefficient ", name.text(), " is ", value, "; it has to be at least 1");
  return value;
}

AffineTerm read_term(const YamlValue& term, const Layer& layer, const Coefficients& coefficients) {
  if (term.is_scalar()) return {rank_of(term, layer), 1};
  const auto parts = term.items();
  if (parts.empty() || parts.size() > 2)
    term.fail("a term is [dimension] or [dimension, coefficient]");
  return {rank_of(parts[0], layer), parts.size() == 2 ? coefficient_of(parts[1], coefficients) : 1};
}

/// One entry of `projection`: a dimension, or a list of terms that are added.
DimensionAccess read_dimension(const YamlValue& entry, const Layer& layer,
                               const Coefficients& coefficients) {
  DimensionAccess access;
  if (entry.is_scalar()) {
    access.terms.push_back({rank_of(entry, layer), 1});
  } else {
    for (const auto& term : entry.items())
      access.terms.push_back(read_term(term, layer, coefficients));
  }
  access.valid_end = 1;
  for (const auto& term : access.terms)
    access.valid_end += term.coefficient * (layer.ranks[term.rank].extent - 1);
  return access;
}

OperandRole role_of(const YamlValue& space) {
  const auto written = space.find("read_write");
  if (written && written->flag()) return OperandRole::kOutput;
  const std::string name = space.at("name").text();
  const bool weight = name.find("eight") != std::string::npos ||
                      name.find("ilter") != std::string::npos || name == "W";
  return weight ? OperandRole::kWeight : OperandRole::kInput;
}

TensorKind kind_of(OperandRole role) {
  switch (role) {
    case OperandRole::kInput:
      return TensorKind::kInput;
    case OperandRole::kWeight:
      return TensorKind::kWeight;
    case OperandRole::kOutput:
      return TensorKind::kOutput;
  }
  return TensorKind::kInput;
}

void read_space(const YamlValue& space, const Coefficients& coefficients, Network& network) {
  space.allow_only({"name", "projection", "read_write", "ranks"});
  Layer& layer = network.layers.front();
  Operand operand;
  operand.tensor = static_cast<int>(network.tensors.size());
  operand.role = role_of(space);
  for (const auto& entry : space.at("projection").items())
    operand.dimensions.push_back(read_dimension(entry, layer, coefficients));
  workloads::Tensor tensor{space.at("name").text(), kind_of(operand.role), {}};
  for (const auto& earlier : network.tensors)
    if (earlier.name == tensor.name) space.fail("data space '", tensor.name, "' is given twice");
  for (const auto& access : operand.dimensions) tensor.extents.push_back(access.valid_end);
  network.tensors.push_back(tensor);
  if (operand.role != OperandRole::kOutput) {
    layer.inputs.push_back(operand);
  } else {
    if (layer.output.tensor >= 0) space.fail("a second data space is read_write; one is allowed");
    layer.output = operand;
  }
}

void read_dimensions(const YamlValue& shape, const YamlValue& instance, Layer& layer) {
  for (const auto& name : shape.at("dimensions").items()) {
    if (layer.rank_index(name.text()) >= 0)
      name.fail("dimension '", name.text(), "' is given twice");
    const auto extent = instance.at(name.text());
    if (extent.integer() < 1) extent.fail("'", extent.text(), "' has to be at least 1");
    layer.ranks.push_back({name.text(), extent.integer(), false});
  }
}

Coefficients read_coefficients(const YamlValue& shape, const YamlValue& instance) {
  Coefficients coefficients;
  const auto list = shape.find("coefficients");
  if (!list) return coefficients;
  for (const auto& entry : list->items()) {
    const std::string name = entry.at("name").text();
    const auto value = instance.find(name);
    coefficients[name] = value ? value->integer() : entry.at("default").integer();
  }
  return coefficients;
}

void check_instance(const YamlValue& instance, const Layer& layer, const Coefficients& known) {
  for (const auto& [key, value] : instance.fields()) {
    if (key == "densities") value.fail("densities: sparse tensors are not modelled");
    if (layer.rank_index(key) < 0 && !known.contains(key))
      value.fail("'", key, "' is neither a dimension nor a coefficient of the shape");
  }
}

void mark_reduced(Layer& layer) {
  for (std::size_t rank = 0; rank < layer.ranks.size(); ++rank)
    layer.ranks[rank].reduced = !Layer::indexes(layer.output, static_cast<int>(rank));
}

Network read_problem(const YamlValue& file, const std::string& origin) {
  const auto problem = file.at("problem");
  problem.allow_only({"version", "shape", "instance"});
  const auto shape = problem.at("shape");
  if (!shape.is_map()) shape.fail("'", shape.text(), "' names a stock shape; write the shape out");
  if (const auto flatten = shape.find("flatten")) flatten->fail("flattened ranks are not modelled");
  shape.allow_only({"name", "dimensions", "coefficients", "data_spaces"});
  const auto instance = problem.at("instance");
  Network network;
  network.name = shape.at("name").text();
  Layer& layer = network.layers.emplace_back();
  layer.name = network.name;
  layer.origin = origin;
  read_dimensions(shape, instance, layer);
  const auto coefficients = read_coefficients(shape, instance);
  check_instance(instance, layer, coefficients);
  for (const auto& space : shape.at("data_spaces").items())
    read_space(space, coefficients, network);
  if (layer.output.tensor < 0) shape.fail("no data space is read_write; one has to be");
  mark_reduced(layer);
  return network;
}

}  // namespace

Network load_timeloop_problem(const std::string& path) {
  return read_problem(YamlValue::load(path), path);
}

Network parse_timeloop_problem(const std::string& text, const std::string& origin) {
  return read_problem(YamlValue::parse(text, origin), origin);
}

}  // namespace tessera::mapping::importers
