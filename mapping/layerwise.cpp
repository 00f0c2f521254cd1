#include "mapping/layerwise.h"

#include <algorithm>

#include "mapping/partition_search.h"
#include "mapping/shared_placer.h"
#include "mapping/slot_placer.h"
#include "mapping/stage_builder.h"
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

/// Builds the path of nodes that says what a StagePlan says.
class PathWriter {
 public:
  PathWriter(const Layer& layer, const StagePlan& plan) : layer_(layer), plan_(plan) {}

  Node write() {
    add(NodeKind::kPlace);
    for (const auto& split : plan_.partition) add_split(split.rank, split.ways, split.axis);
    add_homes();
    for (const auto& loop : plan_.loops) add_loop(loop.rank, loop.tile);
    add_buffer();
    if (layer_.kind == workloads::LayerKind::kMatrix) add_array();
    add(NodeKind::kLayer).layer.layer = layer_.name;
    for (std::size_t i = path_.size() - 1; i > 0; --i)
      path_[i - 1].children.push_back(std::move(path_[i]));
    return std::move(path_.front());
  }

 private:
  Node& add(NodeKind kind) {
    path_.emplace_back().kind = kind;
    return path_.back();
  }

  void add_split(workloads::RankId rank, std::int64_t ways, Axis axis) {
    auto& split = add(NodeKind::kSplit).split;
    split.ranks = {{"", layer_.ranks[rank].name}};
    split.ways = static_cast<int>(ways);
    split.axis = axis;
  }

  void add_loop(workloads::RankId rank, std::int64_t tile) {
    auto& loop = add(NodeKind::kLoop).loop;
    loop.ranks = {{"", layer_.ranks[rank].name}};
    loop.tile = tile;
  }

  void add_homes() {
    auto& store = add(NodeKind::kStore).store;
    store.level = level_of(plan_.output_home);
    store.tensors.push_back({.tensor = "O"});
  }

  static const char* level_of(Home home) {
    return home == Home::kTiles ? "tiles" : home == Home::kShared ? "shared" : "dram";
  }

  void add_buffer() {
    auto& store = add(NodeKind::kStore).store;
    store.level = "buffer";
    for (std::size_t i = 0; i < layer_.inputs.size(); ++i)
      store.tensors.push_back({.tensor = operand_name(layer_, static_cast<int>(i)),
                               .double_buffered = plan_.inputs[i].double_buffered,
                               .distribution = Distribution::kMulticast});
    store.tensors.push_back({.tensor = "O",
                             .double_buffered = plan_.output.double_buffered,
                             .partial_sums = PartialSums::kToOwner});
  }

  void add_registers(int depth) {
    StoreNode store;
    store.level = "registers";
    for (int kind = 0; kind < 3; ++kind) {
      if (plan_.array.store_depth[kind] != depth) continue;
      if (kind == 1 && layer_.inputs.size() < 2) continue;
      store.tensors.push_back({.tensor = kind == 2 ? "O" : operand_name(layer_, kind),
                               .double_buffered = plan_.array.double_buffered[kind]});
    }
    if (!store.tensors.empty()) add(NodeKind::kStore).store = std::move(store);
  }

  void add_array() {
    const auto& array = plan_.array;
    for (std::size_t depth = 0; depth < array.loops.size(); ++depth) {
      add_registers(static_cast<int>(depth));
      add_loop(array.loops[depth].rank, array.loops[depth].tile);
    }
    add_registers(static_cast<int>(array.loops.size()));
    for (const auto& split : array.rows) add_split(split.rank, split.ways, Axis::kArrayY);
    for (const auto& split : array.columns) add_split(split.rank, split.ways, Axis::kArrayX);
    for (const auto& split : array.lanes) add_split(split.rank, split.ways, Axis::kLanes);
  }

  const Layer& layer_;
  const StagePlan& plan_;
  std::vector<Node> path_;
};

class Layerwise {
 public:
  Layerwise(const Network& network, const hw::Accelerator& accelerator, const MachineRates& rates)
      : network_(network),
        accelerator_(accelerator),
        rates_(rates),
        sources_(network.tensors.size()),
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
      others.push_back(
          before.next_best(i, sources_[network_.layers[i].output.tensor].home, places));
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
        sources_[tensor] = {Home::kTiles, signature_of(staying->plan.partition, layer.output)};
        return accept(*staying, stage, last);
      }
    }
    const Home home = home_outside(stage, last);
    auto leaving = search(stage, home, stage);
    if (!leaving)
      throw UserError("layer ", layer.name,
                      ": no tile of it fits into what feature maps leave of a tile buffer of ",
                      capacity(), " B");
    sources_[tensor] = {home, {}};
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
    std::vector<InputSource> sources;
    for (const auto& input : network_.layers[stage].inputs)
      sources.push_back(sources_[input.tensor]);
    return sources;
  }

  SearchLimits limits(Bytes working, Home home) const {
    return {working,
            home,
            rates_.multicast,
            rates_.link_bytes_per_cycle,
            rates_.dram_bytes_per_cycle,
            rates_.dram_burst_bytes,
            rates_.shared_bytes_per_cycle};
  }

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
    return PathWriter(network_.layers[stage], choice.plan).write();
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
  std::vector<InputSource> sources_;
  std::vector<Resident> residents_;
  SlotPlacer placer_;
  SharedPlacer shared_;
};

}  // namespace

Schedule schedule_layerwise(const Network& network, const hw::Accelerator& accelerator,
                            const MachineRates& rates) {
  return Layerwise(network, accelerator, rates).run();
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
