#include "mapping/partition_search.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <tuple>

#include "mapping/array_choice.h"
#include "mapping/dram_order.h"
#include "mapping/expected_events.h"

namespace tessera::mapping {

using workloads::Layer;
using workloads::LayerKind;
using workloads::Operand;
using workloads::RankId;

DealSignature signature_of(const std::vector<PartitionSplit>& partition, const Operand& operand) {
  DealSignature signature;
  for (const auto& split : partition) {
    if (split.ways == 1) continue;
    for (std::size_t d = 0; d < operand.dimensions.size(); ++d)
      for (const auto& term : operand.dimensions[d].terms)
        if (term.rank == split.rank)
          signature.push_back({static_cast<int>(d), split.ways, split.axis});
  }
  return signature;
}

double LayerCost::bound() const {
  return std::max({compute + in_turns, ingest, dram, shared, network}) + exposed;
}

namespace {

using Extents = std::vector<std::int64_t>;

/// Does the rank slide over a dimension together with another, as filter taps do? Digits of one
/// index (group and channel) do not.
bool is_window(const Layer& layer, RankId rank) {
  const auto digits = [&](const workloads::AffineTerm& a, const workloads::AffineTerm& b) {
    const auto& [high, low] = a.coefficient > b.coefficient ? std::tie(a, b) : std::tie(b, a);
    return high.coefficient >= low.coefficient * layer.ranks[low.rank].extent;
  };
  const auto slides = [&](const workloads::DimensionAccess& access) {
    for (const auto& term : access.terms)
      for (const auto& other : access.terms)
        if (term.rank == rank && other.rank != rank && !digits(term, other)) return true;
    return false;
  };
  return std::ranges::any_of(layer.inputs, [&](const Operand& input) {
    return std::ranges::any_of(input.dimensions, slides);
  });
}

/// Filter taps stay together, and so do ranks that a vector layer must see whole.
bool can_be_cut(const Layer& layer, RankId rank) {
  if (layer.ranks[rank].extent <= 1) return false;
  if (std::ranges::find(layer.whole_ranks, rank) != layer.whole_ranks.end()) return false;
  if (!layer.ranks[rank].reduced) return true;
  return layer.kind == LayerKind::kMatrix && !is_window(layer, rank);
}

constexpr double kFinalists = 24;
constexpr double kUsableLinkShare = 0.4;  ///< of all links, what uneven traffic leaves usable
constexpr double kRequestLatency =
    120;  ///< cycles from a request to its first data, network and DRAM
constexpr double kSumsHandshake =
    60;  ///< from an owner's grant to the sums of a partner, two under way at once
constexpr double kReadyCycles = 20;  ///< one level of the tree that collects a group's readiness
constexpr double kHopCyclesPerFlit =
    0.02;  ///< weight of network work when cycles tie: it costs energy

class Search {
 public:
  Search(const workloads::Network& network, workloads::LayerId layer,
         const std::vector<InputSource>& sources, const hw::Accelerator& accelerator,
         const SearchLimits& limits)
      : network_(network),
        layer_(network.layers[layer]),
        sources_(sources),
        accelerator_(accelerator),
        limits_(limits) {
    base_.layer = layer;
    base_.inputs.resize(layer_.inputs.size());
    base_.output_home = limits.output_home;
    base_.tiles.resize(static_cast<std::size_t>(accelerator.tiles()));
    std::iota(base_.tiles.begin(), base_.tiles.end(), 0);
    for (std::size_t r = 0; r < layer_.ranks.size(); ++r)
      if (can_be_cut(layer_, static_cast<RankId>(r))) ranks_.push_back(static_cast<RankId>(r));
  }

  /// Best first; of equal ones the one found first.
  std::vector<LayerChoice> run(std::size_t places) {
    enumerate();
    std::ranges::stable_sort(dealings_, {}, &Dealing::bound);
    std::vector<LayerChoice> best;
    int tried = 0;
    for (const auto& dealing : dealings_) {
      if (tried >= kFinalists || (best.size() == places && dealing.bound >= score(best.back())))
        break;
      ++tried;
      for (const bool weights_outer : {true, false})
        if (auto choice = block(dealing, weights_outer)) {
          best.insert(std::ranges::upper_bound(best, score(*choice), {}, score), *choice);
          if (best.size() > places) best.pop_back();
        }
    }
    return best;
  }

 private:
  struct Dealing {
    std::vector<PartitionSplit> splits;
    double bound = 0;
  };

  /// One or two ranks per mesh axis, in every factorisation of the axis.
  std::vector<std::vector<PartitionSplit>> axis_options(Axis axis, int length) const {
    std::vector<std::vector<PartitionSplit>> options = {{}};
    for (const RankId outer : ranks_) {
      if (length > 1) options.push_back({{outer, 0, length, axis}});
      for (const RankId inner : ranks_)
        for (int ways = 2; inner != outer && ways < length; ++ways)
          if (length % ways == 0)
            options.push_back({{outer, 0, ways, axis}, {inner, 0, length / ways, axis}});
    }
    return options;
  }

  Extents shares(const std::vector<PartitionSplit>& splits) const {
    Extents extents;
    for (const auto& rank : layer_.ranks) extents.push_back(rank.extent);
    for (const auto& split : splits)
      extents[split.rank] = ceil_div<std::int64_t>(extents[split.rank], split.ways);
    return extents;
  }

  void enumerate() {
    std::map<Extents, double> seen;
    const auto rows = axis_options(Axis::kMeshY, accelerator_.rows);
    const auto columns = axis_options(Axis::kMeshX, accelerator_.columns);
    for (const auto& row : rows)
      for (const auto& column : columns) {
        Dealing dealing{row, 0};
        dealing.splits.insert(dealing.splits.end(), column.begin(), column.end());
        const Extents extents = shares(dealing.splits);
        if (!contiguous(extents)) continue;
        StagePlan plan = base_;
        plan.partition = dealing.splits;
        dealing.bound = cost(plan, extents, compute_bound(extents)).bound();
        const auto [entry, added] = seen.try_emplace(extents, dealing.bound);
        if (!added && entry->second <= dealing.bound) continue;
        entry->second = dealing.bound;
        dealings_.push_back(std::move(dealing));
      }
  }

  /// All regions of a tile of these extents are boxes without gaps.
  bool contiguous(const Extents& extents) const {
    const auto whole = [&](const Operand& operand) {
      return mapping::contiguous(layer_, operand, extents);
    };
    return whole(layer_.output) && std::ranges::all_of(layer_.inputs, whole);
  }

  double compute_bound(const Extents& extents) const {
    double points = 1;
    for (const auto extent : extents) points *= static_cast<double>(extent);
    const auto& tile = accelerator_.tile;
    if (layer_.kind == LayerKind::kMatrix)
      return points / (tile.array.rows * tile.array.columns * tile.array.macs_per_pe);
    return points * layer_.passes / tile.vector_unit.lanes;
  }

  double compute_cycles(const Extents& tile_extents) {
    if (layer_.kind != LayerKind::kMatrix) return compute_bound(tile_extents);
    return static_cast<double>(array_choice(tile_extents).cycles);
  }

  const ArrayChoice& array_choice(const Extents& extents) {
    const auto found = array_choices_.find(extents);
    if (found != array_choices_.end()) return found->second;
    return array_choices_
        .emplace(extents, choose_array_mapping(layer_, extents, accelerator_.tile.array,
                                               accelerator_.word_bytes()))
        .first->second;
  }

  static double ways_indexing(const std::vector<PartitionSplit>& splits, const Operand& operand) {
    double ways = 1;
    for (const auto& split : splits)
      if (Layer::indexes(operand, split.rank)) ways *= split.ways;
    return ways;
  }

  double tiles_used(const std::vector<PartitionSplit>& splits) const {
    double used = 1;
    for (const auto& split : splits)
      used *=
          static_cast<double>(std::min<std::int64_t>(split.ways, layer_.ranks[split.rank].extent));
    return used;
  }

  double hops_to(double members, bool from_memory, bool local) const {
    return local ? 1 : links_to(accelerator_, members, from_memory, limits_.rates.multicast);
  }

  /// Memories or tiles that hold something of a granule: every one is asked and answers by itself.
  double sources_of(const Operand& operand, const InputSource& source,
                    const Extents& extents) const {
    if (source.home == Home::kDram) return static_cast<double>(accelerator_.dram.size());
    if (source.home == Home::kShared)
      return static_cast<double>(accelerator_.shared_buffers.size());
    const auto& tensor = network_.tensors[operand.tensor];
    const auto region = nominal_region(operand, extents);
    std::vector<std::int64_t> ways(region.size(), 1);
    for (const auto& dealt : source.signature)
      ways[static_cast<std::size_t>(dealt.dimension)] *= dealt.ways;
    double owners = 1;
    for (std::size_t d = 0; d < region.size(); ++d)
      owners *= static_cast<double>(ceil_div(region[d], ceil_div(tensor.extents[d], ways[d])));
    return owners;
  }

  /// Every piece has a head, and a head for each further packet's worth of payload.
  double flits_of(double bytes, double pieces) const {
    const double payload = static_cast<double>(accelerator_.tile.interface.max_payload_bytes);
    return std::ceil(bytes / limits_.rates.link_bytes_per_cycle) + pieces + bytes / payload;
  }

  LayerCost cost(const StagePlan& plan, const Extents& extents, double compute) const {
    LayerCost cost;
    cost.compute = compute;
    const double word = accelerator_.word_bytes();
    const double used = tiles_used(plan.partition);
    double hops = 0, serial = 0;
    const auto counts = trip_counts(plan.loops, extents);
    const int depth = static_cast<int>(plan.loops.size());
    const Extents inner = extents_inside(plan.loops, depth, extents);
    for (std::size_t i = 0; i < layer_.inputs.size(); ++i) {
      const auto& input = layer_.inputs[i];
      double fetches = 1;
      for (int l = 0; l < change_depth(plan, input, depth, extents); ++l)
        fetches *= static_cast<double>(counts[l]);
      const double granule = static_cast<double>(nominal_elements(input, inner)) * word;
      const double groups = std::min(ways_indexing(plan.partition, input), used);
      const double members = std::max(1.0, used / groups);
      const Home home = sources_[i].home;
      const bool from_memory = home != Home::kTiles;
      const bool local =
          !from_memory && signature_of(plan.partition, input) == sources_[i].signature;
      const double sent = groups * fetches * granule * (limits_.rates.multicast ? 1 : members);
      const double pieces = sources_of(input, sources_[i], inner);
      const double flits = flits_of(granule, pieces);
      cost.ingest += fetches * flits;
      double memory = 0;
      if (home == Home::kDram) {
        cost.dram_bytes += sent;
        cost.dram += memory =
            sent * burst_overhead(input, inner) / limits_.rates.dram_bytes_per_cycle;
      }
      if (home == Home::kShared)
        cost.shared += memory = sent / limits_.rates.shared_bytes_per_cycle;
      hops +=
          groups * fetches *
          (flits * hops_to(members, from_memory, local) + pieces * hops_to(1, from_memory, local));
      const double ready = kReadyCycles * std::log2(members + 1);
      cost.first_fetch += flits + ready;
      if (plan.inputs[i].double_buffered || fetches == 1) continue;
      const double waits = ready + kRequestLatency;
      if (limits_.blocking == Blocking::kOverlap)  // the first one is first_fetch
        cost.in_turns += (fetches - 1) * (std::max(flits, memory / fetches) + waits);
      else
        serial += fetches * (flits + waits);
    }
    add_output(plan, extents, cost, hops);
    const double links = 4.0 * accelerator_.tiles();
    cost.flit_links = hops;
    cost.network = hops / (links * kUsableLinkShare);
    cost.exposed += serial + kRequestLatency + hops * kHopCyclesPerFlit / accelerator_.tiles();
    return cost;
  }

  void add_output(const StagePlan& plan, const Extents& extents, LayerCost& cost,
                  double& hops) const {
    const double word = accelerator_.word_bytes();
    const double share = static_cast<double>(nominal_elements(layer_.output, extents)) * word;
    const double used = tiles_used(plan.partition);
    const double owners = std::min(ways_indexing(plan.partition, layer_.output), used);
    const double partners = std::max(1.0, used / owners) - 1;
    const double flits = share / limits_.rates.link_bytes_per_cycle;
    // An owner takes in and adds up its partners' sums one after the other, granule by granule.
    // Sums that the network adds cost the same here: priced at what they save they draw the choice
    // to splits with more partners, which take longer when simulated (docs/noc.md).
    double granules = 1;
    const int depth = static_cast<int>(plan.loops.size());
    const auto counts = trip_counts(plan.loops, extents);
    for (int l = 0; l < change_depth(plan, layer_.output, depth, extents); ++l)
      granules *= static_cast<double>(counts[l]);
    const double elements = share / word;
    cost.ingest += partners * flits;
    cost.compute += partners * elements / accelerator_.tile.vector_unit.lanes;
    cost.exposed += partners * (granules * kSumsHandshake + flits / granules);
    hops += owners * partners * flits * hops_to(1, false, false);
    if (plan.output_home == Home::kTiles) return;
    const Extents inner = extents_inside(plan.loops, depth, extents);
    if (plan.output_home == Home::kShared) {
      cost.shared += owners * share / limits_.rates.shared_bytes_per_cycle;
    } else {
      cost.dram_bytes += owners * share;
      cost.dram += owners * share * burst_overhead(layer_.output, inner) /
                   limits_.rates.dram_bytes_per_cycle;
    }
    hops += owners * flits * hops_to(1, true, false);
    cost.exposed += flits;
  }

  /// Bytes on the DRAM bus per byte wanted: short runs waste the rest of their bursts. Weights are
  /// laid out in the order in which they are fetched.
  double burst_overhead(const Operand& operand, const Extents& extents) const {
    if (operand.role == workloads::OperandRole::kWeight) return 1;
    const auto run = static_cast<double>(run_elements(network_.tensors[operand.tensor],
                                                      nominal_region(operand, extents))) *
                     accelerator_.word_bytes();
    return burst_bytes_of_run(run, limits_.rates.dram_burst_bytes) / run;
  }

  Bytes round_line(double bytes) const {
    const Bytes line = accelerator_.tile.buffer.line_bytes;
    return round_up(std::max<Bytes>(static_cast<Bytes>(std::ceil(bytes)), line), line);
  }

  Bytes working_set(const StagePlan& plan, const Extents& extents) const {
    const int depth = static_cast<int>(plan.loops.size());
    const Extents inner = extents_inside(plan.loops, depth, extents);
    const auto granule = [&](const Operand& operand) {
      return round_line(static_cast<double>(nominal_elements(operand, inner)) *
                        accelerator_.word_bytes());
    };
    const auto trips = [&](const Operand& operand) {
      std::int64_t product = 1;
      const auto counts = trip_counts(plan.loops, extents);
      for (int l = 0; l < change_depth(plan, operand, depth, extents); ++l) product *= counts[l];
      return product;
    };
    Bytes bytes = 0;
    for (std::size_t i = 0; i < layer_.inputs.size(); ++i)
      bytes += granule(layer_.inputs[i]) *
               static_cast<Bytes>(std::min<std::int64_t>(plan.inputs[i].double_buffered ? 2 : 1,
                                                         trips(layer_.inputs[i])));
    const auto outputs = static_cast<Bytes>(trips(layer_.output));
    bytes += granule(layer_.output) *
             (limits_.output_home == Home::kTiles
                  ? outputs
                  : std::min<Bytes>(plan.output.double_buffered ? 2 : 1, outputs));
    double partners = tiles_used(plan.partition) / ways_indexing(plan.partition, layer_.output);
    if (partners > 1) bytes += granule(layer_.output) * (partners > 2 ? 2 : 1);
    return bytes;
  }

  /// Halves one rank's tile at a time, each time the one that costs least, until the slots fit.
  std::optional<LayerChoice> block(const Dealing& dealing, bool weights_outer) {
    const Extents extents = shares(dealing.splits);
    Extents tile = extents;
    StagePlan plan = base_;
    plan.partition = dealing.splits;
    std::optional<LayerChoice> best;
    for (;;) {
      set_loops(plan, extents, tile, weights_outer);
      for (const bool twice : {true, false}) {
        set_buffering(plan, twice);
        if (working_set(plan, extents) > limits_.working_bytes) continue;
        auto choice = finish(plan, extents, tile);
        if (!best || score(choice) < score(*best)) best = std::move(choice);
        if (twice || limits_.blocking == Blocking::kLargestTiles) return best;
      }
      if (!shrink(plan, extents, tile, weights_outer))
        return best ? best : block_single_buffered(plan, extents, tile);
    }
  }

  /// The smallest tile without a second copy of anything: slow, but better than refusing the layer.
  std::optional<LayerChoice> block_single_buffered(StagePlan& plan, const Extents& extents,
                                                   const Extents& tile) {
    set_buffering(plan, false);
    plan.output.double_buffered = false;
    if (working_set(plan, extents) > limits_.working_bytes) return std::nullopt;
    return finish(plan, extents, tile);
  }

  bool shrink(StagePlan& plan, const Extents& extents, Extents& tile, bool weights_outer) {
    set_buffering(plan, true);
    std::optional<std::pair<double, Extents>> best;
    for (const RankId rank : ranks_) {
      if (tile[rank] <= 1) continue;
      Extents smaller = tile;
      smaller[rank] = ceil_div<std::int64_t>(tile[rank], 2);
      if (!contiguous(smaller)) continue;
      set_loops(plan, extents, smaller, weights_outer);
      const double bytes = static_cast<double>(working_set(plan, extents));
      const double over = std::max(1.0, bytes / static_cast<double>(limits_.working_bytes));
      const double price =
          cost(plan, extents, compute_cycles(smaller) * trips(plan, extents)).total() * over;
      if (!best || price < best->first) best = {price, smaller};
    }
    if (!best) return false;
    tile = best->second;
    return true;
  }

  static double trips(const StagePlan& plan, const Extents& extents) {
    double product = 1;
    for (const auto count : trip_counts(plan.loops, extents)) product *= static_cast<double>(count);
    return product;
  }

  void set_buffering(StagePlan& plan, bool twice) const {
    const int depth = static_cast<int>(plan.loops.size());
    for (auto& input : plan.inputs) input = {depth, twice};
    plan.output = {depth, true};
  }

  /// Reduced ranks innermost, so that sums stay in the buffer; the ranks of the operand to be kept
  /// outermost.
  void set_loops(StagePlan& plan, const Extents& extents, const Extents& tile,
                 bool weights_outer) const {
    plan.loops.clear();
    const auto add = [&](int wanted) {
      for (const RankId rank : ranks_)
        if (tile[rank] < extents[rank] && loop_class(rank, weights_outer) == wanted)
          plan.loops.push_back({rank, tile[rank]});
    };
    for (const int position : {0, 1, 2, 3}) add(position);
    const int depth = static_cast<int>(plan.loops.size());
    for (auto& input : plan.inputs) input.depth = depth;
    plan.output.depth = depth;
  }

  int loop_class(RankId rank, bool weights_outer) const {
    if (layer_.ranks[rank].reduced) return 3;
    const RankRole role = rank_role(layer_, rank);
    if (role.input && role.weight) return 0;
    return role.weight == weights_outer ? 1 : 2;
  }

  LayerChoice finish(StagePlan plan, const Extents& extents, const Extents& tile) {
    if (layer_.kind == LayerKind::kMatrix) plan.array = array_choice(tile).mapping;
    LayerChoice choice{plan, cost(plan, extents, compute_cycles(tile) * trips(plan, extents)), 0};
    std::int64_t granules = 1;
    const auto counts = trip_counts(plan.loops, extents);
    for (int l = 0; l < change_depth(plan, layer_.output, plan.output.depth, extents); ++l)
      granules *= counts[l];
    choice.output_share_bytes =
        round_line(static_cast<double>(nominal_elements(layer_.output, tile)) *
                   accelerator_.word_bytes()) *
        static_cast<Bytes>(granules);
    return choice;
  }

  static double score(const LayerChoice& choice) { return choice.cost.total(); }

  const workloads::Network& network_;
  const Layer& layer_;
  const std::vector<InputSource>& sources_;
  const hw::Accelerator& accelerator_;
  const SearchLimits& limits_;
  StagePlan base_;
  std::vector<RankId> ranks_;
  std::vector<Dealing> dealings_;
  std::map<Extents, ArrayChoice> array_choices_;
};

}  // namespace

Bytes smallest_working_set(const Layer& layer, const hw::Accelerator& accelerator) {
  Extents extents;
  for (std::size_t r = 0; r < layer.ranks.size(); ++r)
    extents.push_back(can_be_cut(layer, static_cast<RankId>(r)) ? 1 : layer.ranks[r].extent);
  const Bytes line = accelerator.tile.buffer.line_bytes;
  const auto granule = [&](const Operand& operand) {
    return round_up(
        static_cast<Bytes>(nominal_elements(operand, extents) * accelerator.word_bytes()), line);
  };
  Bytes bytes = granule(layer.output);
  for (const auto& input : layer.inputs) bytes += granule(input);
  return bytes;
}

std::optional<LayerChoice> search_partition(const workloads::Network& network,
                                            workloads::LayerId layer,
                                            const std::vector<InputSource>& sources,
                                            const hw::Accelerator& accelerator,
                                            const SearchLimits& limits) {
  auto best = search_partitions(network, layer, sources, accelerator, limits, 1);
  return best.empty() ? std::nullopt : std::optional(std::move(best.front()));
}

std::vector<LayerChoice> search_partitions(const workloads::Network& network,
                                           workloads::LayerId layer,
                                           const std::vector<InputSource>& sources,
                                           const hw::Accelerator& accelerator,
                                           const SearchLimits& limits, int places) {
  return Search(network, layer, sources, accelerator, limits).run(static_cast<std::size_t>(places));
}

}  // namespace tessera::mapping
