#include "mapping/importers/timeloop/architecture.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <filesystem>
#include <map>

#include "mapping/importers/yaml/yaml_value.h"

namespace tessera::mapping::importers {

namespace {

/// Attributes of a component after inheritance from the containers around it.
using Attributes = std::map<std::string, YamlValue>;

constexpr const char* kIgnoredAttributes[] = {
    "technology", "global_cycle_seconds",  "latency", "n_banks",          "cycle_time",
    "voltage",    "action_latency_cycles", "type",    "has_power_gating", "power_gating"};

constexpr const char* kUsedAttributes[] = {"depth",
                                           "entries",
                                           "sizeKB",
                                           "width",
                                           "datawidth",
                                           "word_bits",
                                           "word_width",
                                           "block_size",
                                           "cluster_size",
                                           "multiple_buffering",
                                           "min_utilization",
                                           "read_bandwidth",
                                           "write_bandwidth",
                                           "shared_bandwidth",
                                           "bandwidth",
                                           "network_fill_latency",
                                           "network_drain_latency",
                                           "allow_overbooking",
                                           "reduction_supported",
                                           "n_rd_ports",
                                           "n_wr_ports",
                                           "n_rdwr_ports",
                                           "meshX",
                                           "meshY"};

bool listed(const std::string& name, const auto& list) {
  return std::ranges::any_of(list, [&](const char* entry) { return name == entry; });
}

bool contains_any(std::string text, std::initializer_list<const char*> words) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  return std::ranges::any_of(
      words, [&](const char* word) { return text.find(word) != std::string::npos; });
}

/// The tool decides by a substring of the class name.
TimeloopUnitKind kind_of(const YamlValue& device_class) {
  const std::string name = device_class.text();
  if (contains_any(name, {"dram", "sram", "regfile", "smartbuffer", "storage"}))
    return TimeloopUnitKind::kStorage;
  if (contains_any(name, {"mac", "compute"})) return TimeloopUnitKind::kCompute;
  if (contains_any(name, {"noc", "legacy", "reductiontree", "simplemulticast"}))
    device_class.fail("class '", name, "': networks are not part of the performance model");
  device_class.fail("class '", name,
                    "' is unknown; storage classes contain DRAM, SRAM, regfile, smartbuffer or "
                    "storage, compute classes mac or compute");
}

const YamlValue* first_of(const Attributes& attributes, std::initializer_list<const char*> names) {
  for (const char* name : names)
    if (const auto found = attributes.find(name); found != attributes.end()) return &found->second;
  return nullptr;
}

std::int64_t positive(const YamlValue& value) {
  const std::int64_t number = value.integer();
  if (number < 1) value.fail("'", number, "' has to be at least 1");
  return number;
}

double positive_number(const YamlValue& value) {
  const double number = value.number();
  if (!(number > 0)) value.fail("'", value.text(), "' has to be positive");
  return number;
}

void inherit(const YamlValue& attributes, Attributes& inherited) {
  for (const auto& [name, value] : attributes.fields()) {
    if (!listed(name, kIgnoredAttributes) && !listed(name, kUsedAttributes))
      value.fail("attribute '", name, "' is not known");
    inherited.insert_or_assign(name, value);
  }
}

void refuse_unmodelled(const Attributes& attributes) {
  if (const auto* value = first_of(attributes, {"cluster_size"}); value && value->integer() != 1)
    value->fail("cluster_size ", value->text(), " is not modelled, only 1");
  if (const auto* value = first_of(attributes, {"allow_overbooking"}); value && value->flag())
    value->fail("allow_overbooking is not modelled");
  if (const auto* value = first_of(attributes, {"reduction_supported"}); value && !value->flag())
    value->fail("reduction_supported: false is not modelled");
}

void read_words(const Attributes& attributes, TimeloopUnit& unit) {
  if (const auto* bits = first_of(attributes, {"datawidth", "word_bits", "word_width"}))
    unit.word_bits = positive(*bits);
  if (const auto* block = first_of(attributes, {"block_size"})) {
    unit.block_words = positive(*block);
  } else if (const auto* width = first_of(attributes, {"width"})) {
    if (positive(*width) % unit.word_bits != 0)
      width->fail("width ", width->text(), " is no multiple of the word's ", unit.word_bits,
                  " bits");
    unit.block_words = width->integer() / unit.word_bits;
  }
}

void read_capacity(const Attributes& attributes, TimeloopUnit& unit) {
  double words = 0;
  if (const auto* depth = first_of(attributes, {"depth"})) {
    words = static_cast<double>(positive(*depth) * unit.block_words);
  } else if (const auto* entries = first_of(attributes, {"entries"})) {
    words = static_cast<double>(positive(*entries));
  } else if (const auto* kilobytes = first_of(attributes, {"sizeKB"})) {
    words = positive_number(*kilobytes) * 1024 * 8 / static_cast<double>(unit.word_bits);
  } else {
    return;
  }
  const auto* copies = first_of(attributes, {"multiple_buffering"});
  const double factor = copies ? positive_number(*copies) : 1.0;
  unit.multiple_buffering = factor > 1;
  unit.capacity_words = static_cast<std::int64_t>(std::floor(words / factor));
}

void read_bandwidths(const Attributes& attributes, TimeloopUnit& unit) {
  if (const auto* both = first_of(attributes, {"bandwidth"}))
    unit.read_bandwidth = unit.write_bandwidth = positive_number(*both) / 2;
  if (const auto* read = first_of(attributes, {"read_bandwidth"}))
    unit.read_bandwidth = positive_number(*read);
  if (const auto* write = first_of(attributes, {"write_bandwidth"}))
    unit.write_bandwidth = positive_number(*write);
  if (const auto* shared = first_of(attributes, {"shared_bandwidth"}))
    unit.shared_bandwidth = positive_number(*shared);
  if (const auto* fill = first_of(attributes, {"network_fill_latency"}))
    unit.fill_latency = fill->integer();
  if (const auto* drain = first_of(attributes, {"network_drain_latency"}))
    unit.drain_latency = drain->integer();
}

void read_ports(const Attributes& attributes, TimeloopUnit& unit) {
  const auto ports = [&](const char* name) {
    const auto* value = first_of(attributes, {name});
    const std::int64_t count = value ? value->integer() : 0;
    if (count < 0) value->fail("'", count, "' has to be at least 0");
    return count;
  };
  unit.read_ports = ports("n_rd_ports");
  unit.write_ports = ports("n_wr_ports");
  unit.shared_ports = ports("n_rdwr_ports");
  if (unit.read_ports + unit.write_ports + unit.shared_ports == 0) unit.shared_ports = 1;
}

void read_attributes(const Attributes& attributes, TimeloopUnit& unit) {
  refuse_unmodelled(attributes);
  read_words(attributes, unit);
  if (unit.kind != TimeloopUnitKind::kStorage) return;
  read_capacity(attributes, unit);
  read_bandwidths(attributes, unit);
  read_ports(attributes, unit);
  if (const auto* share = first_of(attributes, {"min_utilization"}))
    unit.min_utilization = share->number();
}

/// Walks the node list, keeping what containers hand down.
class ArchitectureReader {
 public:
  void read(const YamlValue& nodes) {
    for (const auto& node : nodes.items()) read_node(node);
  }

  TimeloopArchitecture finish(const YamlValue& root) {
    if (architecture_.units.empty() ||
        architecture_.units.back().kind != TimeloopUnitKind::kCompute)
      root.fail("the last node has to be a compute component");
    if (architecture_.units.front().kind != TimeloopUnitKind::kStorage)
      root.fail("the first component has to be a storage without fan-out");
    return std::move(architecture_);
  }

 private:
  void read_node(const YamlValue& node) {
    const std::string tag = node.tag();
    if (tag == "!Nothing") return;
    if (tag == "!Hierarchical") return read(node.at("nodes"));
    if (tag == "!Parallel" || tag == "!Pipelined")
      node.fail(tag, " nodes are not modelled; list the components one inside the other");
    if (tag != "!Container" && tag != "!Component")
      node.fail("'", tag,
                "' is no node type; allowed are !Component, !Container, !Hierarchical, "
                "!Nothing");
    if (!architecture_.units.empty() &&
        architecture_.units.back().kind == TimeloopUnitKind::kCompute)
      node.fail("nothing can be inside the compute component '", architecture_.units.back().name,
                "'");
    if (const auto enabled = node.find("enabled"); enabled && !enabled->flag()) return;
    tag == "!Container" ? read_container(node) : read_component(node);
  }

  void read_container(const YamlValue& node) {
    node.allow_only({"name", "attributes", "spatial", "constraints", "enabled"});
    if (const auto attributes = node.find("attributes")) inherit(*attributes, inherited_);
    add_fanout(node);
  }

  void read_component(const YamlValue& node) {
    node.allow_only({"name", "class", "subclass", "enabled", "required_actions", "attributes",
                     "spatial", "constraints", "area_scale", "energy_scale"});
    Attributes attributes = inherited_;
    if (const auto own = node.find("attributes")) inherit(*own, attributes);
    add_fanout(node);
    TimeloopUnit unit;
    unit.name = unique_name(node.at("name"));
    unit.device_class = node.at("class").text();
    unit.kind = kind_of(node.at("class"));
    unit.instances = instances_;
    read_attributes(attributes, unit);
    architecture_.units.push_back(unit);
  }

  void add_fanout(const YamlValue& node) {
    const auto spatial = node.find("spatial");
    if (!spatial) return;
    spatial->allow_only({"meshX", "meshY", "get_fanout_X", "get_fanout_Y"});
    TimeloopUnit unit;
    unit.kind = TimeloopUnitKind::kFanout;
    unit.name = node.at("name").text();
    if (const auto x = spatial->find("meshX")) unit.mesh_x = positive(*x);
    if (const auto y = spatial->find("meshY")) unit.mesh_y = positive(*y);
    if (unit.mesh_x * unit.mesh_y == 1) return;
    if (architecture_.fanout_index(unit.name) >= 0)
      node.at("name").fail("'", unit.name, "' names two containers with a mesh");
    unit.instances = instances_;
    instances_ *= unit.mesh_x * unit.mesh_y;
    architecture_.units.push_back(unit);
  }

  std::string unique_name(const YamlValue& name) {
    if (architecture_.component_index(name.text()) >= 0)
      name.fail("'", name.text(), "' names two components");
    return name.text();
  }

  TimeloopArchitecture architecture_;
  Attributes inherited_;
  std::int64_t instances_ = 1;
};

/// "system.PE[0..255].WREG[0..3]" names WREG.
std::string table_target(const std::string& name) {
  std::string target;
  bool in_range = false;
  for (const char c : name) {
    in_range = c == '[' || (in_range && c != ']');
    if (c == '.' && !in_range) target.clear();
    if (c != '.' && c != ']' && !in_range) target += c;
  }
  return target;
}

void read_energies(const YamlValue& table, TimeloopUnit& unit) {
  for (const auto& action : table.at("actions").items()) {
    const std::string name = action.at("name").text();
    const double energy = action.at("energy").number();
    if (name == "read") unit.read_energy_pj = energy;
    if (name == "write") unit.write_energy_pj = energy;
    if (name == "update") unit.update_energy_pj = energy;
    if (name == "compute") unit.compute_energy_pj = energy;
  }
}

void read_energy_table(const YamlValue& ert, TimeloopArchitecture& architecture) {
  for (const auto& table : ert.at("tables").items()) {
    const std::string target = table_target(table.at("name").text());
    for (auto& unit : architecture.units)
      if (unit.name == target && unit.kind != TimeloopUnitKind::kFanout) read_energies(table, unit);
  }
}

TimeloopArchitecture read_files(const std::vector<YamlValue>& files) {
  std::optional<TimeloopArchitecture> architecture;
  for (const auto& file : files) {
    const auto found = file.find("architecture");
    if (!found) continue;
    found->allow_only({"version", "nodes", "name"});
    if (const auto version = found->find("version"); version && version->text() != "0.4")
      version->fail("version ", version->text(), " is not read, only 0.4");
    ArchitectureReader reader;
    reader.read(found->at("nodes"));
    architecture = reader.finish(*found);
  }
  if (!architecture) files.front().fail("'architecture' is missing here");
  for (const auto& file : files)
    if (const auto ert = file.find("ERT")) read_energy_table(*ert, *architecture);
  return *architecture;
}

}  // namespace

int TimeloopArchitecture::component_index(const std::string& component) const {
  for (std::size_t i = 0; i < units.size(); ++i)
    if (units[i].name == component && units[i].kind != TimeloopUnitKind::kFanout)
      return static_cast<int>(i);
  return -1;
}

int TimeloopArchitecture::fanout_index(const std::string& unit) const {
  for (std::size_t i = 0; i < units.size(); ++i)
    if (units[i].name == unit && units[i].kind == TimeloopUnitKind::kFanout)
      return static_cast<int>(i);
  return -1;
}

TimeloopArchitecture load_timeloop_architecture(const std::vector<std::string>& paths) {
  std::vector<YamlValue> files;
  for (const auto& path : paths) files.push_back(YamlValue::load(path));
  auto architecture = read_files(files);
  architecture.name = std::filesystem::path(paths.front()).stem().string();
  return architecture;
}

TimeloopArchitecture parse_timeloop_architecture(const std::string& text,
                                                 const std::string& origin) {
  return read_files({YamlValue::parse(text, origin)});
}

}  // namespace tessera::mapping::importers
