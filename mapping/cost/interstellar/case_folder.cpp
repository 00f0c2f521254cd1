#include "mapping/cost/interstellar/case_folder.h"

#include <nlohmann/json.hpp>

namespace tessera::mapping::interstellar {

namespace {

using Json = nlohmann::ordered_json;

/// Ranks N K C P Q R S in the tool's words.
constexpr const char* kLoopNames[] = {"ON", "OC", "IC", "OY", "OX", "FY", "FX"};

std::string layer_text(const LayerShape& shape) {
  return Json({{"fmap_width", shape.columns},
               {"fmap_height", shape.rows},
               {"input_fmap_channel", shape.inputs},
               {"output_fmap_channel", shape.outputs},
               {"window_width", shape.window_columns},
               {"window_height", shape.window_rows},
               {"batch_size", shape.batch},
               {"stride_width", shape.stride_columns},
               {"stride_height", shape.stride_rows}})
             .dump(1) +
         "\n";
}

std::string architecture_text(const Architecture& architecture) {
  constexpr std::int64_t word_bytes = 2;
  Json json;
  json["mem_levels"] = architecture.levels.size();
  json["precision"] = 8 * word_bytes;
  json["mac_capacity"] = 0;
  for (const auto& level : architecture.levels) {
    json["capacity"].push_back(level.capacity_elements[0] * word_bytes);
    json["access_cost"].push_back(level.access_picojoules[0]);
    json["parallel_count"].push_back(level.parallel_count);
    json["parallel_mode"].push_back(static_cast<int>(level.parallel_mode));
    json["memory_partitions"].push_back({0, 0, 0});
    if (level.parallel_count > 1) json["parallel_cost"].push_back(level.hop_picojoules);
  }
  return json.dump(1) + "\n";
}

Json level_json(const BlockingLevel& level) {
  Json json;
  json["temporal_inner_to_outer"] = Json::array();
  for (const auto& loop : level.loops)
    json["temporal_inner_to_outer"].push_back({kLoopNames[loop.rank], loop.trips});
  json["spatial"] = Json::object();
  json["spatial_axes"] = nullptr;
  for (const auto& axis : level.axes) {
    Json loops = {kLoopNames[axis.near.rank]};
    json["spatial"][kLoopNames[axis.near.rank]] = axis.near.trips;
    if (axis.repeats) {
      loops.push_back(kLoopNames[axis.far.rank]);
      json["spatial"][kLoopNames[axis.far.rank]] = axis.far.trips;
    }
    json["spatial_axes"].push_back(loops);
  }
  return json;
}

std::string shape_name(const LayerShape& shape) {
  std::string name = "n" + std::to_string(shape.batch) + "k" + std::to_string(shape.outputs) + "c" +
                     std::to_string(shape.inputs) + "y" + std::to_string(shape.rows) + "x" +
                     std::to_string(shape.columns) + "f" + std::to_string(shape.window_rows) + "x" +
                     std::to_string(shape.window_columns);
  if (shape.stride_rows > 1) name += "s" + std::to_string(shape.stride_rows);
  return name;
}

std::string architecture_name(const Resources& resources) {
  return "side" + std::to_string(resources.side) + "_inner" +
         std::to_string(resources.inner_register_bytes) + "_rf" +
         std::to_string(resources.register_bytes) + "_buffer" +
         std::to_string(resources.buffer_bytes / 1024) + "k";
}

}  // namespace

void CaseFolder::add(ResourceStudy& study, const std::vector<ShapeCount>& shapes,
                     const Dataflow& dataflow, const Resources& resources) {
  const auto arch = architecture_name(resources);
  inputs_["arch/" + arch + ".json"] = architecture_text(architecture_of(resources));
  for (const auto& [shape, count] : shapes) {
    const auto layer = shape_name(shape);
    std::string name = dataflow.name + "_" + arch + "_" + layer;
    for (auto& c : name)
      if (c == '|') c = '-';
    if (!names_.insert(name).second) continue;
    inputs_["layer/" + layer + ".json"] = layer_text(shape);
    cases_ += name + ",optimized," + layer + "," + arch + ",\n";
    Json mapping;
    mapping["case"] = name;
    for (const auto& level : study.layer(shape, dataflow, resources).blocking.levels)
      mapping["levels"].push_back(level_json(level));
    schedules_ += mapping.dump() + "\n";
  }
}

std::map<std::string, std::string> CaseFolder::files() const {
  auto files = inputs_;
  files["cases.csv"] = cases_;
  files["schedules.jsonl"] = schedules_;
  return files;
}

}  // namespace tessera::mapping::interstellar
