#include "mapping/fusion/fused_scheduler.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "mapping/fusion/segment.h"

namespace tessera::mapping {

using workloads::Layer;
using workloads::Network;

namespace {

constexpr int kLongestRun = 3;
constexpr int kTileSizes = 4;  ///< per rank: the whole share and its halves

struct Found {
  SegmentChoice choice;
  double cycles = 0;
};

/// The share of a tile and up to three halves of it.
std::vector<std::int64_t> tile_sizes(std::int64_t share) {
  std::vector<std::int64_t> sizes;
  for (std::int64_t size = share; size >= 1 && sizes.size() < kTileSizes; size = (size + 1) / 2) {
    sizes.push_back(size);
    if (size == 1) break;
  }
  return sizes;
}

class FusedSearch {
 public:
  FusedSearch(const Network& network, const hw::Accelerator& accelerator, const MachineRates& rates)
      : network_(network), accelerator_(accelerator), rates_(rates) {}

  std::optional<Found> best(Segment segment) {
    best_.reset();
    const Layer& head = network_.layers[segment.last];
    const auto ranks = cut_ranks(head);
    std::vector<std::int64_t> shares;
    if (ranks.size() == 1) {
      shares.push_back(ceil_div<std::int64_t>(head.ranks[ranks[0]].extent, accelerator_.tiles()));
    } else {
      shares.push_back(ceil_div<std::int64_t>(head.ranks[ranks[0]].extent, accelerator_.rows));
      shares.push_back(ceil_div<std::int64_t>(head.ranks[ranks[1]].extent, accelerator_.columns));
    }
    for (const auto rows : tile_sizes(shares[0])) {
      if (shares.size() == 1) {
        try_retentions(segment, {{ranks[0], rows}});
        continue;
      }
      for (const auto columns : tile_sizes(shares[1]))
        if (columns == shares[1])
          try_retentions(segment, {{ranks[0], rows}});
        else
          try_retentions(segment, {{ranks[0], rows}, {ranks[1], columns}});
    }
    return best_;
  }

 private:
  /// Every combination of depths of the intermediate stores.
  void try_retentions(Segment segment, std::vector<SegmentChoice::Loop> loops) {
    SegmentChoice choice;
    choice.segment = segment;
    choice.loops = std::move(loops);
    const int depths = static_cast<int>(choice.loops.size()) + 1;
    int combinations = 1;
    for (int l = segment.first; l < segment.last; ++l) combinations *= depths;
    for (int number = 0; number < combinations; ++number) {
      choice.kept.clear();
      for (int l = segment.first, rest = number; l < segment.last; ++l, rest /= depths)
        choice.kept.push_back(rest % depths);
      for (const bool resident : {true, false}) {
        choice.weights_resident = resident;
        consider(choice);
      }
    }
  }

  void consider(const SegmentChoice& choice) {
    const auto cost = cost_of(network_, choice, accelerator_);
    if (!cost) return;
    const double cycles = cost->cycles(rates_);
    if (!best_ || cycles < best_->cycles) best_ = Found{choice, cycles};
  }

  const Network& network_;
  const hw::Accelerator& accelerator_;
  const MachineRates& rates_;
  std::optional<Found> best_;
};

/// Takes at each layer the run that saves most per layer, then goes on behind it.
std::vector<SegmentChoice> choose_runs(const Network& network, const hw::Accelerator& accelerator,
                                       const MachineRates& rates, int longest,
                                       const std::function<std::optional<Found>(Segment)>& best) {
  std::vector<SegmentChoice> runs;
  const int layers = static_cast<int>(network.layers.size());
  for (int first = 0; first < layers; ++first) {
    std::optional<Found> chosen;
    double gain = 0;
    for (int last = first + 1; last < std::min(layers, first + longest); ++last) {
      if (!can_fuse(network, {first, last})) continue;
      const auto apart = layerwise_cycles(network, {first, last}, accelerator, rates);
      auto found = best({first, last});
      if (!found || !apart) continue;
      const double saved = (*apart - found->cycles) / (last - first + 1);
      if (saved <= gain) continue;
      gain = saved;
      chosen = std::move(found);
    }
    if (!chosen) continue;
    first = chosen->choice.segment.last;
    runs.push_back(std::move(chosen->choice));
  }
  return runs;
}

std::int64_t weights_of(const Network& network, Segment segment) {
  std::int64_t words = 0;
  for (int l = segment.first; l <= segment.last; ++l)
    for (const auto& input : network.layers[l].inputs)
      if (input.role == workloads::OperandRole::kWeight)
        words += network.tensors[input.tensor].elements();
  return words;
}

/// Maps that do not travel to DRAM and back.
std::int64_t maps_removed(const Network& network, Segment segment) {
  std::int64_t words = 0;
  for (int l = segment.first; l < segment.last; ++l)
    words += 2 * network.tensors[network.layers[l].output.tensor].elements();
  return words;
}

Organisation organisation_of(const Network& network, Segment segment,
                             const hw::Accelerator& accelerator) {
  Bytes pieces = 0;
  for (int l = segment.first; l < segment.last; ++l) {
    const auto& tensor = network.tensors[network.layers[l].output.tensor];
    const auto rows = tensor.extents.size() == 4 ? tensor.extents[2] : 1;
    pieces += static_cast<Bytes>(tensor.elements() / rows * accelerator.word_bytes());
  }
  const bool two = segment.depth() == 2;
  if (pieces / static_cast<Bytes>(accelerator.tiles()) <= accelerator.tile.buffer.bytes / 4)
    return two ? Organisation::kStriped1d : Organisation::kCheckerboard;
  return two ? Organisation::kBlocked1d : Organisation::kBlocked2d;
}

}  // namespace

Schedule schedule_fused(const Network& network, const hw::Accelerator& accelerator,
                        const MachineRates& rates) {
  FusedSearch search(network, accelerator, rates);
  const auto staying = staying_outputs(schedule_layerwise(network, accelerator, rates));
  const auto runs = choose_runs(
      network, accelerator, rates, kLongestRun, [&](Segment segment) -> std::optional<Found> {
        // Maps that stay on chip anyway are not worth a fusion.
        if (std::all_of(staying.begin() + segment.first, staying.begin() + segment.last,
                        [](bool stays) { return stays; }))
          return std::nullopt;
        return search.best(segment);
      });
  return with_segments(network, runs, "fused", accelerator, rates);
}

Schedule schedule_pipeorgan(const Network& network, const hw::Accelerator& accelerator,
                            const MachineRates& rates) {
  const auto best = [&](Segment segment) -> std::optional<Found> {
    if (weights_of(network, segment) >= maps_removed(network, segment)) return std::nullopt;
    Found found;
    found.choice.segment = segment;
    found.choice.pipelined = true;
    found.choice.organisation = organisation_of(network, segment, accelerator);
    found.choice.loops = {{cut_ranks(network.layers[segment.last]).front(), 1}};
    found.choice.kept.assign(static_cast<std::size_t>(segment.depth() - 1), 1);
    const auto cost = cost_of(network, found.choice, accelerator);
    if (!cost) return std::nullopt;
    found.cycles = cost->cycles(rates);
    return found;
  };
  const int longest = static_cast<int>(std::sqrt(static_cast<double>(accelerator.tiles())));
  return with_segments(network, choose_runs(network, accelerator, rates, longest, best),
                       "pipeorgan", accelerator, rates);
}

}  // namespace tessera::mapping
