#include "mapping/refine/refinement.h"

#include <algorithm>

namespace tessera::mapping {

using workloads::LayerId;
using workloads::LayerSpan;
using workloads::Network;

namespace {

/// A finalist that won its place.
struct Exchange {
  Piece piece;
  Cycle saved = 0;
};

class Refinement {
 public:
  Refinement(const Schedule& base, const Network& network, const hw::Accelerator& accelerator,
             Referee& referee, const RefineOptions& options)
      : network_(network),
        accelerator_(accelerator),
        options_(options),
        referee_(referee),
        base_(arrangement_of(base, network)),
        pieces_(base_) {}

  Refined run(const Offers& offers, const std::string& name, const std::vector<Schedule>& rivals,
              const Variants& variants) {
    const auto layers = static_cast<LayerId>(network_.layers.size());
    for (LayerId first = 0; first < layers && !used_up();) {
      if (!begins_piece(first)) {
        ++first;
        continue;
      }
      report(first);
      first = decide(offers(first), first) + 1;
    }
    take_back();
    if (variants) vary(variants);
    for (const auto& rival : rivals) compete(rival);
    refined_.schedule = schedule_of(pieces_, name);
    refined_.exchanged = static_cast<int>(exchanges_.size());
    refined_.simulated = referee_.simulated();
    return std::move(refined_);
  }

 private:
  bool used_up() const {
    return (options_.most_candidates > 0 && refined_.candidates >= options_.most_candidates) ||
           (options_.most_cycles > 0 && referee_.simulated() >= options_.most_cycles) ||
           (options_.expired && options_.expired());
  }

  bool begins_piece(LayerId layer) const {
    return std::ranges::any_of(pieces_, [&](const Piece& p) { return p.span.first == layer; });
  }

  void report(LayerId layer) const {
    if (!options_.progress) return;
    options_.progress({static_cast<double>(layer) / static_cast<double>(network_.layers.size()),
                       network_.layers[layer].name, refined_.candidates, referee_.simulated()});
  }

  /// Last layer of what now begins at `first`.
  LayerId decide(const std::vector<Finalist>& finalists, LayerId first) {
    std::optional<Arrangement> best;
    Exchange chosen;
    double most = 0;
    int tried = 0;
    for (const auto& finalist : finalists) {
      if (tried == options_.finalists || used_up()) break;
      LayerSpan touched = finalist.piece.span;
      auto trial = exchanged(pieces_, finalist.piece);
      if (trial)
        trial = with_room(std::move(*trial), finalist.piece.span, network_, accelerator_, touched);
      if (!trial) continue;
      ++tried;
      ++refined_.candidates;
      const Cycle saved = saved_by(*trial, touched);
      const double per_layer =
          static_cast<double>(saved) / (finalist.piece.span.last - finalist.piece.span.first + 1);
      if (per_layer <= most) continue;
      most = per_layer;
      best = std::move(trial);
      chosen = {finalist.piece, saved};
    }
    if (!best) return last_from(first);
    pieces_ = std::move(*best);
    exchanges_.push_back(chosen);
    return chosen.piece.span.last;
  }

  LayerId last_from(LayerId first) const {
    return std::ranges::find_if(pieces_, [&](const Piece& p) { return p.span.first == first; })
        ->span.last;
  }

  /// One more layer on each side sees the maps that stay between neighbours.
  Cycle saved_by(const Arrangement& trial, LayerSpan touched) {
    const LayerSpan span{
        std::max(0, touched.first - 1),
        std::min(static_cast<LayerId>(network_.layers.size()) - 1, touched.last + 1)};
    const auto before = referee_.cycles(pieces_, span);
    if (!before) return 0;
    return *before - referee_.cycles(trial, span, *before).value_or(*before);
  }

  /// What neighbours further away lose shows only in the whole.
  void take_back() {
    if (exchanges_.empty()) return;
    refined_.before = referee_.cycles(base_);
    refined_.after = referee_.cycles(pieces_);
    while (!exchanges_.empty() && refined_.after >= refined_.before) {
      std::ranges::stable_sort(exchanges_, std::greater<>(), &Exchange::saved);
      exchanges_.resize(exchanges_.size() / 2);
      rebuild();
      refined_.after = exchanges_.empty() ? refined_.before : referee_.cycles(pieces_);
    }
  }

  /// Each against what was taken for the same layers; all together only if the whole is faster.
  void vary(const Variants& variants) {
    const Arrangement before = pieces_;
    bool varied = false;
    for (const auto& exchange : exchanges_)
      for (const auto& variant : variants(exchange.piece.span)) {
        if (used_up()) break;
        varied |= try_variant(variant);
      }
    if (!varied) return;
    const Cycle cycles = referee_.cycles(pieces_);
    if (cycles < refined_.after)
      refined_.after = cycles;
    else
      pieces_ = before;
  }

  bool try_variant(const Finalist& variant) {
    LayerSpan touched = variant.piece.span;
    auto trial = exchanged(pieces_, variant.piece);
    if (trial)
      trial = with_room(std::move(*trial), variant.piece.span, network_, accelerator_, touched);
    if (!trial) return false;
    ++refined_.candidates;
    if (saved_by(*trial, touched) == 0) return false;
    pieces_ = std::move(*trial);
    return true;
  }

  void compete(const Schedule& rival) {
    if (refined_.before == 0) refined_.before = refined_.after = referee_.cycles(base_);
    auto pieces = arrangement_of(rival, network_);
    const auto cycles = referee_.cycles(pieces, whole(), refined_.after);
    if (!cycles || *cycles >= refined_.after) return;
    refined_.after = *cycles;
    pieces_ = std::move(pieces);
  }

  LayerSpan whole() const { return {0, static_cast<LayerId>(network_.layers.size()) - 1}; }

  void rebuild() {
    pieces_ = base_;
    auto ordered = exchanges_;
    std::ranges::sort(ordered, {}, [](const Exchange& e) { return e.piece.span.first; });
    for (const auto& exchange : ordered) {
      LayerSpan touched = exchange.piece.span;
      auto trial = exchanged(pieces_, exchange.piece);
      if (trial)
        trial = with_room(std::move(*trial), exchange.piece.span, network_, accelerator_, touched);
      if (trial) pieces_ = std::move(*trial);
    }
  }

  const Network& network_;
  const hw::Accelerator& accelerator_;
  const RefineOptions& options_;
  Referee& referee_;
  const Arrangement base_;
  Arrangement pieces_;
  std::vector<Exchange> exchanges_;
  Refined refined_;
};

}  // namespace

Refined refine(const Schedule& base, const std::string& name, const Network& network,
               const hw::Accelerator& accelerator, const Offers& offers, const Simulate& simulate,
               const RefineOptions& options, const std::vector<Schedule>& rivals) {
  Referee referee(network, accelerator, simulate, options.settings);
  return refine(base, name, network, accelerator, offers, referee, options, rivals);
}

Refined refine(const Schedule& base, const std::string& name, const Network& network,
               const hw::Accelerator& accelerator, const Offers& offers, Referee& referee,
               const RefineOptions& options, const std::vector<Schedule>& rivals,
               const Variants& variants) {
  return Refinement(base, network, accelerator, referee, options)
      .run(offers, name, rivals, variants);
}

}  // namespace tessera::mapping
