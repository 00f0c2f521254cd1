#include "mapping/cost/tangram/predictor.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "mapping/cost/tangram/hops.h"
#include "mapping/cost/tangram/model.h"
#include "sim/base/csv.h"
#include "sim/base/error.h"

namespace tessera::mapping {

namespace {

namespace fs = std::filesystem;
using namespace tangram;

const std::vector<std::string> kKeyColumns = {"case",  "network", "tiles",         "gbuf_bytes",
                                              "batch", "variant", "schedule_file", "command"};
const std::vector<std::string> kSummaryColumns = {"total_time_cycles",
                                                  "total_energy",
                                                  "energy_mac",
                                                  "energy_dram",
                                                  "energy_gbuf",
                                                  "energy_itcn",
                                                  "energy_regf",
                                                  "energy_noc",
                                                  "energy_static",
                                                  "macs",
                                                  "dram_words",
                                                  "gbuf_words",
                                                  "itcn_words",
                                                  "regf_words",
                                                  "noc_word_hops",
                                                  "noc_word_hops_exact",
                                                  "layers",
                                                  "segments",
                                                  "spatially_pipelined_segments",
                                                  "max_spatial_stages",
                                                  "layers_source_on_chip",
                                                  "sum_layer_time",
                                                  "sum_segment_dram_time",
                                                  "whole_network_in_one_segment",
                                                  "pinned_weight_layers",
                                                  "pinned_weights_fit",
                                                  "dram_bound_fraction_of_layer_time"};
const std::vector<std::string> kRatioColumns = {"speedup_vs_baseline", "energy_vs_baseline",
                                                "dram_words_vs_baseline"};
const std::vector<std::string> kDatumNames = {"fil", "ifm", "ofm"};

std::vector<std::string> per_datum(const std::string& stem) {
  std::vector<std::string> names;
  for (const auto& datum : kDatumNames) names.push_back(stem + "_" + datum);
  return names;
}

std::vector<std::string> layer_columns() {
  std::vector<std::string> columns = {"case",
                                      "layer",
                                      "time",
                                      "compute_time",
                                      "dram_time",
                                      "start_full_batch",
                                      "done_full_batch",
                                      "ofm_groups",
                                      "macs"};
  for (const char* stem : {"fetch_gbuf", "fetch_regf", "gbuf_words_per_tile", "dram", "gbuf",
                           "itcn", "regf", "remote_gbuf", "memory_once_exact", "memory", "sharing"})
    for (auto& name : per_datum(stem)) columns.push_back(name);
  for (const char* name :
       {"energy_mac", "energy_access", "energy_noc", "energy_static", "energy_total"})
    columns.push_back(name);
  return columns;
}

template <typename T>
void append(const PerDatum<T>& data, std::vector<Cell>& row) {
  for (const auto& value : data) row.push_back(value);
}

std::vector<Cell> layer_row(const std::string& name, const LayerDecisions& layer,
                            const LayerResult& r) {
  std::vector<Cell> row = {name,    layer.name, r.time,       r.compute_time, r.dram_time,
                           r.start, r.done,     r.ofm_groups, r.operations};
  for (const auto* data :
       {&r.fetches.gbuf, &r.fetches.regf, &r.buffer, &r.words.dram, &r.words.gbuf, &r.words.itcn,
        &r.words.regf, &r.words.remote_gbuf, &r.hops_once, &r.memory_hops})
    append(*data, row);
  append(r.sharing_hops, row);
  for (const double part :
       {r.energy.mac, r.energy.access(), r.energy.noc, r.energy.static_tiles, r.energy.total()})
    row.push_back(part);
  return row;
}

struct Pinned {
  std::int64_t layers = 0;
  bool fit = true;
};

Pinned pinned_of(const Document& document) {
  Pinned pinned;
  for (const auto& layer : document.layers) {
    if (!layer.weights_pinned) continue;
    ++pinned.layers;
    pinned.fit &= layer.pinned_weight_words <= document.hardware.gbuf_words;
  }
  return pinned;
}

void append_structure(const Document& document, const NetworkResult& r, std::vector<Cell>& row) {
  std::int64_t pipelined = 0, stages = 0, on_chip = 0, layer_time = 0, dram_time = 0,
               dram_bound = 0;
  for (const auto& segment : document.segments) {
    const auto count = static_cast<std::int64_t>(segment.stages.size());
    pipelined += count > 1 ? 1 : 0;
    stages = std::max(stages, count);
  }
  for (const auto& layer : document.layers) on_chip += layer.reads_dram ? 0 : 1;
  for (const auto& segment : r.segments) dram_time += segment.dram_time;
  for (const auto& layer : r.layers) {
    layer_time += layer.time;
    if (layer.time == layer.dram_time) dram_bound += layer.time;
  }
  const Pinned pinned = pinned_of(document);
  row.insert(row.end(), {static_cast<std::int64_t>(r.layers.size()),
                         static_cast<std::int64_t>(r.segments.size()), pipelined, stages, on_chip,
                         layer_time, dram_time, std::int64_t{r.one_segment}, pinned.layers});
  row.push_back(pinned.layers == 0 ? Cell(std::string()) : Cell(std::int64_t{pinned.fit}));
  row.push_back(
      layer_time == 0 ? 0.0 : static_cast<double>(dram_bound) / static_cast<double>(layer_time));
}

std::vector<Cell> summary_cells(const Document& document, const NetworkResult& r) {
  std::vector<Cell> row = {
      r.time,         r.energy.total(), r.energy.mac, r.energy.dram,         r.energy.gbuf,
      r.energy.itcn,  r.energy.regf,    r.energy.noc, r.energy.static_tiles, r.operations,
      r.dram_words,   r.gbuf_words,     r.itcn_words, r.regf_words,          r.noc_word_hops,
      r.noc_word_hops};
  append_structure(document, r, row);
  return row;
}

class Tables {
 public:
  explicit Tables(std::vector<std::string> keys)
      : summary_{"summary", std::move(keys), {}},
        layers_{"layers", layer_columns(), {}},
        segments_{"segments",
                  {"case", "segment", "critical_time_full_batch", "node_time", "dram_time", "time"},
                  {}} {
    summary_.columns.insert(summary_.columns.end(), kSummaryColumns.begin(), kSummaryColumns.end());
  }

  void add_columns(const std::vector<std::string>& columns) {
    summary_.columns.insert(summary_.columns.end(), columns.begin(), columns.end());
  }

  void add(const std::string& name, std::vector<Cell> row, const Document& document,
           const NetworkResult& result) {
    const auto cells = summary_cells(document, result);
    row.insert(row.end(), cells.begin(), cells.end());
    summary_.rows.push_back(std::move(row));
    for (std::size_t i = 0; i < result.layers.size(); ++i)
      layers_.rows.push_back(layer_row(name, document.layers[i], result.layers[i]));
    for (std::size_t i = 0; i < result.segments.size(); ++i) {
      const auto& s = result.segments[i];
      segments_.rows.push_back(
          {name, static_cast<std::int64_t>(i), s.critical_time, s.node_time, s.dram_time, s.time});
    }
  }

  /// A row of the table whose schedule is not in the folder.
  void add_unknown(std::vector<Cell> row) {
    row.resize(row.size() + kSummaryColumns.size(), std::string());
    summary_.rows.push_back(std::move(row));
  }

  std::vector<std::vector<Cell>>& summary_rows() { return summary_.rows; }
  std::vector<ResultTable> take() {
    return {std::move(summary_), std::move(layers_), std::move(segments_)};
  }

 private:
  ResultTable summary_, layers_, segments_;
};

/// What a ratio to the baseline is made of.
struct Figures {
  double time = 0, energy = 0, dram_words = 0;
};

Figures figures_of(const NetworkResult& r) {
  return {static_cast<double>(r.time), r.energy.total(), static_cast<double>(r.dram_words)};
}

class TangramPredictor : public Predictor {
 public:
  std::string name() const override { return "tangram"; }
  std::string summary() const override {
    return "nn_dataflow, the tool behind TANGRAM: segments, buffer sharing, pipelines";
  }

  std::vector<ResultTable> predict_case(const CaseFiles& files,
                                        const PredictOptions& options) const override {
    if (files.schedule.empty())
      throw UserError(
          "--model tangram needs --schedule FILE.json, which brings layers and hardware");
    const Document document = load_document(files.schedule);
    Tables tables({"case"});
    const auto name = fs::path(files.schedule).stem().string();
    tables.add(name, {name}, document, predict(document, options.faults));
    return tables.take();
  }

  std::vector<ResultTable> predict_cases(const fs::path& folder,
                                         const PredictOptions& options) const override {
    const CsvTable cases = CsvTable::load((folder / "summary.csv").string());
    std::vector<std::string> keys;
    for (const auto& column : kKeyColumns)
      if (cases.has(column)) keys.push_back(column);
    Tables tables(keys);
    std::vector<std::optional<Figures>> figures(cases.rows());
    for (std::size_t row = 0; row < cases.rows(); ++row) {
      std::vector<Cell> cells;
      for (const auto& key : keys) cells.push_back(cases.at(row, key));
      const auto& file = cases.at(row, "schedule_file");
      if (file.empty()) {
        tables.add_unknown(std::move(cells));
        continue;
      }
      const Document document = load_document((folder / file).string());
      const auto result = predict(document, options.faults);
      figures[row] = figures_of(result);
      tables.add(cases.at(row, "case"), std::move(cells), document, result);
    }
    if (cases.has("variant")) append_ratios(cases, figures, tables);
    return tables.take();
  }

 private:
  /// Rows of one network, machine and batch differ in the variant alone, which ends the case's
  /// name.
  static std::string family(const CsvTable& cases, std::size_t row) {
    const auto& name = cases.at(row, "case");
    const std::string suffix = "_" + cases.at(row, "variant");
    return name.ends_with(suffix) ? name.substr(0, name.size() - suffix.size()) : name;
  }

  static void append_ratios(const CsvTable& cases,
                            const std::vector<std::optional<Figures>>& figures, Tables& tables) {
    tables.add_columns(kRatioColumns);
    std::map<std::string, Figures> baselines;
    for (std::size_t row = 0; row < cases.rows(); ++row)
      if (figures[row] && cases.at(row, "variant") == "baseline")
        baselines[family(cases, row)] = *figures[row];
    for (std::size_t row = 0; row < cases.rows(); ++row) {
      auto& cells = tables.summary_rows()[row];
      const auto base = baselines.find(family(cases, row));
      if (!figures[row] || base == baselines.end()) {
        cells.resize(cells.size() + kRatioColumns.size(), std::string());
        continue;
      }
      cells.insert(cells.end(), {base->second.time / figures[row]->time,
                                 figures[row]->energy / base->second.energy,
                                 figures[row]->dram_words / base->second.dram_words});
    }
  }
};

}  // namespace

std::unique_ptr<Predictor> make_tangram_predictor() { return std::make_unique<TangramPredictor>(); }

}  // namespace tessera::mapping
