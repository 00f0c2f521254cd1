#include "mapping/cost/looptree/looptree_model.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "mapping/cost/looptree/latency.h"

namespace tessera::mapping::looptree {

namespace {

using importers::TimeloopArchitecture;
using importers::TimeloopUnit;
using importers::TimeloopUnitKind;

/// Level, tensor, layer.
using Place = std::tuple<int, int, int>;

std::int64_t output_words(const workloads::Layer& layer) {
  std::int64_t words = 1;
  for (const auto& access : layer.output.dimensions)
    words *= layer.ranks[access.terms.front().rank].extent;
  return words;
}

class AccessCounter {
 public:
  AccessCounter(const FusedTree& tree, Faults faults) : tree_(tree), faults_(faults) {}

  void count(const LeafTiles& leaf, const LeafMovement& moved) {
    for (const auto& movement : moved.movements) at(place_of(movement)).movement = movement;
    for (const auto& movement : moved.movements) count_one(leaf, movement);
  }

  std::vector<LevelAccess> take() {
    std::ranges::stable_sort(accesses_, {}, [](const LevelAccess& access) {
      return std::pair(access.movement.level, access.movement.layer);
    });
    return std::move(accesses_);
  }

 private:
  static Place place_of(const Movement& movement) {
    return {movement.level, movement.tensor, movement.layer};
  }

  LevelAccess& at(const Place& place) {
    const auto [found, is_new] = index_.try_emplace(place, accesses_.size());
    if (is_new) accesses_.emplace_back();
    return accesses_[found->second];
  }

  /// Level of the store before this one on the way down; -1 when there is none.
  static int parent_of(const LeafTiles& leaf, const Movement& movement) {
    int parent = -1;
    for (const auto& step : leaf.path) {
      if (step.kind != StepKind::kStore ||
          std::ranges::find(step.tensors, movement.tensor) == step.tensors.end())
        continue;
      if (step.level == movement.level) return parent;
      parent = step.level;
    }
    return parent;
  }

  void count_one(const LeafTiles& leaf, const Movement& movement) {
    LevelAccess& own = at(place_of(movement));
    own.reads += movement.from_peers;
    const int parent_level = parent_of(leaf, movement);
    if (parent_level < 0) return;
    const auto& layer = tree_.network->layers[movement.layer];
    const bool is_output = layer.output.tensor == movement.tensor;
    const std::int64_t first = is_output ? output_words(layer) : 0;
    LevelAccess& parent = at({parent_level, movement.tensor, movement.layer});
    parent.reads += movement.from_parent - first;
    if (is_output) {
      parent.writes += movement.from_parent;
      parent.writes_per_unit += movement.from_parent_per_unit;
      parent.reads_per_unit += movement.from_parent_per_unit;
    } else {
      parent.reads_per_unit +=
          faults_ == Faults::kFixed ? movement.from_parent_per_unit : movement.from_parent;
    }
    if (movement.level == tree_.compute_level()) return;
    own.writes += movement.fills - first;
    own.writes_per_unit += movement.fills_per_unit;
  }

  const FusedTree& tree_;
  Faults faults_;
  std::map<Place, std::size_t> index_;
  std::vector<LevelAccess> accesses_;
};

/// Words of one level held at once, by walking the stores down.
class CapacityCounter {
 public:
  CapacityCounter(const std::vector<LevelAccess>& accesses, bool largest) {
    for (const auto& access : accesses) {
      const Movement& moved = access.movement;
      tiles_[{moved.level, moved.tensor, moved.layer}] =
          largest ? moved.tile_words_max : moved.tile_words_sample;
    }
  }

  std::map<int, std::int64_t> words(const Chain& chain) const {
    std::map<int, std::int64_t> words;
    const auto layers = layers_below(chain);
    for (const auto& step : chain) {
      for (const int tensor : step.tensors)
        words[step.level] += largest_tile(step.level, tensor, layers);
      if (step.branches.empty()) continue;
      for (const auto& [level, inside] : words_of_branches(step)) words[level] += inside;
    }
    return words;
  }

 private:
  std::int64_t largest_tile(int level, int tensor, const std::vector<int>& layers) const {
    std::int64_t largest = 0;
    for (const int layer : layers)
      if (const auto tile = tiles_.find({level, tensor, layer}); tile != tiles_.end())
        largest = std::max(largest, tile->second);
    return largest;
  }

  std::map<int, std::int64_t> words_of_branches(const Step& step) const {
    std::map<int, std::int64_t> words;
    for (const auto& branch : step.branches)
      for (const auto& [level, inside] : this->words(branch)) {
        std::int64_t& so_far = words[level];
        so_far = step.kind == StepKind::kPipeline ? so_far + inside : std::max(so_far, inside);
      }
    return words;
  }

  std::map<Place, std::int64_t> tiles_;
};

/// Shared ports go where they help most: what bounds the time is all writes through the ports that
/// take them, all reads likewise, or all words through all ports. As shipped the tool widens every
/// kind of port a little so as never to divide by zero, which shows in the digits of long runs.
double port_latency(const TimeloopUnit& unit, double reads, double writes, Faults faults) {
  const double margin = faults == Faults::kAsShipped ? 1e-8 : 0;
  const auto bandwidth = [&](std::int64_t ports) {
    return static_cast<double>(ports * unit.block_words) + margin;
  };
  const auto time = [](double words, double width) { return words > 0 ? words / width : 0; };
  const double read = bandwidth(unit.read_ports);
  const double write = bandwidth(unit.write_ports);
  const double shared = bandwidth(unit.shared_ports);
  return std::max({time(writes, write + shared), time(reads, read + shared),
                   time(reads + writes, read + write + shared)});
}

void add_storages(const FusedTree& tree, const TimeloopArchitecture& architecture, Faults faults,
                  LoopTreePrediction& prediction) {
  const auto sample = CapacityCounter(prediction.accesses, false).words(tree.root);
  const auto largest = CapacityCounter(prediction.accesses, true).words(tree.root);
  const auto words_at = [](const std::map<int, std::int64_t>& words, int level) {
    const auto found = words.find(level);
    return found == words.end() ? 0 : found->second;
  };
  for (const auto& unit : architecture.units) {
    if (unit.kind != TimeloopUnitKind::kStorage) continue;
    const int level = static_cast<int>(prediction.storages.size());
    StorageSummary storage;
    storage.name = unit.name;
    double reads = 0;
    double writes = 0;
    for (const auto& access : prediction.accesses) {
      if (access.movement.level != level) continue;
      storage.reads += access.reads;
      storage.writes += access.writes;
      reads += static_cast<double>(access.reads_per_unit);
      writes += static_cast<double>(access.writes_per_unit);
    }
    storage.latency_cycles = port_latency(unit, reads, writes, faults);
    storage.capacity_words_sample = words_at(sample, level);
    storage.capacity_words_max = words_at(largest, level);
    prediction.energy_pj += static_cast<double>(storage.reads) * unit.read_energy_pj +
                            static_cast<double>(storage.writes) * unit.write_energy_pj;
    prediction.storages.push_back(storage);
  }
}

void add_einsums(const workloads::Network& network, const std::vector<LeafMovement>& movements,
                 LoopTreePrediction& prediction) {
  for (const auto& layer : network.layers)
    prediction.einsums.push_back({layer.name, workloads::volume(layer.whole()), 0, 0});
  for (const auto& moved : movements) {
    EinsumSummary& einsum = prediction.einsums[moved.layer];
    einsum.macs_executed = moved.operations;
    for (const std::int64_t steps : moved.steps) einsum.temporal_steps += steps;
  }
}

void find_bottleneck(LoopTreePrediction& prediction) {
  prediction.latency_cycles = static_cast<double>(prediction.compute_latency_cycles);
  prediction.bottleneck = "compute";
  for (const auto& storage : prediction.storages) {
    if (storage.latency_cycles <= prediction.latency_cycles) continue;
    prediction.latency_cycles = storage.latency_cycles;
    prediction.bottleneck = storage.name;
  }
}

}  // namespace

LoopTreePrediction predict_looptree(const Schedule& schedule, const workloads::Network& network,
                                    const TimeloopArchitecture& architecture, Faults faults) {
  const FusedTree tree = fused_tree_of(schedule, network, architecture);
  const auto leaves = infer_tiles(tree);
  std::vector<LeafMovement> movements;
  AccessCounter accesses(tree, faults);
  for (const auto& leaf : leaves) {
    movements.push_back(movement_of(tree, leaf));
    accesses.count(leaf, movements.back());
  }
  LoopTreePrediction prediction;
  prediction.accesses = accesses.take();
  add_einsums(network, movements, prediction);
  add_storages(tree, architecture, faults, prediction);
  for (const auto& einsum : prediction.einsums)
    prediction.energy_pj +=
        static_cast<double>(einsum.macs_executed) * architecture.units.back().compute_energy_pj;
  prediction.compute_latency_cycles = compute_latency(tree, leaves, movements, faults);
  find_bottleneck(prediction);
  return prediction;
}

}  // namespace tessera::mapping::looptree
