#include "sim/app/validation_cases.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <memory>
#include <sstream>

#include "sim/app/looptree_inputs.h"
#include "sim/base/csv.h"
#include "sim/base/error.h"
#include "sim/base/message_io.h"
#include "sim/base/names.h"

namespace tessera::app {

namespace {

namespace fs = std::filesystem;
using mapping::CaseFiles;
using mapping::JsonValue;
using mapping::PredictOptions;
using mapping::ResultTable;
using mapping::importers::ToolCase;
using mapping::importers::ToolOptions;

/// What a tool's tables call things.
struct ModelTables {
  const char* model;
  const char* main_table;         ///< file in the reference folder
  std::vector<std::string> keys;  ///< columns that name a case
  const char* cycles;             ///< column of the predicted cycles
  const char*
      consistent;  ///< column that is 0 where the prediction is no target; "" when there is none
};

const std::vector<ModelTables>& known_models() {
  static const std::vector<ModelTables> models = {
      {"timeloop", "cases.csv", {"case"}, "cycles", ""},
      {"interstellar", "cases.csv", {"case"}, "ideal_cycles", ""},
      {"maestro", "predictions.csv", {"layer", "dataflow", "hw"}, "runtime_cycles", "consistent"},
      {"looptree", "cases.csv", {"case"}, "latency_cycles", ""},
      {"tangram", "summary.csv", {"case"}, "total_time_cycles", ""},
  };
  return models;
}

const ModelTables& tables_of(const std::string& model) {
  std::vector<std::string> names;
  for (const auto& known : known_models()) {
    if (model == known.model) return known;
    names.emplace_back(known.model);
  }
  throw UserError("--model ", model, ": its schedules are not simulated; ", suggest(model, names));
}

/// A predicted or given table read as one, cell by cell.
class Predictions {
 public:
  Predictions(const ModelTables& model, CsvTable table) : model_(model), table_(std::move(table)) {}

  std::size_t rows() const { return table_.rows(); }
  const std::string& at(std::size_t row, const std::string& column) const {
    return table_.at(row, column);
  }

  std::string name(std::size_t row) const {
    std::string name;
    for (const auto& key : model_.keys)
      if (table_.has(key)) name += (name.empty() ? "" : "/") + table_.at(row, key);
    return name;
  }

  void fill(std::size_t row, ValidationCase& into) const {
    // LoopTree divides words by ports and leaves the fraction.
    into.predicted_cycles = std::llround(table_.number(row, model_.cycles));
    if (*model_.consistent != '\0' && table_.has(model_.consistent) &&
        table_.at(row, model_.consistent) == "0")
      into.unusable = "the model loses or repeats work";
  }

  /// The row of a case in a table of the tool's output, which may hold others.
  void fill_named(const std::string& name, ValidationCase& into) const {
    if (rows() == 1) return fill(0, into);
    for (std::size_t row = 0; row < rows(); ++row)
      if (this->name(row) == name) return fill(row, into);
    throw UserError("--model-csv: no row of case '", name, "'");
  }

 private:
  const ModelTables& model_;
  CsvTable table_;
};

Predictions predictions_of(const ModelTables& model, const std::vector<ResultTable>& tables) {
  return {model,
          CsvTable::parse(to_csv(tables.front()), std::string("prediction of ") + model.model)};
}

/// Interstellar keeps the mappings of a folder in one file, a document a line.
std::map<std::string, JsonValue> mappings_of(const fs::path& path) {
  std::map<std::string, JsonValue> mappings;
  std::istringstream in(read_file(path.string()));
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    if (line.empty()) continue;
    const auto mapping = JsonValue::parse(line, path.string(), number);
    mappings.emplace(mapping.at("case").text(), mapping);
  }
  return mappings;
}

ToolCase load_case(const std::string& tool, const std::string& network, const std::string& schedule,
                   const std::string& accelerator, ToolOptions options) {
  if (tool == "looptree") return load_looptree_case(network, schedule, accelerator);
  return mapping::importers::load_tool_case(tool, network, schedule, accelerator, options);
}

using Loader = std::function<ToolCase(ToolOptions)>;

class FolderLoaders {
 public:
  FolderLoaders(const ModelTables& model, fs::path folder)
      : model_(model.model), folder_(std::move(folder)) {
    if (model_ == "interstellar") mappings_ = mappings_of(folder_ / "schedules.jsonl");
  }

  /// Empty for Interstellar.
  CaseFiles files(const Predictions& table, std::size_t row) const {
    if (model_ == "timeloop")
      return {(folder_ / "problems" / (table.at(row, "problem") + ".yaml")).string(),
              (folder_ / "mappings" / (table.at(row, "case") + ".yaml")).string(),
              (folder_ / "arch" / (table.at(row, "arch") + ".yaml")).string()};
    if (model_ == "looptree")
      return {(folder_ / "workloads" / (table.at(row, "workload") + ".yaml")).string(),
              (folder_ / "mappings" / (table.at(row, "case") + ".yaml")).string(),
              (folder_ / "arch" / (table.at(row, "arch") + ".yaml")).string()};
    if (model_ == "tangram") return {"", (folder_ / table.at(row, "schedule_file")).string(), ""};
    if (model_ == "maestro")
      return {"", (folder_ / "mapping" / table.at(row, "mapping_file")).string(),
              (folder_ / "hw" / (table.at(row, "hw") + ".m")).string()};
    return {};
  }

  Loader loader(const Predictions& table, std::size_t row) const {
    if (model_ != "interstellar")
      return [model = model_, files = files(table, row)](ToolOptions options) {
        return load_case(model, files.network, files.schedule, files.accelerator, options);
      };
    const auto mapping = mappings_.find(table.at(row, "case"));
    if (mapping == mappings_.end())
      throw UserError((folder_ / "schedules.jsonl").string(), ": no mapping of case '",
                      table.at(row, "case"), "'");
    const auto layer = (folder_ / "layer" / (table.at(row, "layer") + ".json")).string();
    const auto arch = (folder_ / "arch" / (table.at(row, "arch") + ".json")).string();
    return [layer, arch, document = mapping->second](ToolOptions) {
      return mapping::importers::load_interstellar_case(layer, document, arch);
    };
  }

 private:
  std::string model_;
  fs::path folder_;
  std::map<std::string, JsonValue> mappings_;
};

}  // namespace

std::vector<ValidationCase> one_case(const std::string& model, const CaseFiles& files,
                                     const PredictOptions& how, const std::string& model_csv) {
  const auto& tables = tables_of(model);
  const std::string schedule = files.schedule.empty() ? files.network : files.schedule;
  ValidationCase single{fs::path(schedule).stem().string(), 0, "", nullptr, files};
  if (model_csv.empty()) {
    const auto prediction =
        predictions_of(tables, mapping::make_predictor(model)->predict_case(files, how));
    if (prediction.rows() != 1)
      throw UserError(schedule, ": ", prediction.rows(),
                      " layers; validate compares one at a time");
    prediction.fill(0, single);
  } else {
    Predictions(tables, CsvTable::load(model_csv)).fill_named(single.name, single);
  }
  single.load = [model, files, schedule](ToolOptions options) {
    return load_case(model, files.network, schedule, files.accelerator, options);
  };
  return {single};
}

std::vector<ValidationCase> cases_of_folder(const std::string& model, const std::string& folder,
                                            const PredictOptions& how,
                                            const std::string& model_csv) {
  const auto& tables = tables_of(model);
  const Predictions keys(tables, CsvTable::load((fs::path(folder) / tables.main_table).string()));
  const auto predicted =
      model_csv.empty()
          ? predictions_of(tables, mapping::make_predictor(model)->predict_cases(folder, how))
          : Predictions(tables, CsvTable::load(model_csv));
  const FolderLoaders loaders(tables, folder);
  std::vector<ValidationCase> cases;
  for (std::size_t row = 0; row < keys.rows(); ++row) {
    // nn_dataflow's table also has searches whose schedules are not in the folder.
    if (model == "tangram" && keys.at(row, "schedule_file").empty()) continue;
    ValidationCase one{keys.name(row), 0, "", loaders.loader(keys, row), loaders.files(keys, row)};
    if (model_csv.empty())
      predicted.fill(row, one);
    else
      predicted.fill_named(one.name, one);
    cases.push_back(std::move(one));
  }
  return cases;
}

}  // namespace tessera::app
