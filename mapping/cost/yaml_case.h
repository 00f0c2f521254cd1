// One case of Timeloop or LoopTree: three kinds of YAML file, and the names that its rows carry.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "mapping/cost/predictor.h"
#include "sim/base/csv.h"

namespace tessera::mapping {

struct YamlCase {
  std::string name;      ///< of the mapping file, without folder and extension
  std::string workload;  ///< likewise, of the problem or workload file
  std::string arch;      ///< likewise, of the first architecture file
  std::string mapping_file, workload_file;
  std::vector<std::string> architecture_files;  ///< energy table last
};

/// The case of three paths. Files that are not named are in the mapping's file: both tools read
/// several keys from one file. UserError naming `model` without a mapping.
YamlCase yaml_case(const CaseFiles& files, const std::string& model);

/// Where a folder of reference cases has what.
struct YamlFolder {
  std::filesystem::path root;   ///< holds cases.csv, mappings and arch
  std::string workload_column;  ///< of cases.csv
  std::string workload_folder;  ///< below the root
  std::string energy_file;      ///< below arch; read when it is there
};

/// The case of one row of cases.csv, of which the columns case, arch and `workload_column` are
/// read.
YamlCase yaml_case(const YamlFolder& folder, const CsvTable& keys, std::size_t row);

}  // namespace tessera::mapping
