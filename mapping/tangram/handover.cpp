#include "mapping/tangram/handover.h"

#include <algorithm>

#include "mapping/tangram/segment_rules.h"

namespace tessera::mapping {

using workloads::Layer;
using workloads::LayerSpan;
using workloads::Network;
using workloads::OperandRole;

namespace {

class Alternation {
 public:
  Alternation(const Network& network, LayerSpan span, std::int64_t pieces, bool first_gives,
              const std::vector<int>& hosts)
      : network_(network), span_(span), pieces_(pieces), hosts_(hosts), may_give_(first_gives) {}

  std::vector<Handover> run() {
    for (int stage = 0; stage <= span_.last - span_.first; ++stage)
      chosen_.push_back({loop_of(stage), 1});
    for (auto& one : chosen_)
      if (one.loop != StageLoop::kNone) one.pieces = pieces_;
    return std::move(chosen_);
  }

 private:
  const Layer& layer(int stage) const { return network_.layers[span_.first + stage]; }

  StageLoop loop_of(int stage) {
    const bool comes_in_pieces = stage > 0 && takes_from(stage);
    const bool can = can_give(stage);
    if (comes_in_pieces) {
      const auto in = input_rank(stage);
      const auto out = channel_rank(layer(stage), layer(stage).output);
      const bool passes = in == out && (span_.first + stage == span_.last || hands_on(stage));
      return passes ? StageLoop::kPasses : StageLoop::kTakes;
    }
    if (!can) return StageLoop::kNone;
    const bool gives = may_give_;
    may_give_ = true;
    return gives ? StageLoop::kGives : StageLoop::kNone;
  }

  /// The stage before gives pieces, and can hand them to this one.
  bool takes_from(int stage) const {
    const auto loop = chosen_[static_cast<std::size_t>(stage) - 1].loop;
    return (loop == StageLoop::kGives || loop == StageLoop::kPasses) && hands_on(stage - 1);
  }

  /// Its map has one reader, the next stage, which can go through it channel by channel.
  bool hands_on(int stage) const {
    const auto next = static_cast<std::size_t>(stage) + 1;
    const bool elsewhere = next >= hosts_.size() || hosts_[next] != stage;
    return elsewhere && readers_inside(network_, span_, stage) == std::vector<int>{stage + 1} &&
           input_rank(stage + 1).has_value();
  }

  bool can_give(int stage) const {
    const auto rank = channel_rank(layer(stage), layer(stage).output);
    return rank && layer(stage).ranks[*rank].extent >= pieces_ && hands_on(stage);
  }

  /// Rank along the channels of what comes from the stage before.
  std::optional<workloads::RankId> input_rank(int stage) const {
    const auto tensor = layer(stage - 1).output.tensor;
    for (const auto& input : layer(stage).inputs)
      if (input.tensor == tensor) return channel_rank(layer(stage), input);
    return std::nullopt;
  }

  const Network& network_;
  LayerSpan span_;
  std::int64_t pieces_;
  const std::vector<int>& hosts_;
  bool may_give_;
  std::vector<Handover> chosen_;
};

}  // namespace

std::vector<Handover> alternate(const Network& network, LayerSpan span, std::int64_t pieces,
                                bool first_gives, bool allo, const std::vector<int>& hosts) {
  if (!allo || pieces <= 1)
    return std::vector<Handover>(static_cast<std::size_t>(span.last - span.first + 1));
  return Alternation(network, span, pieces, first_gives, hosts).run();
}

}  // namespace tessera::mapping
