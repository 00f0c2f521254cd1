#include "sim/app/predict_command.h"

#include <filesystem>
#include <iostream>

#include "mapping/cost/prediction.pb.h"
#include "mapping/cost/predictor.h"
#include "sim/base/error.h"
#include "sim/base/json.h"
#include "sim/base/names.h"
#include "sim/base/output_directory.h"

namespace tessera::app {

namespace po = boost::program_options;

namespace {

using mapping::Faults;
using mapping::ResultTable;

po::options_description predict_options() {
  po::options_description options("Options");
  auto add = options.add_options();
  add("model", po::value<std::string>()->required(),
      "timeloop, maestro, ...: whose analytical model");
  add("network", po::value<std::string>()->default_value(""), "layer or problem file of the tool");
  add("schedule", po::value<std::string>()->default_value(""),
      "mapping or schedule file of the tool");
  add("accelerator", po::value<std::string>()->default_value(""),
      "architecture or hardware file of the tool");
  add("cases", po::value<std::string>(), "folder of cases, instead of one case's files");
  add("out", po::value<std::string>(), "result folder; with --cases the CSV file to write");
  add("faults", po::value<std::string>()->default_value("as-shipped"),
      "as-shipped: equal to the tool's output; fixed: its known faults mended");
  return options;
}

Faults faults_of(const std::string& text) {
  if (text == "as-shipped") return Faults::kAsShipped;
  if (text == "fixed") return Faults::kFixed;
  throw UserError("--faults ", text, ": allowed are as-shipped, fixed");
}

void add_cell(const std::string& column, const mapping::Cell& cell,
              mapping::proto::PredictedRow& row) {
  if (const auto* label = std::get_if<std::string>(&cell)) (*row.mutable_label())[column] = *label;
  if (const auto* count = std::get_if<std::int64_t>(&cell)) (*row.mutable_count())[column] = *count;
  if (const auto* value = std::get_if<double>(&cell)) (*row.mutable_value())[column] = *value;
}

void add_table(const ResultTable& table, mapping::proto::Prediction& result) {
  auto& out = *result.add_table();
  out.set_name(table.name);
  for (const auto& cells : table.rows) {
    auto& row = *out.add_row();
    for (std::size_t i = 0; i < cells.size(); ++i) add_cell(table.columns[i], cells[i], row);
  }
}

void write_folder(const po::variables_map& options, const std::vector<ResultTable>& tables) {
  mapping::proto::Prediction result;
  result.set_model(options["model"].as<std::string>());
  result.set_faults(options["faults"].as<std::string>());
  OutputDirectory out(options["out"].as<std::string>());
  for (const auto& table : tables) {
    add_table(table, result);
    out.add(table.name + ".csv", to_csv(table));
  }
  out.add("result.json", to_json(result));
  out.commit();
}

/// The main table goes to the file asked for, the others beside it: out.csv, out.access.csv, ...
void write_case_tables(const std::filesystem::path& path, const std::vector<ResultTable>& tables) {
  for (std::size_t i = tables.size(); i-- > 1;) {
    auto beside = path;
    beside.replace_filename(path.stem().string() + "." + tables[i].name + ".csv");
    write_file_atomically(beside, to_csv(tables[i]));
  }
  write_file_atomically(path, to_csv(tables.front()));
}

void predict_folder(const mapping::Predictor& model, const po::variables_map& options,
                    const mapping::PredictOptions& how) {
  if (options.count("out") == 0) throw UserError("--cases needs --out FILE.csv");
  write_case_tables(options["out"].as<std::string>(),
                    model.predict_cases(options["cases"].as<std::string>(), how));
}

void predict_one(const mapping::Predictor& model, const po::variables_map& options,
                 const mapping::PredictOptions& how) {
  const mapping::CaseFiles files{options["network"].as<std::string>(),
                                 options["schedule"].as<std::string>(),
                                 options["accelerator"].as<std::string>()};
  const auto tables = model.predict_case(files, how);
  if (options.count("out") != 0) return write_folder(options, tables);
  for (const auto& table : tables) std::cout << "# " << table.name << "\n" << to_csv(table);
}

void run_predict(const po::variables_map& options) {
  const auto model = mapping::make_predictor(options["model"].as<std::string>());
  const mapping::PredictOptions how{faults_of(options["faults"].as<std::string>())};
  if (options.count("cases") != 0) {
    predict_folder(*model, options, how);
  } else {
    predict_one(*model, options, how);
  }
}

}  // namespace

Command predict_command() {
  return {"predict", "what an analytical model says about a mapping", &predict_options,
          &run_predict};
}

}  // namespace tessera::app
