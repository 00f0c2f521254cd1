#include "mapping/cost/timeloop/timeloop_predictor.h"

#include <cmath>
#include <cstdio>

#include "mapping/cost/timeloop/timeloop_model.h"
#include "mapping/cost/yaml_case.h"
#include "mapping/importers/timeloop/mapping_file.h"
#include "mapping/importers/timeloop/problem.h"

namespace tessera::mapping {

namespace {

using importers::TimeloopArchitecture;
using importers::TimeloopUnit;
using importers::TimeloopUnitKind;
using timeloop::StorageResult;
using timeloop::TimeloopPrediction;

/// The files of a case and the names of its row.
struct Case : YamlCase {
  std::string style;
};

std::string with_two_decimals(double value) {
  if (std::isinf(value)) return "";
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", value);
  return text;
}

double picojoules_to_microjoules(double energy) { return rounded(energy * 1e-6, 4); }

class Tables {
 public:
  Tables()
      : cases_{"cases",
               {"case", "arch", "problem", "style", "macs", "cycles", "compute_cycles",
                "bottleneck_level", "mac_utilization", "macs_per_cycle", "energy_uJ",
                "dram_reads_words", "dram_writes_words", "dram_energy_uJ"},
               {}},
        levels_{"levels",
                {"case",
                 "level",
                 "tensor",
                 "kept",
                 "instances_hw",
                 "instances_used",
                 "tile_words_per_instance",
                 "capacity_words_effective",
                 "reads_per_instance",
                 "fills_per_instance",
                 "updates_per_instance",
                 "temporal_reductions_per_instance",
                 "reads_total",
                 "fills_total",
                 "updates_total",
                 "energy_total_pJ",
                 "level_cycles",
                 "bandwidth_throttling",
                 "read_bw_limit_words_per_cycle",
                 "write_bw_limit_words_per_cycle"},
                {}},
        networks_{
            "networks",
            {"case", "network", "tensor", "fanout", "multicast_factor", "ingresses",
             "ingress_signature_multicast_scatter_count", "link_transfers", "spatial_reductions"},
            {}} {}

  void add(const Case& which, const workloads::Network& network,
           const TimeloopArchitecture& architecture, const TimeloopPrediction& prediction) {
    add_case(which, prediction);
    add_compute(which, architecture.units.back(), prediction);
    for (auto storage = prediction.storages.rbegin(); storage != prediction.storages.rend();
         ++storage)
      add_storage(which, network, architecture.units[storage->unit], *storage);
    for (const auto& link : prediction.links) add_link(which, network, architecture, link);
  }

  std::vector<ResultTable> take() {
    return {std::move(cases_), std::move(levels_), std::move(networks_)};
  }

 private:
  void add_case(const Case& which, const TimeloopPrediction& prediction) {
    const StorageResult& outermost = prediction.storages.front();
    std::int64_t reads = 0;
    std::int64_t writes = 0;
    double energy = 0;
    for (std::size_t i = 0; i < outermost.tensors.size(); ++i) {
      reads += outermost.tensors[i].reads;
      writes += outermost.tensors[i].fills + outermost.tensors[i].updates;
      energy += outermost.energy_pj[i];
    }
    cases_.rows.push_back(
        {which.name, which.arch, which.workload, which.style, prediction.macs, prediction.cycles,
         prediction.compute_cycles, prediction.bottleneck, rounded(prediction.mac_utilization, 4),
         rounded(static_cast<double>(prediction.macs) / static_cast<double>(prediction.cycles), 3),
         picojoules_to_microjoules(prediction.energy_pj), reads * outermost.instances_used,
         writes * outermost.instances_used, picojoules_to_microjoules(energy)});
  }

  void add_compute(const Case& which, const TimeloopUnit& unit,
                   const TimeloopPrediction& prediction) {
    const std::string none;
    levels_.rows.push_back({which.name,
                            unit.name,
                            "-",
                            std::int64_t{1},
                            unit.instances,
                            prediction.compute_instances_used,
                            none,
                            none,
                            none,
                            none,
                            none,
                            none,
                            none,
                            none,
                            none,
                            rounded(prediction.compute_energy_pj, 4),
                            prediction.compute_cycles,
                            1.0,
                            none,
                            none});
  }

  void add_storage(const Case& which, const workloads::Network& network, const TimeloopUnit& unit,
                   const StorageResult& storage) {
    for (std::size_t i = 0; i < storage.tensors.size(); ++i) {
      const auto& counts = storage.tensors[i];
      const std::int64_t used = storage.kept[i] ? storage.instances_used : 0;
      const Cell capacity = unit.capacity_words ? Cell{*unit.capacity_words} : Cell{std::string()};
      levels_.rows.push_back({which.name,
                              unit.name,
                              network.tensors[i].name,
                              std::int64_t{storage.kept[i]},
                              unit.instances,
                              used,
                              counts.tile_words,
                              capacity,
                              counts.reads,
                              counts.fills,
                              counts.updates,
                              counts.temporal_reductions,
                              counts.reads * used,
                              counts.fills * used,
                              counts.updates * used,
                              rounded(storage.energy_pj[i], 4),
                              storage.cycles,
                              rounded(storage.slowdown, 2),
                              with_two_decimals(unit.read_bandwidth),
                              with_two_decimals(unit.write_bandwidth)});
    }
  }

  static std::string level_name(const TimeloopUnit& unit) {
    return unit.kind == TimeloopUnitKind::kFanout ? "inter_" + unit.name + "_spatial" : unit.name;
  }

  void add_link(const Case& which, const workloads::Network& network,
                const TimeloopArchitecture& architecture, const timeloop::LinkResult& link) {
    const std::string name = level_name(architecture.units[link.from_unit]) + " <==> " +
                             level_name(architecture.units[link.to_unit]);
    for (std::size_t i = 0; i < link.tensors.size(); ++i) {
      const auto& counts = link.tensors[i];
      double received = 0;
      std::string signature;
      for (const auto& entry : counts.delivered) {
        received += entry.words * static_cast<double>(entry.multicast);
        if (!signature.empty()) signature += ';';
        signature += std::to_string(entry.multicast) + "x" + std::to_string(entry.scatter) + "x" +
                     with_two_decimals(entry.words);
      }
      const double multicast = counts.ingresses > 0 ? received / counts.ingresses : 0;
      networks_.rows.push_back({which.name, name, network.tensors[i].name, counts.fanout,
                                rounded(multicast, 4), rounded(counts.ingresses, 2), signature,
                                counts.passed_on, rounded(counts.spatial_reductions, 2)});
    }
  }

  ResultTable cases_;
  ResultTable levels_;
  ResultTable networks_;
};

class TimeloopPredictor : public Predictor {
 public:
  std::string name() const override { return "timeloop"; }
  std::string summary() const override {
    return "single layers: accesses, energy, cycles as the slowest level";
  }

  std::vector<ResultTable> predict_case(const CaseFiles& files,
                                        const PredictOptions& options) const override {
    Tables tables;
    add({yaml_case(files, name()), ""}, options, tables);
    return tables.take();
  }

  std::vector<ResultTable> predict_cases(const std::filesystem::path& folder,
                                         const PredictOptions& options) const override {
    const CsvTable keys = CsvTable::load((folder / "cases.csv").string());
    const YamlFolder layout{folder, "problem", "problems", "ert.yaml"};
    Tables tables;
    for (std::size_t row = 0; row < keys.rows(); ++row) {
      Case one{yaml_case(layout, keys, row), ""};
      if (keys.has("style")) one.style = keys.at(row, "style");
      add(one, options, tables);
    }
    return tables.take();
  }

 private:
  static void add(const Case& one, const PredictOptions& options, Tables& tables) {
    const auto architecture = importers::load_timeloop_architecture(one.architecture_files);
    const auto network = importers::load_timeloop_problem(one.workload_file);
    const auto schedule = importers::load_timeloop_mapping(one.mapping_file, architecture, network);
    tables.add(one, network, architecture,
               timeloop::predict_timeloop(schedule, network, architecture, options.faults));
  }
};

}  // namespace

std::unique_ptr<Predictor> make_timeloop_predictor() {
  return std::make_unique<TimeloopPredictor>();
}

}  // namespace tessera::mapping
