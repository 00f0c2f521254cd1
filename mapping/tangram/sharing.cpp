#include "mapping/tangram/sharing.h"

#include <algorithm>

#include "mapping/array_choice.h"
#include "mapping/tangram/segment_rules.h"
#include "mapping/tangram/turning.h"

namespace tessera::mapping {

using workloads::Layer;
using workloads::Network;
using workloads::Operand;

namespace {

using Extents = std::vector<std::int64_t>;

constexpr int kDealings = 8;  ///< best ones of layer by layer that are tried

class Sharing {
 public:
  Sharing(const Network& network, workloads::LayerId layer, const std::vector<InputSource>& sources,
          const hw::Accelerator& accelerator, const MachineRates& rates, Home output_home)
      : id_(layer),
        layer_(network.layers[layer]),
        output_elements_(static_cast<double>(nominal_elements(layer_.output, layer_.extents()))),
        sources_(sources),
        accelerator_(accelerator),
        rates_(rates),
        output_home_(output_home),
        whole_(layer_.extents()) {}

  void add(const std::vector<PartitionSplit>& splits) {
    share_ = whole_;
    for (const auto& split : splits)
      share_[split.rank] = ceil_div<std::int64_t>(share_[split.rank], split.ways);
    splits_ = &splits;
    for (const auto& tiles : turnings_of(layer_, whole_, splits, accelerator_)) add_first(tiles);
  }

  std::vector<SharedLayer> take() {
    std::ranges::stable_sort(found_, {}, &SharedLayer::cycles);
    return std::move(found_);
  }

 private:
  /// The largest tile that fits, with second copies or without.
  void add_first(const std::vector<Turning>& tiles) {
    for (const auto& way : tiles)
      for (const bool twice : {true, false})
        if (blocked(way, twice)) return;
  }

  Bytes bytes(const Operand& operand, const Extents& extents) const {
    return line_bytes_of(operand, extents, accelerator_);
  }

  /// Plan with one loop over rounds and one or two that rotate; false when it does not fit.
  bool blocked(const Turning& way, bool twice) {
    const auto& piece = way.piece;
    Extents outer = share_;
    outer[way.round] = way.tile;
    SharedLayer choice;
    choice.input = way.input;
    StagePlan& plan = choice.plan;
    plan.layer = id_;
    plan.partition = *splits_;
    plan.output_home = output_home_;
    plan.loops = way.loops(share_);
    const int all = static_cast<int>(plan.loops.size());
    const bool sums = layer_.ranks[way.turning].reduced;
    Bytes used = bytes(layer_.inputs[way.input], share_) / static_cast<Bytes>(way.ways) +
                 accelerator_.tile.buffer.line_bytes;
    for (std::size_t i = 0; i < layer_.inputs.size(); ++i) {
      Holding held{1, twice};
      if (static_cast<int>(i) == way.input) {
        held = {.depth = 1, .shared_by = static_cast<int>(way.ways), .turn = 1};
      } else {
        if (Layer::indexes(layer_.inputs[i], way.turning)) held.depth = all;
        used += bytes(layer_.inputs[i], held.depth == 1 ? outer : piece) * (twice ? 2 : 1);
      }
      plan.inputs.push_back(held);
    }
    Extents written = outer;
    if (!sums) written[way.turning] = piece[way.turning];
    plan.output = {sums ? 1 : 2, twice};
    used += bytes(layer_.output, written) * (twice ? 2 : 1);
    if (used > accelerator_.tile.buffer.bytes) return false;
    price(choice, piece);
    found_.push_back(std::move(choice));
    return true;
  }

  void price(SharedLayer& choice, const Extents& piece) {
    double trips = 1;
    for (const auto count : trip_counts(choice.plan.loops, share_))
      trips *= static_cast<double>(count);
    if (layer_.kind == workloads::LayerKind::kMatrix) {
      const auto array =
          choose_array_mapping(layer_, piece, accelerator_.tile.array, accelerator_.word_bytes());
      choice.plan.array = array.mapping;
      const double step = static_cast<double>(bytes(layer_.inputs[choice.input], piece)) /
                              rates_.link_bytes_per_cycle +
                          kStepLatency;
      // A ring has one place to spare: the neighbour lets a piece go only when it is done with it.
      choice.cycles = trips * (static_cast<double>(array.cycles) + step);
    }
    // What tiles hold crosses a network that others use, too: it is taken to be no faster than
    // DRAM.
    double arriving = 0;
    for (std::size_t i = 0; i < layer_.inputs.size(); ++i) {
      const auto& input = layer_.inputs[i];
      double ways = 1;
      for (const auto& split : *splits_)
        if (Layer::indexes(input, split.rank)) ways *= split.ways;
      const double all = ways * static_cast<double>(bytes(input, share_));
      arriving += all;
      if (sources_[i].home == Home::kDram) choice.dram_bytes += all * sources_[i].share;
    }
    if (output_home_ == Home::kDram)
      choice.dram_bytes += output_elements_ * accelerator_.word_bytes();
    choice.cycles = std::max(choice.cycles, arriving / rates_.dram_bytes_per_cycle) + kFetchLatency;
  }

  workloads::LayerId id_;
  const Layer& layer_;
  double output_elements_;
  const std::vector<InputSource>& sources_;
  const hw::Accelerator& accelerator_;
  const MachineRates& rates_;
  Home output_home_;
  Extents whole_;
  Extents share_;
  const std::vector<PartitionSplit>* splits_ = nullptr;
  std::vector<SharedLayer> found_;
};

}  // namespace

std::vector<SharedLayer> shared_layers(const Network& network, workloads::LayerId layer,
                                       const std::vector<InputSource>& sources,
                                       const hw::Accelerator& accelerator,
                                       const MachineRates& rates, Home output_home) {
  if (network.layers[layer].kind != workloads::LayerKind::kMatrix) return {};
  const SearchLimits limits{accelerator.tile.buffer.bytes, output_home, rates};
  Sharing sharing(network, layer, sources, accelerator, rates, output_home);
  std::vector<std::vector<PartitionSplit>> seen;
  for (const auto& choice :
       search_partitions(network, layer, sources, accelerator, limits, kDealings)) {
    const auto same = [&](const std::vector<PartitionSplit>& other) {
      return std::ranges::equal(other, choice.plan.partition, [](const auto& a, const auto& b) {
        return a.rank == b.rank && a.ways == b.ways && a.axis == b.axis;
      });
    };
    if (std::ranges::any_of(seen, same)) continue;
    seen.push_back(choice.plan.partition);
    sharing.add(choice.plan.partition);
  }
  return sharing.take();
}

Node shared_tree(const SharedLayer& choice, const Network& network) {
  return shared_path(network.layers[choice.plan.layer], choice.plan);
}

}  // namespace tessera::mapping
