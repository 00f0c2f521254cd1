#include "mapping/cost/maestro/predictor.h"

#include <map>

#include "mapping/cost/maestro/model.h"
#include "mapping/importers/maestro/import.h"
#include "sim/base/csv.h"
#include "sim/base/error.h"
#include "sim/base/message_io.h"

namespace tessera::mapping {

namespace {

namespace fs = std::filesystem;
using namespace maestro;

/// Energy of one access in units of a multiply-accumulate, as the tool prints it.
constexpr double kL1Energy = 1.68;
constexpr double kL2Energy = 18.61;

const std::vector<std::string> kKeyColumns = {"layer",    "type",       "dataflow",
                                              "hw",       "num_pes",    "noc_bw",
                                              "noc_hops", "offchip_bw", "mapping_file"};

const std::vector<std::string> kPredictedColumns = {
    "macs_exact",       "macs_reported",   "consistent",      "ideal_cycles",    "runtime_cycles",
    "energy_mac_units", "avg_util_pes",    "peak_noc_bw_req", "avg_noc_bw_req",  "offchip_bw_req",
    "l1_size_req",      "l2_size_req",     "input_l1_read",   "input_l1_write",  "input_l2_read",
    "input_l2_write",   "filter_l1_read",  "filter_l1_write", "filter_l2_read",  "filter_l2_write",
    "output_l1_read",   "output_l1_write", "output_l2_read",  "output_l2_write", "ingress_min",
    "ingress_max",      "ingress_avg",     "egress_min",      "egress_max",      "egress_avg",
    "compute_min",      "compute_max",     "compute_avg"};

Hardware hardware_of(const HardwareText& text) {
  return {text.num_pes, text.noc_bandwidth, text.noc_hops, text.offchip_bandwidth};
}

double energy_of(const MaestroResult& r) {
  const auto l1 = static_cast<double>(2 * r.macs + 2 * r.partial_products + r.input_l2_reads +
                                      r.weight_l2_reads);
  const auto l2 = static_cast<double>(r.input_l2_reads + r.input_l2_writes + r.weight_l2_reads +
                                      r.weight_l2_writes + r.output_l2_reads + r.output_l2_writes);
  return static_cast<double>(r.macs) + kL1Energy * l1 + kL2Energy * l2;
}

void append(const DelayRange& range, std::vector<Cell>& cells) {
  cells.insert(cells.end(), {range.least, range.most, static_cast<std::int64_t>(range.mean)});
}

void append(const MaestroResult& r, const LayerModel& layer, const Hardware& hardware,
            std::vector<Cell>& cells) {
  const std::int64_t consistent = r.macs == layer.macs && r.runtime_cycles > 0;
  cells.insert(cells.end(), {layer.macs, r.macs, consistent, ceil_div(layer.macs, hardware.pes),
                             r.runtime_cycles, energy_of(r), r.mean_active_pes, r.peak_bandwidth,
                             r.mean_bandwidth, r.offchip_bandwidth, r.l1_words, r.l2_words});
  cells.insert(cells.end(), {r.macs, r.input_l2_reads, r.input_l2_reads, r.input_l2_writes});
  cells.insert(cells.end(), {r.macs, r.weight_l2_reads, r.weight_l2_reads, r.weight_l2_writes});
  cells.insert(cells.end(),
               {r.partial_products, r.partial_products, r.output_l2_reads, r.output_l2_writes});
  append(r.ingress, cells);
  append(r.egress, cells);
  append(r.compute, cells);
}

struct PredictedLayer {
  LayerModel layer;
  MaestroResult result;
};

std::vector<PredictedLayer> predict_file(const MappingText& text, const std::string& origin,
                                         const Hardware& hardware, Faults faults) {
  const Import import = import_mapping(text, origin, hardware.pes);
  std::vector<PredictedLayer> layers;
  for (std::size_t i = 0; i < import.schedules.size(); ++i) {
    PredictedLayer predicted{layer_model(import.network.layers[i]), {}};
    predicted.result =
        predict(predicted.layer, cluster_levels(import.schedules[i], import.network.layers[i]),
                hardware, faults);
    layers.push_back(std::move(predicted));
  }
  return layers;
}

class MaestroPredictor : public Predictor {
 public:
  std::string name() const override { return "maestro"; }
  std::string summary() const override { return "MAESTRO: directive lists over cluster levels"; }

  std::vector<ResultTable> predict_case(const CaseFiles& files,
                                        const PredictOptions& options) const override {
    const std::string mapping = files.schedule.empty() ? files.network : files.schedule;
    if (mapping.empty())
      throw UserError("--model maestro needs --schedule FILE.m, which carries its layers");
    if (files.accelerator.empty())
      throw UserError("--model maestro needs --accelerator FILE, the hardware file");
    const auto hardware =
        hardware_of(parse_hardware(read_file(files.accelerator), files.accelerator));
    const auto text = parse_mapping(read_file(mapping), mapping);
    ResultTable table{"predictions", {"layer"}, {}};
    table.columns.insert(table.columns.end(), kPredictedColumns.begin(), kPredictedColumns.end());
    const auto layers = predict_file(text, mapping, hardware, options.faults);
    for (std::size_t i = 0; i < layers.size(); ++i) {
      table.rows.push_back({text.layers[i].name});
      append(layers[i].result, layers[i].layer, hardware, table.rows.back());
    }
    return {table};
  }

  std::vector<ResultTable> predict_cases(const fs::path& folder,
                                         const PredictOptions& options) const override {
    const CsvTable cases = CsvTable::load((folder / "predictions.csv").string());
    ResultTable table{"predictions", {}, {}};
    for (const auto& column : kKeyColumns)
      if (cases.has(column)) table.columns.push_back(column);
    const auto keys = table.columns;
    table.columns.insert(table.columns.end(), kPredictedColumns.begin(), kPredictedColumns.end());
    for (std::size_t row = 0; row < cases.rows(); ++row) {
      std::vector<Cell> cells;
      for (const auto& key : keys) cells.push_back(cases.at(row, key));
      append_case(folder, cases.at(row, "mapping_file"), cases.at(row, "hw"), options, cells);
      table.rows.push_back(std::move(cells));
    }
    return {table};
  }

 private:
  static void append_case(const fs::path& folder, const std::string& mapping, const std::string& hw,
                          const PredictOptions& options, std::vector<Cell>& cells) {
    const std::string mapping_path = (folder / "mapping" / mapping).string();
    const std::string hw_path = (folder / "hw" / (hw + ".m")).string();
    const auto hardware = hardware_of(parse_hardware(read_file(hw_path), hw_path));
    const auto layers = predict_file(parse_mapping(read_file(mapping_path), mapping_path),
                                     mapping_path, hardware, options.faults);
    append(layers.front().result, layers.front().layer, hardware, cells);
  }
};

}  // namespace

std::unique_ptr<Predictor> make_maestro_predictor() { return std::make_unique<MaestroPredictor>(); }

}  // namespace tessera::mapping
