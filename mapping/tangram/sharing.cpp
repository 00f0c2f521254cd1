#include "mapping/tangram/sharing.h"

#include <algorithm>

#include "mapping/array_choice.h"
#include "mapping/stage_path.h"
#include "mapping/tangram/segment_rules.h"

namespace tessera::mapping {

using workloads::Layer;
using workloads::LayerKind;
using workloads::Network;
using workloads::Operand;
using workloads::OperandRole;
using workloads::RankId;

namespace {

using Extents = std::vector<std::int64_t>;

constexpr int kDealings = 8;  ///< best ones of layer by layer that are tried
constexpr double kStepLatency =
    60;  ///< cycles from asking a neighbour for a piece to its first data

class Sharing {
 public:
  Sharing(const Network& network, workloads::LayerId layer, const std::vector<InputSource>& sources,
          const hw::Accelerator& accelerator, const MachineRates& rates, Home output_home)
      : id_(layer),
        layer_(network.layers[layer]),
        output_elements_(static_cast<double>(network.tensors[layer_.output.tensor].elements())),
        sources_(sources),
        accelerator_(accelerator),
        rates_(rates),
        output_home_(output_home) {}

  void add(const std::vector<PartitionSplit>& splits) {
    for (const auto& split : splits)
      if (split.ways > 1 && layer_.ranks[split.rank].reduced) return;
    share_ = {};
    for (const auto& rank : layer_.ranks) share_.push_back(rank.extent);
    for (const auto& split : splits)
      share_[split.rank] = ceil_div<std::int64_t>(share_[split.rank], split.ways);
    splits_ = &splits;
    for (std::size_t i = 0; i < layer_.inputs.size(); ++i)
      if (const auto turning = turning_rank(i)) share(static_cast<int>(i), *turning);
  }

  std::vector<SharedLayer> take() {
    std::ranges::stable_sort(found_, {}, &SharedLayer::cycles);
    return std::move(found_);
  }

 private:
  /// Rank whose trips are dealt to the tiles: filters of weights, channels of maps.
  std::optional<RankId> turning_rank(std::size_t input) const {
    const auto& operand = layer_.inputs[input];
    return operand.role == OperandRole::kWeight ? channel_rank(layer_, layer_.output)
                                                : channel_rank(layer_, operand);
  }

  /// Tiles that want the same share of an input.
  std::int64_t group(const Operand& operand) const {
    std::int64_t tiles = 1;
    for (const auto& split : *splits_)
      if (!Layer::indexes(operand, split.rank)) tiles *= split.ways;
    return tiles;
  }

  void share(int input, RankId turning) {
    const Operand& operand = layer_.inputs[input];
    const auto tiles = group(operand);
    for (std::size_t r = 0; r < layer_.ranks.size(); ++r) {
      const auto round = static_cast<RankId>(r);
      if (layer_.ranks[r].reduced || Layer::indexes(operand, round) || share_[r] == 1) continue;
      for (std::int64_t ways = 2; ways <= tiles; ++ways)
        if (tiles % ways == 0) consider(input, turning, round, ways);
    }
  }

  /// The largest piece whose number the tiles divide and that the staging FIFO holds; weights of
  /// one filter that are more are cut along the input channels too.
  bool cut(const Operand& operand, RankId turning, std::int64_t ways, Extents& piece) const {
    for (auto size = share_[turning] / ways; size >= 1; --size) {
      if (ceil_div(share_[turning], size) % ways != 0) continue;
      piece[turning] = size;
      if (bytes(operand, piece) <= accelerator_.tile.interface.staging_bytes) return true;
    }
    const auto channels = channel_rank(layer_, operand);
    if (operand.role != OperandRole::kWeight || !channels || *channels == turning) return false;
    if (share_[turning] % ways != 0) return false;
    piece[turning] = 1;
    while (piece[*channels] > 1 &&
           bytes(operand, piece) > accelerator_.tile.interface.staging_bytes)
      piece[*channels] = ceil_div<std::int64_t>(piece[*channels], 2);
    return bytes(operand, piece) <= accelerator_.tile.interface.staging_bytes;
  }

  Bytes bytes(const Operand& operand, const Extents& extents) const {
    return round_up(
        static_cast<Bytes>(nominal_elements(operand, extents) * accelerator_.word_bytes()),
        accelerator_.tile.buffer.line_bytes);
  }

  void consider(int input, RankId turning, RankId round, std::int64_t ways) {
    const Operand& operand = layer_.inputs[input];
    Extents piece = share_;
    if (!cut(operand, turning, ways, piece) || !even(turning, piece[turning])) return;
    for (auto tile = ceil_div<std::int64_t>(share_[round], 2);;
         tile = ceil_div<std::int64_t>(tile, 2)) {
      for (const bool twice : {true, false})
        if (even(round, tile) && blocked(input, turning, round, tile, ways, piece, twice)) return;
      if (tile == 1) return;
    }
  }

  /// All tiles make as many trips of a loop: a chain in which one has fewer stands still.
  bool even(RankId rank, std::int64_t tile) const {
    std::int64_t least = layer_.ranks[rank].extent;
    for (const auto& split : *splits_)
      if (split.rank == rank) least /= split.ways;
    return ceil_div(least, tile) == ceil_div(share_[rank], tile);
  }

  /// Plan with one loop over rounds and one or two that rotate; false when it does not fit.
  bool blocked(int input, RankId turning, RankId round, std::int64_t tile, std::int64_t ways,
               Extents piece, bool twice) {
    piece[round] = tile;
    Extents outer = share_;
    outer[round] = tile;
    SharedLayer choice;
    choice.input = input;
    StagePlan& plan = choice.plan;
    plan.layer = id_;
    plan.partition = *splits_;
    plan.output_home = output_home_;
    plan.loops = {{round, tile}, {turning, piece[turning], true}};
    for (std::size_t r = 0; r < layer_.ranks.size(); ++r)
      if (static_cast<RankId>(r) != turning && piece[r] < outer[r])
        plan.loops.push_back({static_cast<RankId>(r), piece[r]});
    const int all = static_cast<int>(plan.loops.size());
    const bool sums = layer_.ranks[turning].reduced;
    Bytes used = bytes(layer_.inputs[input], share_) / static_cast<Bytes>(ways) +
                 accelerator_.tile.buffer.line_bytes;
    for (std::size_t i = 0; i < layer_.inputs.size(); ++i) {
      Holding held{1, twice};
      if (static_cast<int>(i) == input) {
        held = {1, false, false, static_cast<int>(ways), 1};
      } else {
        if (Layer::indexes(layer_.inputs[i], turning)) held.depth = all;
        used += bytes(layer_.inputs[i], held.depth == 1 ? outer : piece) * (twice ? 2 : 1);
      }
      plan.inputs.push_back(held);
    }
    Extents written = outer;
    if (!sums) written[turning] = piece[turning];
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
    if (layer_.kind == LayerKind::kMatrix) {
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
      if (sources_[i].home == Home::kDram) choice.dram_bytes += all;
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
  Extents share_;
  const std::vector<PartitionSplit>* splits_ = nullptr;
  std::vector<SharedLayer> found_;
};

}  // namespace

std::vector<SharedLayer> shared_layers(const Network& network, workloads::LayerId layer,
                                       const std::vector<InputSource>& sources,
                                       const hw::Accelerator& accelerator,
                                       const MachineRates& rates, Home output_home) {
  if (network.layers[layer].kind != LayerKind::kMatrix) return {};
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
  const Layer& layer = network.layers[choice.plan.layer];
  const auto name = operand_name(layer, choice.input);
  const auto& shared = choice.plan.inputs[choice.input];
  Node top = stage_path(layer, choice.plan);
  int loops = 0;
  for (Node* node = &top; node->kind != NodeKind::kLayer; node = &node->children.front()) {
    if (node->kind == NodeKind::kLoop) {
      const bool turns = loops >= shared.turn && loops < static_cast<int>(choice.plan.loops.size());
      if (turns) node->loop.rotates = name;
      ++loops;
    }
    if (node->kind == NodeKind::kStore && node->store.level == "buffer")
      for (auto& tensor : node->store.tensors)
        if (tensor.tensor == name) tensor.shared_by = shared.shared_by;
  }
  return top;
}

}  // namespace tessera::mapping
