#include "mapping/staging_fit.h"

#include <algorithm>

#include "sim/base/error.h"

namespace tessera::mapping {

using workloads::Layer;
using workloads::Operand;

namespace {

class StagingFit {
 public:
  StagingFit(StagePlan& plan, const Layer& layer, const hw::Accelerator& accelerator)
      : plan_(plan),
        layer_(layer),
        accelerator_(accelerator),
        nominal_(deal_shares(plan, layer, {accelerator.rows, accelerator.columns}).nominal) {
    for (std::size_t i = 0; i < plan.inputs.size(); ++i)
      if (plan.inputs[i].staging)
        streams_.push_back(
            {&plan.inputs[i], &layer.inputs[i], 1, operand_name(layer, static_cast<int>(i))});
    if (plan.output.staging)
      streams_.push_back({&plan.output, &layer.output, sums_split() ? 2 : 1, "O"});
  }

  void fit() {
    keep_past_rotation();
    keep_on_request();
    if (streams_.empty()) return;
    const int cut = first_fitting_cut();
    if (cut > array_loops()) refuse_streams();
    apply(cut, 2 * bytes_at(cut) <= room() ? 2 : 1);
  }

 private:
  struct Stream {
    Holding* holding;
    const Operand* operand;
    int granules;  ///< that it needs at least: outputs of several tiles also take in a partner's
                   ///< sums
    std::string name;
  };

  int array_loops() const { return static_cast<int>(plan_.array.loops.size()); }

  /// Past all loops of the array when not even one step's data fit.
  int first_fitting_cut() const {
    int cut = finest_harmless_cut();
    while (cut <= array_loops() && bytes_at(cut) > room()) ++cut;
    return cut;
  }

  [[noreturn]] void refuse_streams() const {
    std::string names;
    for (const auto& stream : streams_) names += (names.empty() ? "" : ", ") + stream.name;
    throw UserError("layer ", layer_.name, ": ", names, " bypass the tile buffer and need ",
                    bytes_at(array_loops()),
                    " B of the staging FIFO for one step of the array; it has ", room(), " B");
  }

  bool sums_split() const { return plan_.splits_sums(layer_); }

  /// Loops that pass another operand's pieces on are the tile's: what streams past them and does
  /// not move with them stays in the FIFO meanwhile if it has room beside the rest, instead of
  /// being fetched in each of their trips.
  void keep_past_rotation() {
    const auto all = streams_;
    for (const auto& stream : all) {
      const int depth = depth_before_rotation(*stream.operand);
      if (depth < static_cast<int>(plan_.loops.size()) && stream.operand != &layer_.output)
        keep(stream, depth, array_loops());
    }
  }

  /// Likewise what the schedule says shall stay, unless the others would have to be cut finer.
  void keep_on_request() {
    const int cut = std::min(first_fitting_cut(), array_loops());
    const auto all = streams_;
    for (const auto& stream : all)
      if (stream.holding->stays_from >= 0) keep(stream, stream.holding->stays_from, cut);
  }

  /// What the loops inside this depth use comes at once and stays for them, if the others with this
  /// cut have room beside it.
  void keep(const Stream& stream, int depth, int cut) {
    const Bytes bytes = bytes_of(*stream.operand, extents_inside(plan_.loops, depth, nominal_));
    auto others = streams_;
    std::erase_if(others, [&](const Stream& other) { return other.operand == stream.operand; });
    std::swap(streams_, others);
    const Bytes least = streams_.empty() ? 0 : bytes_at(cut);
    if (bytes + least > room()) {
      std::swap(streams_, others);
      return;
    }
    *stream.holding = {depth, 2 * (bytes + least) <= room(), true};
    kept_ += bytes * (stream.holding->double_buffered ? 2 : 1);
  }

  /// Loops outside those that rotate and do not move the operand.
  int depth_before_rotation(const Operand& operand) const {
    const auto counts = trip_counts(plan_.loops, nominal_);
    const auto first = std::ranges::find_if(plan_.loops, &BufferLoop::rotates);
    int depth = static_cast<int>(plan_.loops.size());
    while (depth > first - plan_.loops.begin() &&
           (counts[static_cast<std::size_t>(depth - 1)] == 1 ||
            !Layer::indexes(operand, plan_.loops[static_cast<std::size_t>(depth - 1)].rank)))
      --depth;
    return depth;
  }

  /// What sums on their way leave of the FIFO.
  Bytes room() const {
    const Bytes bytes = accelerator_.tile.interface.staging_bytes;
    const bool pieces = plan_.sums_in_pieces && sums_split() && plan_.output.shared_by == 1;
    return bytes - std::min(bytes, kept_ + (pieces ? kSumsPiecesBytes : passing_bytes()));
  }

  /// The piece of a shared operand that is on its way.
  Bytes passing_bytes() const {
    Bytes bytes = 0;
    const auto add = [&](const Holding& holding, const Operand& operand) {
      if (holding.shared_by > 1)
        bytes += bytes_of(operand, extents_inside(plan_.loops, holding.depth, nominal_));
    };
    for (std::size_t i = 0; i < plan_.inputs.size(); ++i) add(plan_.inputs[i], layer_.inputs[i]);
    add(plan_.output, layer_.output);
    return bytes;
  }

  Bytes bytes_of(const Operand& operand, const std::vector<std::int64_t>& extents) const {
    const auto words = static_cast<Bytes>(nominal_elements(operand, extents));
    return round_up<Bytes>(words * static_cast<Bytes>(accelerator_.word_bytes()),
                           accelerator_.tile.buffer.line_bytes);
  }

  /// Registers lose their contents between instructions; no operand's store may be in use across
  /// the cut.
  int finest_harmless_cut() const {
    auto extents = extents_inside(plan_.loops, static_cast<int>(plan_.loops.size()), nominal_);
    std::vector<std::int64_t> counts;
    for (const auto& loop : plan_.array.loops) {
      counts.push_back(ceil_div(extents[loop.rank], loop.tile));
      extents[loop.rank] = std::min(extents[loop.rank], loop.tile);
    }
    int finest = static_cast<int>(counts.size());
    for (int kind = 0; kind < 3; ++kind) {
      if (kind < 2 && kind >= static_cast<int>(layer_.inputs.size())) continue;
      const Operand& operand =
          kind == 2 ? layer_.output : layer_.inputs[static_cast<std::size_t>(kind)];
      int change = plan_.array.store_depth[kind];
      while (change > 0 && !(counts[change - 1] > 1 &&
                             (plan_.array.streamed[kind] ||
                              Layer::indexes(operand, plan_.array.loops[change - 1].rank))))
        --change;
      finest = std::min(finest, change);
    }
    return finest;
  }

  Bytes bytes_at(int cut) const {
    auto extents = extents_inside(plan_.loops, static_cast<int>(plan_.loops.size()), nominal_);
    for (int i = 0; i < cut; ++i) {
      auto& extent = extents[plan_.array.loops[i].rank];
      extent = std::min(extent, plan_.array.loops[i].tile);
    }
    Bytes bytes = 0;
    for (const auto& stream : streams_)
      bytes += static_cast<Bytes>(stream.granules) * bytes_of(*stream.operand, extents);
    return bytes;
  }

  void apply(int cut, int copies) {
    auto& array = plan_.array;
    for (int i = 0; i < cut; ++i) plan_.loops.push_back({array.loops[i].rank, array.loops[i].tile});
    array.loops.erase(array.loops.begin(), array.loops.begin() + cut);
    for (auto& depth : array.store_depth) depth = std::max(0, depth - cut);
    for (auto& stream : streams_) {
      stream.holding->depth = static_cast<int>(plan_.loops.size());
      stream.holding->double_buffered = copies == 2;
    }
    check_outputs();
  }

  /// A granule of outputs is one box.
  void check_outputs() const {
    const auto extents = extents_inside(plan_.loops, plan_.output.depth, nominal_);
    if (plan_.output.staging && !contiguous(layer_, layer_.output, extents))
      throw UserError("layer ", layer_.name,
                      ": outputs that bypass the buffer leave in pieces with gaps between their "
                      "channels; store O in the "
                      "buffer or cut whole groups");
  }

  StagePlan& plan_;
  const Layer& layer_;
  const hw::Accelerator& accelerator_;
  std::vector<std::int64_t> nominal_;
  std::vector<Stream> streams_;
  Bytes kept_ = 0;  ///< of streams that stay
};

}  // namespace

void fit_staging(StagePlan& plan, const workloads::Network& network,
                 const hw::Accelerator& accelerator) {
  StagingFit(plan, network.layers[plan.layer], accelerator).fit();
}

}  // namespace tessera::mapping
