#include "mapping/tangram/scheduler.h"

#include <algorithm>
#include <limits>
#include <set>
#include <variant>

#include "mapping/lowering.h"
#include "mapping/partition_search.h"
#include "mapping/program_checker.h"
#include "mapping/stage_reader.h"
#include "mapping/tangram/additions.h"
#include "mapping/tangram/expectation.h"
#include "mapping/tangram/forwarding.h"
#include "mapping/tangram/pipeline.h"
#include "mapping/tangram/segment_rules.h"
#include "mapping/tangram/sharing.h"
#include "sim/base/error.h"

namespace tessera::mapping {

using workloads::LayerId;
using workloads::LayerSpan;
using workloads::Network;

namespace {

constexpr int kMostStages = 8;
/// Analysis is off by more than a tenth, so simulation also sees what it likes a little less.
constexpr double kWorthSimulating = 1.25;

/// One way to execute a run of layers.
struct Candidate {
  LayerSpan span;
  double cycles = 0;  ///< by analysis
  std::variant<Pipeline, SharedLayer> what;
};

class Tangram {
 public:
  /// The layers one by one are those of `base`; `other` has another way to execute each of them,
  /// for simulation to decide.
  Tangram(const Network& network, const hw::Accelerator& accelerator, const MachineRates& rates,
          const TangramSwitches& switches, Schedule base, Arrangement other = {})
      : network_(network),
        accelerator_(accelerator),
        rates_(rates),
        switches_(switches),
        chooser_(network, accelerator, rates_),
        base_(std::move(base)),
        other_(std::move(other)) {
    rates_.multicast = rates.multicast && switches.forwarding;
    plans_ = read_stages(base_, network, {accelerator.rows, accelerator.columns});
    places_.resize(plans_.size());
    for (const auto& plan : plans_)
      places_[static_cast<std::size_t>(plan.layer)] = {
          plan.output_home, signature_of(plan.partition, network.layers[plan.layer].output)};
  }

  const Schedule& base() const { return base_; }

  /// What begins at a layer and costs at most so many times its layers one by one, most cycles
  /// saved per layer first.
  std::vector<Candidate> from(LayerId first, double most) {
    struct Ranked {
      Candidate candidate;
      double saved;
    };
    std::vector<Ranked> ranked;
    double alone = price(first);
    const auto add = [&](auto&& what, LayerSpan span) {
      const double cycles = what.cycles;
      if (cycles < most * alone)
        ranked.push_back(
            {{span, cycles, std::move(what)}, (alone - cycles) / (span.last - span.first + 1)});
    };
    if (switches_.sharing)
      for (auto& shared : shared_layers(network_, first, sources_of(first), accelerator_, rates_,
                                        plan_of(first).output_home))
        add(std::move(shared), {first, first});
    const auto layers = static_cast<LayerId>(network_.layers.size());
    for (LayerId last = first + 1; last < std::min(layers, first + kMostStages); ++last) {
      alone += price(last);
      for (auto& pipeline : pipelines({first, last})) add(std::move(pipeline), {first, last});
    }
    std::ranges::stable_sort(ranked, std::greater<>(), &Ranked::saved);
    std::vector<Candidate> best;
    for (auto& one : ranked) best.push_back(std::move(one.candidate));
    return best;
  }

  /// The cheapest cover of the network with pipelines and single layers.
  Schedule covered() {
    const auto layers = static_cast<LayerId>(network_.layers.size());
    std::vector<double> rest(network_.layers.size() + 1, 0);
    std::vector<std::optional<Candidate>> begins(network_.layers.size());
    for (LayerId first = layers - 1; first >= 0; --first) {
      const auto at = static_cast<std::size_t>(first);
      rest[at] = price(first) + rest[at + 1];
      for (auto& candidate : from(first, 1)) {
        const double cycles =
            candidate.cycles + rest[static_cast<std::size_t>(candidate.span.last) + 1];
        if (cycles >= rest[at] || !runs(candidate)) continue;
        rest[at] = cycles;
        begins[at] = std::move(candidate);
      }
    }
    return arranged(begins);
  }

  /// Offers of a layer that run: it by itself in the other way, then the best of every run of
  /// layers, then the second best of each, and so on. Variants of one run are alike, and analysis
  /// ranks different runs less well.
  std::vector<Finalist> finalists(LayerId first, int places) {
    const auto candidates = from(first, kWorthSimulating);
    std::vector<bool> seen(candidates.size(), false);
    std::vector<Finalist> finalists;
    if (!other_.empty()) {
      finalists.push_back({other_[static_cast<std::size_t>(first)], price(first)});
      ++places;
    }
    const auto enough = [&] { return static_cast<int>(finalists.size()) == places; };
    for (bool more = true; more && !enough();) {
      more = false;
      std::set<LayerId> served;
      for (std::size_t i = 0; i < candidates.size() && !enough(); ++i) {
        const auto& candidate = candidates[i];
        if (seen[i] || served.contains(candidate.span.last)) continue;
        seen[i] = more = true;
        if (!runs(candidate)) continue;
        served.insert(candidate.span.last);
        finalists.push_back({piece(candidate), candidate.cycles});
      }
    }
    return finalists;
  }

  /// The best ways to execute a segment with its additions on the tiles of others, and with inputs
  /// that go round. What that gains analysis cannot tell, so that they are no candidates of their
  /// own.
  std::vector<Finalist> variants(LayerSpan span, int places) {
    std::vector<Finalist> finalists;
    const auto hosts = hosts_of(network_, span);
    if (switches_.additions && std::ranges::any_of(hosts, [](int host) { return host >= 0; }))
      add_variants(pipelines(span, {hosts, false}), places, finalists);
    if (switches_.sharing) {
      auto sharing = pipelines(span, {{}, true});
      std::erase_if(sharing, [](const Pipeline& pipeline) { return !shares(pipeline); });
      add_variants(std::move(sharing), places, finalists);
    }
    return finalists;
  }

 private:
  static bool shares(const Pipeline& pipeline) {
    return std::ranges::any_of(pipeline.stages, [](const StageChoice& stage) {
      return std::ranges::any_of(stage.plan.inputs,
                                 [](const Holding& held) { return held.shared_by > 1; });
    });
  }

  /// The first that run.
  void add_variants(std::vector<Pipeline> found, int places,
                    std::vector<Finalist>& finalists) const {
    for (auto& pipeline : found) {
      const LayerSpan span = pipeline.span;
      const double cycles = pipeline.cycles;
      const Candidate candidate{span, cycles, std::move(pipeline)};
      if (!runs(candidate)) continue;
      finalists.push_back({piece(candidate), cycles});
      if (--places == 0) return;
    }
  }

  /// A segment whose last map `layerwise` keeps in the tiles keeps it there too, if it fits.
  std::vector<Pipeline> pipelines(LayerSpan span, const PipelineWay& way = {}) {
    if (!is_segment(network_, span, switches_.pipelining)) return {};
    auto found = pipelines_of(network_, span, accelerator_, rates_, switches_, chooser_, way);
    if (plan_of(span.last).output_home != Home::kTiles) return found;
    std::vector<Pipeline> both;
    for (auto& pipeline : found) {
      Pipeline kept = pipeline;
      kept.keeps_output = true;
      kept.cycles = pipeline_cycles(kept, network_, rates_, accelerator_.word_bytes());
      both.push_back(std::move(kept));
      both.push_back(std::move(pipeline));
    }
    return both;
  }

  const StagePlan& plan_of(LayerId layer) const {
    return *std::ranges::find(plans_, layer, &StagePlan::layer);
  }

  SearchLimits search_limits(LayerId layer) const {
    return {accelerator_.tile.buffer.bytes, plan_of(layer).output_home, rates_};
  }

  std::vector<InputSource> sources_of(LayerId layer) const {
    return mapping::sources_of(network_, layer, places_);
  }

  /// Cycles of a layer by itself, with its maps where `layerwise` has them.
  double price(LayerId layer) {
    const auto [entry, added] = prices_.try_emplace(layer, 0);
    if (!added) return entry->second;
    const auto choice =
        search_partition(network_, layer, sources_of(layer), accelerator_, search_limits(layer));
    return entry->second = choice ? choice->cost.total() : std::numeric_limits<double>::max();
  }

  Piece piece(const Candidate& candidate) const {
    const PlannedFor target{network_, accelerator_, rates_};
    Piece piece{candidate.span, {}};
    if (const auto* pipeline = std::get_if<Pipeline>(&candidate.what)) {
      piece.top = pipeline_tree(*pipeline, network_);
      piece.top.expected = expected_of(*pipeline, target);
      return piece;
    }
    const auto& shared = std::get<SharedLayer>(candidate.what);
    std::vector<bool> from_tiles;
    for (const auto& source : sources_of(candidate.span.first))
      from_tiles.push_back(source.home == Home::kTiles);
    piece.top = shared_tree(shared, network_);
    piece.top.expected = expected_of(shared, from_tiles, target);
    return piece;
  }

  /// Lowers and passes the checker as a network of its own.
  bool runs(const Candidate& candidate) const {
    const auto window = workloads::window_of(network_, candidate.span,
                                             std::vector<bool>(network_.layers.size(), false));
    if (!window) return false;
    try {
      Piece alone = piece(candidate);
      send_to_dram(alone);
      check(lower(schedule_of({alone}, "segment"), *window, accelerator_), limits_of(accelerator_));
      return true;
    } catch (const UserError&) {
      return false;  // what cannot be executed is no candidate
    }
  }

  Schedule arranged(const std::vector<std::optional<Candidate>>& begins) const {
    auto pieces = arrangement_of(base_, network_);
    for (std::size_t first = 0; first < begins.size(); ++first) {
      if (!begins[first]) continue;
      const Piece staying = piece(*begins[first]);
      first = static_cast<std::size_t>(staying.span.last);
      Piece leaving = staying;
      send_to_dram(leaving);
      for (const auto& one : {staying, leaving})
        if (auto more = with_piece(pieces, one)) {
          pieces = std::move(*more);
          break;
        }
    }
    return schedule_of(pieces, "tangram");
  }

  std::optional<Arrangement> with_piece(const Arrangement& pieces, const Piece& piece) const {
    LayerSpan touched = piece.span;
    auto trial = exchanged(pieces, piece);
    if (!trial) return std::nullopt;
    return with_room(std::move(*trial), piece.span, network_, accelerator_, touched);
  }

  const Network& network_;
  const hw::Accelerator& accelerator_;
  MachineRates rates_;
  TangramSwitches switches_;
  StageChooser chooser_;
  const Schedule base_;
  const Arrangement other_;
  std::vector<StagePlan> plans_;
  std::vector<OutputPlace> places_;
  std::map<LayerId, double> prices_;
};

/// The network layer by layer, and if wanted once more with room for second copies.
struct OneByOne {
  Schedule base;
  Arrangement other;
};

/// Which of the two is better depends on how much the network carries; simulation of the whole
/// decides which is the base.
OneByOne one_by_one(const Network& network, const hw::Accelerator& accelerator,
                    const MachineRates& rates, const TangramSwitches& switches, Referee& referee) {
  std::vector<Schedule> ways = {schedule_layerwise(network, accelerator, rates)};
  if (!switches.blocking) return {std::move(ways.front()), {}};
  ways.push_back(schedule_layerwise(network, accelerator, rates, Blocking::kOverlap));
  if (referee.fastest(ways) == 1) std::swap(ways[0], ways[1]);
  return {std::move(ways[0]), arrangement_of(ways[1], network)};
}

Schedule base_of(const Network& network, const hw::Accelerator& accelerator,
                 const MachineRates& rates, const TangramSwitches& switches) {
  return switches.forwarding ? schedule_layerwise(network, accelerator, rates)
                             : schedule_apart(network, accelerator, rates);
}

}  // namespace

Schedule schedule_tangram(const Network& network, const hw::Accelerator& accelerator,
                          const MachineRates& rates, const TangramSwitches& switches) {
  return Tangram(network, accelerator, rates, switches,
                 base_of(network, accelerator, rates, switches))
      .covered();
}

Refined refine_tangram(const Network& network, const hw::Accelerator& accelerator,
                       const MachineRates& rates, const TangramSwitches& switches,
                       const Simulate& simulate, const RefineOptions& options) {
  Referee referee(network, accelerator, simulate, options.settings);
  auto singles = switches.forwarding ? one_by_one(network, accelerator, rates, switches, referee)
                                     : OneByOne{schedule_apart(network, accelerator, rates), {}};
  RefineOptions all = options;
  if (!singles.other.empty()) ++all.finalists;
  Tangram tangram(network, accelerator, rates, switches, std::move(singles.base),
                  std::move(singles.other));
  return refine(
      tangram.base(), "tangram", network, accelerator,
      [&](LayerId first) { return tangram.finalists(first, options.finalists); }, referee, all, {},
      [&](LayerSpan span) { return tangram.variants(span, options.finalists); });
}

}  // namespace tessera::mapping
