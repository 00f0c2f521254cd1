#include "mapping/cost/yaml_case.h"

#include "sim/base/error.h"

namespace tessera::mapping {

namespace {

std::string stem(const std::string& file) { return std::filesystem::path(file).stem().string(); }

}  // namespace

YamlCase yaml_case(const CaseFiles& files, const std::string& model) {
  if (files.schedule.empty()) throw UserError("model ", model, " needs --schedule MAPPING.yaml");
  const auto or_mapping = [&](const std::string& file) {
    return file.empty() ? files.schedule : file;
  };
  YamlCase one;
  one.mapping_file = files.schedule;
  one.workload_file = or_mapping(files.network);
  one.architecture_files = split_list(or_mapping(files.accelerator));
  one.name = stem(one.mapping_file);
  one.workload = stem(one.workload_file);
  one.arch = stem(one.architecture_files.front());
  return one;
}

YamlCase yaml_case(const YamlFolder& folder, const CsvTable& keys, std::size_t row) {
  const auto yaml = [&](const std::string& below, const std::string& name) {
    return (folder.root / below / (name + ".yaml")).string();
  };
  YamlCase one;
  one.name = keys.at(row, "case");
  one.workload = keys.at(row, folder.workload_column);
  one.arch = keys.at(row, "arch");
  one.mapping_file = yaml("mappings", one.name);
  one.workload_file = yaml(folder.workload_folder, one.workload);
  one.architecture_files = {yaml("arch", one.arch)};
  const auto energies = folder.root / "arch" / folder.energy_file;
  if (std::filesystem::exists(energies)) one.architecture_files.push_back(energies.string());
  return one;
}

}  // namespace tessera::mapping
