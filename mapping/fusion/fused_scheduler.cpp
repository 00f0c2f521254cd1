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

/// The best choices, cheapest first.
class Ranking {
 public:
  explicit Ranking(int places) : places_(places) {}

  void add(const SegmentChoice& choice, double cycles) {
    const auto behind = std::ranges::upper_bound(found_, cycles, {}, &Found::cycles);
    if (behind == found_.end() && static_cast<int>(found_.size()) >= places_) return;
    found_.insert(behind, {choice, cycles});
    if (static_cast<int>(found_.size()) > places_) found_.pop_back();
  }

  std::vector<Found> take() { return std::move(found_); }

 private:
  int places_;
  std::vector<Found> found_;
};

class FusedSearch {
 public:
  FusedSearch(const Network& network, const hw::Accelerator& accelerator, const MachineRates& rates)
      : network_(network), accelerator_(accelerator), rates_(rates) {}

  std::vector<Found> best(Segment segment, int places) {
    Ranking ranking(places);
    ranking_ = &ranking;
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
    return ranking.take();
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
      for (const bool resident : {true, false})
        for (const bool twice : {true, false}) {
          choice.weights_resident = resident;
          choice.double_buffered = twice;
          consider(choice);
        }
    }
  }

  void consider(const SegmentChoice& choice) {
    const auto cost = cost_of(network_, choice, accelerator_);
    if (cost) ranking_->add(choice, cost->cycles(rates_));
  }

  const Network& network_;
  const hw::Accelerator& accelerator_;
  const MachineRates& rates_;
  Ranking* ranking_ = nullptr;
};

/// How far analysis may be wrong: what costs so many times as much by it is not simulated.
constexpr double kDoubt = 1.5;

/// Choices of one segment, cheapest first.
using Search = std::function<std::vector<Found>(Segment, int places)>;

/// Segments that begin at each layer, by what they save against their layers one by one.
class Segments {
 public:
  Segments(const Network& network, const hw::Accelerator& accelerator, const MachineRates& rates,
           int longest, Search search, int fixed_depth = 0)
      : network_(network),
        accelerator_(accelerator),
        rates_(rates),
        longest_(longest),
        fixed_depth_(fixed_depth),
        search_(std::move(search)) {}

  /// Those that take at most `most` times the cycles of their layers one by one by analysis, most
  /// cycles saved per layer first. With a fixed depth all of that depth.
  std::vector<Found> from(int first, int places, double most) const {
    struct Ranked {
      Found found;
      double saved;
    };
    std::vector<Ranked> ranked;
    const int layers = static_cast<int>(network_.layers.size());
    for (int last = first + 1; last < std::min(layers, first + longest_); ++last) {
      if (fixed_depth_ > 0 && last - first + 1 != fixed_depth_) continue;
      if (!can_fuse(network_, {first, last})) continue;
      const auto apart = layerwise_cycles(network_, {first, last}, accelerator_, rates_);
      if (!apart) continue;
      for (auto& found : search_({first, last}, places)) {
        const double saved = (*apart - found.cycles) / (last - first + 1);
        if (found.cycles < most * *apart || fixed_depth_ > 0)
          ranked.push_back({std::move(found), saved});
      }
    }
    std::ranges::stable_sort(ranked, std::greater<>(), &Ranked::saved);
    std::vector<Found> best;
    for (auto& one : ranked) {
      if (static_cast<int>(best.size()) == places) break;
      best.push_back(std::move(one.found));
    }
    return best;
  }

  /// Takes at each layer the best run, then goes on behind it.
  std::vector<SegmentChoice> greedy() const {
    std::vector<SegmentChoice> runs;
    for (int first = 0; first < static_cast<int>(network_.layers.size()); ++first) {
      auto best = from(first, 1, 1);
      if (best.empty()) continue;
      first = best.front().choice.segment.last;
      runs.push_back(std::move(best.front().choice));
    }
    return runs;
  }

  std::vector<Finalist> finalists(int first, int places) const {
    std::vector<Finalist> finalists;
    for (const auto& found : from(first, places, kDoubt)) {
      const Segment segment = found.choice.segment;
      finalists.push_back(
          {{{segment.first, segment.last}, segment_tree(network_, found.choice, accelerator_)},
           found.cycles});
    }
    return finalists;
  }

 private:
  const Network& network_;
  const hw::Accelerator& accelerator_;
  const MachineRates& rates_;
  int longest_;
  int fixed_depth_;  ///< 0: any up to the longest
  Search search_;
};

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

Segments fused_segments(const Network& network, const hw::Accelerator& accelerator,
                        const MachineRates& rates, const Schedule& layerwise) {
  const auto search = [&network, &accelerator, &rates, staying = staying_outputs(layerwise)](
                          Segment segment, int places) -> std::vector<Found> {
    // Maps that stay on chip anyway are not worth a fusion.
    if (std::all_of(staying.begin() + segment.first, staying.begin() + segment.last,
                    [](bool stays) { return stays; }))
      return {};
    return FusedSearch(network, accelerator, rates).best(segment, places);
  };
  return {network, accelerator, rates, kLongestRun, search};
}

/// Rows of the last layer handed over at a time.
std::vector<std::int64_t> granularities(const PipelinePolicy& policy, int places) {
  if (policy.rows > 0) return {policy.rows};
  return places > 1 ? std::vector<std::int64_t>{1, 2, 4} : std::vector<std::int64_t>{1};
}

std::vector<Organisation> organisations(const PipelinePolicy& policy, const Network& network,
                                        Segment segment, const hw::Accelerator& accelerator,
                                        int places) {
  if (policy.organisation) return {*policy.organisation};
  std::vector<Organisation> all = {organisation_of(network, segment, accelerator)};
  for (const auto other : {Organisation::kStriped1d, Organisation::kCheckerboard,
                           Organisation::kBlocked1d, Organisation::kBlocked2d})
    if (places > 1 && other != all.front()) all.push_back(other);
  return all;
}

/// The policy's own choice first; further places go to other granularities and organisations.
std::vector<Found> pipelines(const Network& network, const hw::Accelerator& accelerator,
                             const MachineRates& rates, const PipelinePolicy& policy,
                             Segment segment, int places) {
  if (policy.depth == 0 && weights_of(network, segment) >= maps_removed(network, segment))
    return {};
  Ranking ranking(places);
  for (const std::int64_t rows : granularities(policy, places))
    for (const auto organisation : organisations(policy, network, segment, accelerator, places)) {
      SegmentChoice choice;
      choice.segment = segment;
      choice.pipelined = true;
      choice.organisation = organisation;
      choice.loops = {{cut_ranks(network.layers[segment.last]).front(), rows}};
      choice.kept.assign(static_cast<std::size_t>(segment.depth() - 1), 1);
      for (const bool columns_first : {true, false})
        for (const bool twice : {true, false}) {
          choice.columns_first = columns_first;
          choice.double_buffered = twice;
          if (const auto cost = cost_of(network, choice, accelerator))
            ranking.add(choice, cost->cycles(rates));
        }
    }
  return ranking.take();
}

Segments pipeorgan_segments(const Network& network, const hw::Accelerator& accelerator,
                            const MachineRates& rates, const PipelinePolicy& policy) {
  const auto search = [&network, &accelerator, &rates, policy](Segment segment, int places) {
    return pipelines(network, accelerator, rates, policy, segment, places);
  };
  const int longest = static_cast<int>(std::sqrt(static_cast<double>(accelerator.tiles())));
  return {network, accelerator, rates, std::max(longest, policy.depth), search, policy.depth};
}

}  // namespace

Schedule schedule_fused(const Network& network, const hw::Accelerator& accelerator,
                        const MachineRates& rates) {
  const auto layerwise = schedule_layerwise(network, accelerator, rates);
  return with_segments(network, fused_segments(network, accelerator, rates, layerwise).greedy(),
                       "fused", accelerator, rates);
}

Schedule schedule_pipeorgan(const Network& network, const hw::Accelerator& accelerator,
                            const MachineRates& rates, const PipelinePolicy& policy) {
  return with_segments(network, pipeorgan_segments(network, accelerator, rates, policy).greedy(),
                       "pipeorgan", accelerator, rates);
}

Refined refine_fused(const Network& network, const hw::Accelerator& accelerator,
                     const MachineRates& rates, const Simulate& simulate,
                     const RefineOptions& options) {
  const auto layerwise = schedule_layerwise(network, accelerator, rates);
  const auto segments = fused_segments(network, accelerator, rates, layerwise);
  return refine(layerwise, "fused", network, accelerator,
                [&](int first) { return segments.finalists(first, options.finalists); }, simulate,
                options, {with_segments(network, segments.greedy(), "fused", accelerator, rates)});
}

Refined refine_pipeorgan(const Network& network, const hw::Accelerator& accelerator,
                         const MachineRates& rates, const Simulate& simulate,
                         const RefineOptions& options, const PipelinePolicy& policy) {
  const auto layerwise = schedule_layerwise(network, accelerator, rates);
  const auto segments = pipeorgan_segments(network, accelerator, rates, policy);
  return refine(layerwise, "pipeorgan", network, accelerator,
                [&](int first) { return segments.finalists(first, options.finalists); }, simulate,
                options,
                {with_segments(network, segments.greedy(), "pipeorgan", accelerator, rates)});
}

}  // namespace tessera::mapping
