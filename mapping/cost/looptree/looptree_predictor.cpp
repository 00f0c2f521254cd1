#include "mapping/cost/looptree/looptree_predictor.h"

#include "mapping/cost/looptree/looptree_model.h"
#include "mapping/cost/yaml_case.h"
#include "mapping/importers/looptree/energy_table.h"
#include "mapping/importers/looptree/mapping_file.h"
#include "mapping/importers/looptree/workload.h"

namespace tessera::mapping {

namespace {

using importers::TimeloopArchitecture;
using looptree::LoopTreePrediction;

/// The files of a case and the names of its row.
struct Case : YamlCase {
  std::string mapping;
};

bool is_pipelined(const Node& node) {
  if (node.kind == NodeKind::kPipeline) return true;
  for (const auto& child : node.children)
    if (is_pipelined(child)) return true;
  return false;
}

class Tables {
 public:
  Tables()
      : cases_{"cases",
               {"case",
                "workload",
                "mapping",
                "arch",
                "branch",
                "layers",
                "macs_algorithmic",
                "macs_executed",
                "recompute_ratio",
                "latency_cycles",
                "compute_latency_cycles",
                "dram_latency_cycles",
                "glb_latency_cycles",
                "bottleneck",
                "dram_reads_words",
                "dram_writes_words",
                "offchip_words",
                "glb_reads_words",
                "glb_writes_words",
                "glb_capacity_words_sample",
                "glb_capacity_words_max",
                "energy_pJ"},
               {}},
        accesses_{
            "accesses",
            {"case", "level", "tensor", "einsum", "reads_words", "writes_words", "fills_words",
             "reads_from_parent_words", "tile_words_sample", "tile_words_max", "spacetime_tags"},
            {}},
        einsums_{"einsums",
                 {"case", "einsum", "macs_algorithmic", "macs_executed", "temporal_steps"},
                 {}},
        levels_{"levels",
                {"case", "level", "reads_words", "writes_words", "latency_cycles",
                 "capacity_words_sample", "capacity_words_max"},
                {}} {}

  void add(const Case& which, const workloads::Network& network, const Schedule& schedule,
           const TimeloopArchitecture& architecture, const LoopTreePrediction& prediction) {
    add_case(which, network, schedule, prediction);
    for (const auto& access : prediction.accesses)
      add_access(which, network, architecture, prediction, access);
    for (const auto& einsum : prediction.einsums)
      einsums_.rows.push_back({which.name, einsum.name, einsum.macs_algorithmic,
                               einsum.macs_executed, einsum.temporal_steps});
    for (const auto& storage : prediction.storages)
      levels_.rows.push_back({which.name, storage.name, storage.reads, storage.writes,
                              rounded(storage.latency_cycles, 2), storage.capacity_words_sample,
                              storage.capacity_words_max});
  }

  std::vector<ResultTable> take() {
    return {std::move(cases_), std::move(accesses_), std::move(einsums_), std::move(levels_)};
  }

 private:
  /// The columns of the outermost storage are called dram, those of the next one glb.
  void add_case(const Case& which, const workloads::Network& network, const Schedule& schedule,
                const LoopTreePrediction& prediction) {
    std::int64_t algorithmic = 0;
    std::int64_t executed = 0;
    for (const auto& einsum : prediction.einsums) {
      algorithmic += einsum.macs_algorithmic;
      executed += einsum.macs_executed;
    }
    const looptree::StorageSummary none;
    const auto& dram = prediction.storages.front();
    const auto& glb = prediction.storages.size() > 1 ? prediction.storages[1] : none;
    cases_.rows.push_back(
        {which.name,
         which.workload,
         which.mapping,
         which.arch,
         is_pipelined(schedule.root) ? "pipeline" : "sequential",
         static_cast<std::int64_t>(network.layers.size()),
         algorithmic,
         executed,
         rounded(static_cast<double>(executed) / static_cast<double>(algorithmic), 5),
         rounded(prediction.latency_cycles, 2),
         prediction.compute_latency_cycles,
         rounded(dram.latency_cycles, 2),
         rounded(glb.latency_cycles, 2),
         prediction.bottleneck,
         dram.reads,
         dram.writes,
         dram.reads + dram.writes,
         glb.reads,
         glb.writes,
         glb.capacity_words_sample,
         glb.capacity_words_max,
         rounded(prediction.energy_pj, 4)});
  }

  void add_access(const Case& which, const workloads::Network& network,
                  const TimeloopArchitecture& architecture, const LoopTreePrediction& prediction,
                  const looptree::LevelAccess& access) {
    const auto& moved = access.movement;
    const auto level = static_cast<std::size_t>(moved.level);
    const std::string& name = level < prediction.storages.size() ? prediction.storages[level].name
                                                                 : architecture.units.back().name;
    accesses_.rows.push_back({which.name, name, network.tensors[moved.tensor].name,
                              network.layers[moved.layer].name, access.reads, access.writes,
                              moved.fills, moved.from_parent, moved.tile_words_sample,
                              moved.tile_words_max, moved.tags});
  }

  ResultTable cases_;
  ResultTable accesses_;
  ResultTable einsums_;
  ResultTable levels_;
};

TimeloopArchitecture load_architecture(const std::vector<std::string>& files) {
  std::vector<std::string> yaml;
  for (const auto& file : files)
    if (!file.ends_with(".csv")) yaml.push_back(file);
  auto architecture = importers::load_timeloop_architecture(yaml);
  for (const auto& file : files)
    if (file.ends_with(".csv")) importers::load_energy_per_word(file, architecture);
  return architecture;
}

class LoopTreePredictor : public Predictor {
 public:
  std::string name() const override { return "looptree"; }
  std::string summary() const override {
    return "fused layers: accesses, recomputation, capacity, latency";
  }

  std::vector<ResultTable> predict_case(const CaseFiles& files,
                                        const PredictOptions& options) const override {
    Case one{yaml_case(files, name()), ""};
    one.mapping = one.name;
    Tables tables;
    add(one, options, tables);
    return tables.take();
  }

  std::vector<ResultTable> predict_cases(const std::filesystem::path& folder,
                                         const PredictOptions& options) const override {
    const CsvTable keys = CsvTable::load((folder / "cases.csv").string());
    const YamlFolder layout{folder, "workload", "workloads", "energy.csv"};
    Tables tables;
    for (std::size_t row = 0; row < keys.rows(); ++row) {
      Case one{yaml_case(layout, keys, row), ""};
      one.mapping = keys.has("mapping") ? keys.at(row, "mapping") : one.name;
      add(one, options, tables);
    }
    return tables.take();
  }

 private:
  static void add(const Case& one, const PredictOptions& options, Tables& tables) {
    const auto architecture = load_architecture(one.architecture_files);
    const auto network = importers::load_looptree_workload(one.workload_file);
    const auto schedule = importers::load_looptree_mapping(one.mapping_file, architecture, network);
    tables.add(one, network, schedule, architecture,
               looptree::predict_looptree(schedule, network, architecture, options.faults));
  }
};

}  // namespace

std::unique_ptr<Predictor> make_looptree_predictor() {
  return std::make_unique<LoopTreePredictor>();
}

}  // namespace tessera::mapping
