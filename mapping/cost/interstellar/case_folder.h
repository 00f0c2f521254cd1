// Mappings that the resource study found, as a folder of Interstellar cases.
#pragma once

#include <map>
#include <set>
#include <string>

#include "mapping/cost/interstellar/resource_study.h"

namespace tessera::mapping::interstellar {

/// Laid out as the reference data: cases.csv, schedules.jsonl, layer/*.json, arch/*.json. One case
/// per shape of layer.
class CaseFolder {
 public:
  void add(ResourceStudy& study, const std::vector<ShapeCount>& shapes, const Dataflow& dataflow,
           const Resources& resources);

  /// Text by path.
  std::map<std::string, std::string> files() const;

 private:
  std::string cases_ = "case,kind,layer,arch,schedule\n";
  std::string schedules_;
  std::map<std::string, std::string> inputs_;  ///< layers and architectures
  std::set<std::string> names_;
};

}  // namespace tessera::mapping::interstellar
