#include "mapping/cost/interstellar/predictor.h"

#include <map>
#include <sstream>

#include "mapping/cost/interstellar/model.h"
#include "mapping/importers/interstellar/import.h"
#include "sim/base/csv.h"
#include "sim/base/error.h"
#include "sim/base/message_io.h"

namespace tessera::mapping {

namespace {

namespace fs = std::filesystem;
using namespace interstellar;

const std::vector<std::string> kKeyColumns = {"case", "kind", "layer", "arch", "schedule"};
const std::vector<std::string> kCaseColumns = {
    "energy_total", "macs",    "ideal_cycles", "spatial_used", "spatial_total",
    "if_size",      "of_size", "fl_size",      "exact_tiling", "input_floor_zero"};
const std::vector<std::string> kAccessColumns = {
    "case",        "where",    "part",     "per_elem_if", "per_elem_of",
    "per_elem_fl", "total_if", "total_of", "total_fl",    "energy"};
const std::vector<std::string> kBlockColumns = {"case",    "level",    "bank_if",  "bank_of",
                                                "bank_fl", "block_if", "block_of", "block_fl"};

/// A count prints as one, an average as a real number.
Cell count_cell(double value) {
  const auto whole = static_cast<std::int64_t>(value);
  if (static_cast<double>(whole) == value) return whole;
  return value;
}

void append_access(const std::string& name, const std::string& where, const std::string& part,
                   const PerTensor<double>& per_element, const PerTensor<std::int64_t>& total,
                   const Cell& energy, ResultTable& table) {
  std::vector<Cell> row = {name, where, part};
  for (int tensor = 0; tensor < kTensors; ++tensor) row.push_back(count_cell(per_element[tensor]));
  for (int tensor = 0; tensor < kTensors; ++tensor) row.push_back(total[tensor]);
  row.push_back(energy);
  table.rows.push_back(std::move(row));
}

void append_array(const std::string& name, const ArrayHops& hops, ResultTable& table) {
  const std::string where = "array" + std::to_string(hops.level);
  append_access(name, where, "near", hops.near_per_element, hops.near_total, hops.picojoules,
                table);
  for (std::size_t axis = 0; axis < hops.far_total.size(); ++axis)
    append_access(name, where, "far" + std::to_string(axis), hops.far_per_element[axis],
                  hops.far_total[axis], std::string(), table);
}

class Tables {
 public:
  explicit Tables(const std::vector<std::string>& keys)
      : cases_{"cases", keys, {}},
        access_{"access", kAccessColumns, {}},
        blocks_{"blocks", kBlockColumns, {}} {
    cases_.columns.insert(cases_.columns.end(), kCaseColumns.begin(), kCaseColumns.end());
  }

  void add(const std::string& name, std::vector<Cell> row, const InterstellarResult& r) {
    row.insert(row.end(), {r.picojoules, r.macs, r.ideal_cycles, r.units_used, r.units_total,
                           r.tensor_elements[0], r.tensor_elements[1], r.tensor_elements[2],
                           std::int64_t{r.exact_tiling}, std::int64_t{r.input_floor_zero}});
    cases_.rows.push_back(std::move(row));
    for (std::size_t level = 0; level < r.memories.size(); ++level) {
      append_access(name, "mem" + std::to_string(level), "all", r.memories[level].per_element,
                    r.memories[level].total, r.memories[level].picojoules, access_);
      for (const auto& array : r.arrays)
        if (array.level == static_cast<int>(level)) append_array(name, array, access_);
      append_blocks(name, static_cast<std::int64_t>(level), r.blocks[level]);
    }
  }

  std::vector<ResultTable> take() {
    return {std::move(cases_), std::move(access_), std::move(blocks_)};
  }

 private:
  void append_blocks(const std::string& name, std::int64_t level, const BlockSizes& sizes) {
    std::vector<Cell> row = {name, level};
    for (int tensor = 0; tensor < kTensors; ++tensor) row.push_back(sizes.unit[tensor]);
    for (int tensor = 0; tensor < kTensors; ++tensor) row.push_back(sizes.all_units[tensor]);
    blocks_.rows.push_back(std::move(row));
  }

  ResultTable cases_, access_, blocks_;
};

/// `read` makes the schedule of a layer and an architecture.
template <typename ReadSchedule>
InterstellarResult predict_mapping(const std::string& layer_path, const std::string& arch_path,
                                   Faults faults, const ReadSchedule& read) {
  const auto architecture = read_architecture(JsonValue::load(arch_path));
  const auto network =
      read_layer(JsonValue::load(layer_path), fs::path(layer_path).stem().string());
  const auto& layer = network.layers.front();
  const auto schedule = read(layer, architecture);
  return predict(layer, blocking_levels(schedule, layer), architecture, faults);
}

/// One JSON document a line; the case it belongs to.
std::map<std::string, JsonValue> read_mappings(const std::string& path) {
  std::map<std::string, JsonValue> mappings;
  std::istringstream in(read_file(path));
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    if (line.empty()) continue;
    const auto mapping = JsonValue::parse(line, path, number);
    mappings.emplace(mapping.at("case").text(), mapping);
  }
  return mappings;
}

class InterstellarPredictor : public Predictor {
 public:
  std::string name() const override { return "interstellar"; }
  std::string summary() const override {
    return "Interstellar: loop blocking, order and spatial unroll per memory level";
  }

  std::vector<ResultTable> predict_case(const CaseFiles& files,
                                        const PredictOptions& options) const override {
    if (files.network.empty() || files.schedule.empty() || files.accelerator.empty())
      throw UserError(
          "--model interstellar needs --network (layer), --schedule (mapping) and --accelerator");
    Tables tables({"case"});
    const auto name = fs::path(files.schedule).stem().string();
    tables.add(name, {name},
               predict_mapping(files.network, files.accelerator, options.faults,
                               [&](const auto& layer, const auto& architecture) {
                                 return load_mapping(files.schedule, layer, architecture);
                               }));
    return tables.take();
  }

  std::vector<ResultTable> predict_cases(const fs::path& folder,
                                         const PredictOptions& options) const override {
    const CsvTable cases = CsvTable::load((folder / "cases.csv").string());
    const auto mappings = read_mappings((folder / "schedules.jsonl").string());
    std::vector<std::string> keys;
    for (const auto& column : kKeyColumns)
      if (cases.has(column)) keys.push_back(column);
    Tables tables(keys);
    for (std::size_t row = 0; row < cases.rows(); ++row) {
      const auto& name = cases.at(row, "case");
      const auto mapping = mappings.find(name);
      if (mapping == mappings.end())
        throw UserError((folder / "schedules.jsonl").string(), ": no mapping of case '", name, "'");
      std::vector<Cell> cells;
      for (const auto& key : keys) cells.push_back(cases.at(row, key));
      tables.add(name, std::move(cells),
                 predict_mapping(file(folder / "layer", cases.at(row, "layer")),
                                 file(folder / "arch", cases.at(row, "arch")), options.faults,
                                 [&](const auto& layer, const auto& architecture) {
                                   return read_mapping(mapping->second, layer, architecture);
                                 }));
    }
    return tables.take();
  }

 private:
  static std::string file(const fs::path& folder, const std::string& stem) {
    return (folder / (stem + ".json")).string();
  }
};

}  // namespace

std::unique_ptr<Predictor> make_interstellar_predictor() {
  return std::make_unique<InterstellarPredictor>();
}

}  // namespace tessera::mapping
