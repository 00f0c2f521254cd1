#include "mapping/layerwise.h"

#include <algorithm>

#include "mapping/expected_events.h"
#include "mapping/partition_search.h"
#include "mapping/shared_placer.h"
#include "mapping/slot_placer.h"
#include "mapping/stage_builder.h"
#include "mapping/stage_path.h"
#include "sim/base/error.h"

namespace tessera::mapping {

using workloads::Layer;
using workloads::Network;
using workloads::TensorKind;

namespace {

/// Share of the tile buffer that feature maps may occupy between layers; the rest streams.
constexpr double kResidentShare = 0.75;

/// Each attempt asks for an eighth less.
constexpr int kPlacementAttempts = 12;

class Layerwise {
 public:
  Layerwise(const Network& network, const hw::Accelerator& accelerator, const MachineRates& rates,
            Blocking blocking = Blocking::kLargestTiles)
      : network_(network),
        accelerator_(accelerator),
        rates_(rates),
        blocking_(blocking),
        places_(network.layers.size()),
        placer_(accelerator.tile.buffer.bytes),
        shared_(accelerator) {}

  Schedule run() {
    Schedule schedule{"layerwise", "schedule layerwise", {}};
    for (int i = 0; i < static_cast<int>(network_.layers.size()); ++i)
      schedule.root.children.push_back(tree(i, choose(i)));
    return schedule;
  }

  /// As `run`, and the next best plans for each layer among its neighbours' choices.
  Schedule run(int places, std::vector<std::vector<Finalist>>& others) {
    Schedule schedule{"layerwise", "schedule layerwise", {}};
    for (int i = 0; i < static_cast<int>(network_.layers.size()); ++i) {
      const Layerwise before = *this;
      schedule.root.children.push_back(tree(i, choose(i)));
      others.push_back(before.next_best(i, places_[static_cast<std::size_t>(i)].home, places));
    }
    return schedule;
  }

 private:
  int last_reader(workloads::TensorId tensor) const {
    const auto readers = network_.consumers(tensor);
    return readers.empty() ? -1 : *std::ranges::max_element(readers);
  }

  Bytes resident_bytes(int stage) const {
    Bytes bytes = 0;
    for (const auto& resident : residents_)
      if (resident.last_reader >= stage) bytes += resident.bytes;
    return bytes;
  }

  /// Can the layers up to the last reader still run beside what stays?
  bool leaves_room(Bytes staying, int stage, int last) const {
    for (int later = stage + 1; later <= last; ++later)
      if (resident_bytes(later) + staying +
              smallest_working_set(network_.layers[later], accelerator_) >
          capacity())
        return false;
    return true;
  }

  LayerChoice choose(int stage) {
    const Layer& layer = network_.layers[stage];
    const auto tensor = layer.output.tensor;
    const int last = last_reader(tensor);
    if (network_.tensors[tensor].kind == TensorKind::kIntermediate && last > stage) {
      const auto budget = static_cast<Bytes>(kResidentShare * static_cast<double>(capacity()));
      if (auto staying = search(stage, Home::kTiles, last);
          staying && resident_bytes(stage) + staying->output_share_bytes <= budget &&
          leaves_room(staying->output_share_bytes, stage, last)) {
        residents_.push_back({staying->output_share_bytes, last});
        places_[static_cast<std::size_t>(stage)] = {
            Home::kTiles, signature_of(staying->plan.partition, layer.output)};
        return accept(*staying, stage, last);
      }
    }
    const Home home = home_outside(stage, last);
    auto leaving = search(stage, home, stage);
    if (!leaving)
      throw UserError("layer ", layer.name,
                      ": no tile of it fits into what feature maps leave of a tile buffer of ",
                      capacity(), " B");
    places_[static_cast<std::size_t>(stage)] = {home, {}};
    return accept(*leaving, stage, stage);
  }

  /// Feature maps that do not stay in the tiles go to the shared buffers where there are some with
  /// room.
  Home home_outside(int stage, int last) {
    const auto tensor = network_.layers[stage].output.tensor;
    if (network_.tensors[tensor].kind != TensorKind::kIntermediate || last <= stage)
      return Home::kDram;
    return shared_.place(network_, tensor, stage, last) ? Home::kShared : Home::kDram;
  }

  std::vector<InputSource> sources_of(int stage) const {
    return mapping::sources_of(network_, stage, places_);
  }

  SearchLimits limits(Bytes working, Home home) const { return {working, home, rates_, blocking_}; }

  /// Searches with all free bytes, then with fewer while fragmentation keeps the slots from their
  /// places.
  std::optional<LayerChoice> search(int stage, Home home, int last) const {
    const auto sources = sources_of(stage);
    Bytes working = capacity() - resident_bytes(stage);
    for (int attempt = 0; attempt < kPlacementAttempts; ++attempt, working -= working / 8) {
      auto choice = search_partition(network_, stage, sources, accelerator_, limits(working, home));
      if (!choice) return std::nullopt;
      SlotPlacer trial = placer_;
      Stage built = build_stage(choice->plan, network_, accelerator_);
      if (trial.place(built, stage, home == Home::kTiles, last)) return choice;
    }
    return std::nullopt;
  }

  LayerChoice accept(const LayerChoice& choice, int stage, int last) {
    Stage built = build_stage(choice.plan, network_, accelerator_);
    placer_.place(built, stage, choice.plan.output_home == Home::kTiles, last);
    return choice;
  }

  Node tree(int stage, const LayerChoice& choice) const {
    StagePlan plan = choice.plan;
    plan.tiles.clear();  // all of the grid, which a tree says by naming none
    Node top = stage_path(network_.layers[stage], plan);
    top.expected = expected(stage, choice);
    return top;
  }

  Estimate expected(int stage, const LayerChoice& choice) const {
    const Layer& layer = network_.layers[stage];
    std::vector<bool> from_tiles;
    for (const auto& source : sources_of(stage)) from_tiles.push_back(source.home == Home::kTiles);
    Estimate estimate{
        choice.cost.total(),
        events_on_tiles({layer, choice.plan, dealt(layer.extents(), choice.plan.partition),
                         from_tiles, choice.plan.output_home != Home::kTiles})};
    add_transport(estimate, choice.cost.flit_links * rates_.link_bytes_per_cycle,
                  choice.cost.dram_bytes, choice.cost.shared * rates_.shared_bytes_per_cycle,
                  accelerator_);
    return estimate;
  }

  /// Plans behind the best one that leave the output at the same home.
  std::vector<Finalist> next_best(int stage, Home home, int places) const {
    const auto plans =
        search_partitions(network_, stage, sources_of(stage), accelerator_,
                          limits(capacity() - resident_bytes(stage), home), places + 1);
    std::vector<Finalist> finalists;
    for (std::size_t i = 1; i < plans.size(); ++i)
      finalists.push_back({{{stage, stage}, tree(stage, plans[i])}, plans[i].cost.total()});
    return finalists;
  }

  Bytes capacity() const { return accelerator_.tile.buffer.bytes; }

  struct Resident {
    Bytes bytes;
    int last_reader;
  };

  const Network& network_;
  const hw::Accelerator& accelerator_;
  const MachineRates& rates_;
  const Blocking blocking_;
  std::vector<OutputPlace> places_;  ///< of the layers so far
  std::vector<Resident> residents_;
  SlotPlacer placer_;
  SharedPlacer shared_;
};

}  // namespace

Schedule schedule_layerwise(const Network& network, const hw::Accelerator& accelerator,
                            const MachineRates& rates, Blocking blocking) {
  return Layerwise(network, accelerator, rates, blocking).run();
}

Refined refine_layerwise(const Network& network, const hw::Accelerator& accelerator,
                         const MachineRates& rates, const Simulate& simulate,
                         const RefineOptions& options) {
  std::vector<std::vector<Finalist>> others;
  const auto base = Layerwise(network, accelerator, rates).run(options.finalists, others);
  return refine(
      base, "layerwise", network, accelerator,
      [&](workloads::LayerId first) { return others[static_cast<std::size_t>(first)]; }, simulate,
      options);
}

}  // namespace tessera::mapping
