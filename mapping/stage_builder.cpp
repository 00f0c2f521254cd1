#include "mapping/stage_builder.h"

#include <algorithm>
#include <map>

#include "mapping/rotation.h"
#include "mapping/stage_code.h"
#include "mapping/staging_fit.h"
#include "sim/base/error.h"
#include "workloads/reference_executor.h"

namespace tessera::mapping {

using workloads::Layer;
using workloads::Network;
using workloads::Operand;
using workloads::RankTile;

namespace {

constexpr int kOutput = -1;  ///< where operands are numbered

constexpr unsigned bit(SlotReader reader) { return static_cast<unsigned>(reader); }

/// Ranges of the ranks that index an operand, in rank order: equal keys mean equal regions at every
/// step.
std::vector<std::int64_t> operand_key(const Layer& layer, const Operand& operand,
                                      const RankTile& ranks) {
  std::vector<std::int64_t> key;
  for (std::size_t rank = 0; rank < layer.ranks.size(); ++rank) {
    if (!Layer::indexes(operand, static_cast<int>(rank))) continue;
    key.push_back(ranks[rank].begin);
    key.push_back(ranks[rank].end);
  }
  return key;
}

/// As tools count it, an operand that neither buffer nor registers keep comes from DRAM for every
/// step.
bool fetched_for_every_step(const StagePlan& plan, const hw::Accelerator& accelerator,
                            std::size_t input) {
  return accelerator.ideal.has(hw::Ideal::kToolwords) && plan.inputs[input].staging && input < 2 &&
         plan.array.streamed[input];
}

/// Lowers one stage: everything except where its slots lie in memory.
class StageBuilder {
 public:
  StageBuilder(const StagePlan& plan, const Network& network, const hw::Accelerator& accelerator)
      : plan_(plan),
        layer_(network.layers[plan.layer]),
        accelerator_(accelerator),
        shares_(deal_shares(plan, layer_, {accelerator.rows, accelerator.columns})),
        counts_(trip_counts(plan.loops, shares_.nominal)),
        output_depth_(change_depth(plan, layer_.output, plan.output.depth, shares_.nominal)) {
    for (std::size_t i = 0; i < layer_.inputs.size(); ++i)
      input_depth_.push_back(fetch_depth(plan, layer_, accelerator, shares_.nominal, i));
    spills_ = spills();
  }

  Stage build() {
    check_spilled_sums();
    stage_.name = layer_.name;
    stage_.layer = plan_.layer;
    stage_.array = plan_.array;
    add_slots();
    add_shares();
    add_passing_slots();
    add_codes();
    return std::move(stage_);
  }

 private:
  void add_codes() {
    const CodeFrame frame{plan_,
                          layer_,
                          counts_,
                          output_depth_,
                          input_depth_,
                          pieces_,
                          /*restores=*/spills_ || shares_sums(),
                          stage_.output_slot,
                          stage_.sums_slot,
                          stage_.partial_slot};
    stage_.codes.push_back(owner_code(frame, received_sums()));
    if (sums_members_ > 1) stage_.codes.push_back(partner_code(frame));
  }

  bool shares_sums() const { return plan_.output.shared_by > 1; }

  /// A loop over a reduced rank around the outputs: their sums go to DRAM and come back. Shared
  /// outputs go round once for each of its trips while they stay the same.
  bool spills() const {
    const int depth = shares_sums() ? fill_depth(plan_.output, layer_.output) : output_depth_;
    for (int i = 0; i < depth; ++i)
      if (counts_[i] > 1 && layer_.ranks[plan_.loops[i].rank].reduced) return true;
    return false;
  }

  void check_spilled_sums() const {
    if (!spills_) return;
    if (!workloads::accumulates(layer_))
      throw UserError("layer ", layer_.name, ": its outputs cannot be completed in several visits");
    if (shares_sums())
      throw UserError(
          "layer ", layer_.name,
          ": a loop over a reduced rank stands outside a loop over its shared outputs, so"
          " partial sums would leave for DRAM between two fillings; move it inwards");
    if (plan_.output_home == Home::kTiles || plan_.output_kept)
      throw UserError(
          "layer ", layer_.name,
          ": a loop over a reduced rank stands outside a loop over its outputs, so"
          " partial sums would leave the tile buffer, but the outputs stay in the tiles;"
          " move it inwards, hold the outputs further out or send them to DRAM");
  }

  Bytes granule_bytes(const Operand& operand, int depth) const {
    const auto extents = extents_inside(plan_.loops, depth, shares_.nominal);
    const Bytes bytes = static_cast<Bytes>(nominal_elements(operand, extents)) *
                        static_cast<Bytes>(accelerator_.word_bytes());
    const Bytes line = accelerator_.tile.buffer.line_bytes;
    return round_up(std::max<Bytes>(bytes, line), line);
  }

  std::int64_t trips(int depth) const {
    std::int64_t product = 1;
    for (int i = 0; i < depth; ++i) product *= counts_[i];
    return product;
  }

  void add_slots() {
    for (std::size_t i = 0; i < layer_.inputs.size(); ++i) {
      const auto& holding = plan_.inputs[i];
      const auto granules =
          std::min<std::int64_t>(holding.double_buffered ? 2 : 1, trips(input_depth_[i]));
      stage_.slots.push_back({operand_name(layer_, static_cast<int>(i)), 0,
                              granule_bytes(layer_.inputs[i], holding.depth),
                              static_cast<int>(granules), bit(SlotReader::kCompute),
                              holding.staging});
      if (holding.shared_by > 1) rotate(stage_.slots.back(), holding, layer_.inputs[i]);
      stage_.slots.back().handed_on = holding.handed_on;
      stage_.slots.back().refetched = holding.refetched;
    }
    stage_.output_slot = static_cast<SlotId>(stage_.slots.size());
    add_output_slot();
  }

  void add_output_slot() {
    const bool served = plan_.output_home == Home::kTiles || plan_.output_kept;
    const std::int64_t outputs = trips(output_depth_);
    const std::int64_t granules =
        served ? std::min(outputs, ring_places(outputs))
               : std::min<std::int64_t>(plan_.output.double_buffered ? 2 : 1, outputs);
    const unsigned readers = (served ? bit(SlotReader::kServer) : 0u) |
                             (plan_.output_home == Home::kTiles ? 0u : bit(SlotReader::kStore));
    stage_.slots.push_back({"O", 0, granule_bytes(layer_.output, plan_.output.depth),
                            static_cast<int>(granules), readers, plan_.output.staging});
    Slot& slot = stage_.slots.back();
    slot.refetched = plan_.output.refetched;
    slot.streams = served && granules < outputs;
    if (!shares_sums()) return;
    if (plan_.ring_places > 0)
      throw UserError(
          "layer ", layer_.name,
          ": its outputs are shared and rotate, and are handed over in a ring; allowed: "
          "one of both");
    rotate(slot, plan_.output, layer_.output);
    if (served)
      slot.granules += (slot.granules - 1) *
                       static_cast<int>(trips(fill_depth(plan_.output, layer_.output)) - 1);
  }

  /// Copies that take no room make a ring needless.
  std::int64_t ring_places(std::int64_t outputs) const {
    return plan_.ring_places > 0 && !accelerator_.tile.free_copies ? plan_.ring_places : outputs;
  }

  /// Loops around a filling of a shared operand: up to the innermost one further out than its
  /// pieces that moves on to other words of it.
  int fill_depth(const Holding& holding, const Operand& operand) const {
    return change_depth(plan_, operand, holding.turn, shares_.nominal);
  }

  /// Makes a slot the part of a shared operand, and a place more for the granule on its way.
  void rotate(Slot& slot, const Holding& holding, const Operand& operand) const {
    slot.rotating = true;
    slot.turns = counts_[holding.turn];
    if (slot.turns < holding.shared_by)
      throw UserError("layer ", layer_.name, ": loop over ",
                      layer_.ranks[plan_.loops[holding.turn].rank].name, " of ", slot.turns,
                      " iterations rotates among ", holding.shared_by,
                      " tiles; allowed: an iteration for each at least");
    slot.round = trips(holding.depth) / trips(holding.turn);
    slot.fill = trips(holding.depth) / trips(fill_depth(holding, operand));
    slot.granules = static_cast<int>(largest_part(slot, holding.shared_by) + 1);
  }

  /// The granule that is on its way stands in the staging FIFO.
  void add_passing_slots() {
    for (std::size_t i = 0; i <= layer_.inputs.size(); ++i)
      if (stage_.slots[i].rotating)
        stage_.slots.push_back({stage_.slots[i].name + ".passing", 0, stage_.slots[i].granule_bytes,
                                1, bit(SlotReader::kCompute), /*staging=*/true});
  }

  /// Tiles that receive an operand together, before any of them shares it.
  std::vector<std::int64_t> key_of(int which, const Operand& operand, std::size_t index) const {
    auto key = operand_key(layer_, operand, shares_.ranks[index]);
    key.push_back(which);
    for (std::size_t split = 0; split < plan_.partition.size(); ++split)
      if (std::ranges::count(plan_.partition[split].apart, which) > 0)
        key.push_back(shares_.places[index][split]);
    return key;
  }

  /// Chains of tiles that share an operand, and per tile its place.
  std::vector<TileShare::Rotation> rotations() const {
    std::vector<TileShare::Rotation> rotations(shares_.tiles.size());
    for (std::size_t i = 0; i < layer_.inputs.size(); ++i)
      add_chains(static_cast<int>(i), layer_.inputs[i], plan_.inputs[i], rotations);
    add_chains(kOutput, layer_.output, plan_.output, rotations);
    return rotations;
  }

  void add_chains(int which, const Operand& operand, const Holding& holding,
                  std::vector<TileShare::Rotation>& rotations) const {
    if (holding.shared_by == 1) return;
    std::map<std::vector<std::int64_t>, std::vector<TileId>> groups;
    for (std::size_t t = 0; t < shares_.tiles.size(); ++t)
      groups[key_of(which, operand, t)].push_back(shares_.tiles[t]);
    for (const auto& [key, tiles] : groups) {
      check_chained(which, tiles, holding);
      for (const auto& [tile, rotation] :
           chain(tiles, holding.shared_by, accelerator_.columns, layer_.name))
        rotations[static_cast<std::size_t>(std::ranges::lower_bound(shares_.tiles, tile) -
                                           shares_.tiles.begin())] = rotation;
    }
  }

  /// All partial sums of an output meet in one chain.
  void check_chained(int which, const std::vector<TileId>& tiles, const Holding& holding) const {
    if (which == kOutput && static_cast<int>(tiles.size()) != holding.shared_by)
      throw UserError("layer ", layer_.name, ": ", tiles.size(),
                      " tiles add to the same outputs and ", holding.shared_by,
                      " share them; allowed: all");
  }

  /// Tiles at different places get the pieces of the loop that is dealt to them in another order.
  bool differs_by_place(const Operand& operand) const {
    return std::ranges::any_of(plan_.loops, [&](const BufferLoop& loop) {
      return loop.rotates && Layer::indexes(operand, loop.rank);
    });
  }

  void add_shares() {
    const auto turns = rotations();
    std::map<std::vector<std::int64_t>, GroupId> groups;
    const auto join_group = [&](int which, const Operand& operand, std::size_t index) {
      auto key = key_of(which, operand, index);
      if (which != kOutput && differs_by_place(operand)) key.push_back(turns[index].place);
      if (which == kOutput && shares_sums()) key.push_back(turns[index].place);
      const auto [entry, added] =
          groups.try_emplace(std::move(key), static_cast<GroupId>(stage_.groups.size()));
      if (added) stage_.groups.emplace_back();
      stage_.groups[entry->second].members.push_back(shares_.tiles[index]);
      return entry->second;
    };
    for (std::size_t t = 0; t < shares_.tiles.size(); ++t) {
      TileShare share{shares_.tiles[t], 0, shares_.ranks[t], {}, -1};
      for (std::size_t i = 0; i < layer_.inputs.size(); ++i)
        share.input_groups.push_back(join_group(static_cast<int>(i), layer_.inputs[i], t));
      share.sums_group = join_group(kOutput, layer_.output, t);
      share.rotation = turns[t];
      stage_.shares.push_back(std::move(share));
    }
    for (auto& share : stage_.shares) {
      const auto& members = stage_.groups[share.sums_group].members;
      sums_members_ = std::max(sums_members_, members.size());
      share.code = members.front() == share.tile ? 0 : 1;
    }
    if (sums_members_ > 1) add_sums_slots();
  }

  /// Owners receive their partners' sums in "S"; partners build theirs in "P", which exists only on
  /// tiles that have no "O" and lies in the same place, so it is never the larger one. Every group
  /// must have the same number of members, because all owners share their code.
  void add_sums_slots() {
    for (const auto& share : stage_.shares)
      if (const auto members = stage_.groups[share.sums_group].members.size();
          members != sums_members_)
        throw UserError("layer ", layer_.name, ": its reduced ranks are split over ", sums_members_,
                        " tiles for some outputs and ", members,
                        " for others; every output needs the same number");
    const Bytes granule = stage_.slots[stage_.output_slot].granule_bytes;
    const int outputs = stage_.slots[stage_.output_slot].granules;
    // What one partner sends there is nothing to add to on the way; pieces take turns by partner.
    stage_.sums_in_network = sums_members_ > 2 && !takes_pieces() &&
                             accelerator_.network.reduction() != noc::proto::NONE;
    stage_.sums_slot = static_cast<SlotId>(stage_.slots.size());
    if (takes_pieces())
      add_pieces_slot();
    else
      stage_.slots.push_back(
          {"S", 0, granule, sums_granules(), bit(SlotReader::kCompute), plan_.output.staging});
    stage_.partial_slot = static_cast<SlotId>(stage_.slots.size());
    stage_.slots.push_back(
        {"P", 0, granule, std::min(2, outputs), bit(SlotReader::kStore), plan_.output.staging});
  }

  /// Granules of partial sums that an owner takes in for each of its outputs.
  std::size_t received_sums() const { return stage_.sums_in_network ? 1 : sums_members_ - 1; }

  /// Copies that take no room make pieces needless.
  bool takes_pieces() const {
    return plan_.sums_in_pieces && !plan_.output.staging && !accelerator_.tile.free_copies;
  }

  /// Pieces are as large as half of the FIFO's share allows: single images, then fewer channels,
  /// then fewer rows, and so on.
  void add_pieces_slot() {
    const Bytes most = kSumsPiecesBytes / 2 / static_cast<Bytes>(accelerator_.word_bytes());
    auto extents = extents_inside(plan_.loops, plan_.output.depth, shares_.nominal);
    const auto words = [&] { return static_cast<Bytes>(nominal_elements(layer_.output, extents)); };
    for (std::size_t r = 0; r < layer_.ranks.size() && words() > most; ++r) {
      if (layer_.ranks[r].reduced || extents[r] == 1) continue;
      const auto whole = extents[r];
      const Bytes one = words() / static_cast<Bytes>(whole);
      extents[r] =
          std::max<std::int64_t>(1, static_cast<std::int64_t>(most / std::max<Bytes>(1, one)));
      pieces_.push_back({static_cast<int>(r), extents[r], ceil_div(whole, extents[r])});
    }
    const Bytes bytes = round_up(words() * static_cast<Bytes>(accelerator_.word_bytes()),
                                 accelerator_.tile.buffer.line_bytes);
    stage_.slots.push_back({"S", 0, bytes, 2, bit(SlotReader::kCompute), /*staging=*/true});
  }

  int sums_granules() const {
    if (accelerator_.tile.free_copies) return static_cast<int>(2 * (sums_members_ - 1));
    if (plan_.output.staging && !plan_.output.double_buffered) return 1;
    return static_cast<int>(std::min<std::size_t>(2, sums_members_ - 1));
  }

  const StagePlan& plan_;
  const Layer& layer_;
  const hw::Accelerator& accelerator_;
  Shares shares_;
  std::vector<std::int64_t> counts_;
  int output_depth_;
  std::vector<int> input_depth_;
  std::vector<SumsPiece> pieces_;
  bool spills_ = false;
  std::size_t sums_members_ = 1;
  Stage stage_;
};

}  // namespace

int fetch_depth(const StagePlan& plan, const Layer& layer, const hw::Accelerator& accelerator,
                const std::vector<std::int64_t>& nominal, std::size_t input) {
  const int depth = plan.inputs[input].depth;
  return fetched_for_every_step(plan, accelerator, input)
             ? depth
             : change_depth(plan, layer.inputs[input], depth, nominal);
}

Stage build_stage(const StagePlan& plan, const Network& network,
                  const hw::Accelerator& accelerator) {
  return StageBuilder(plan, network, accelerator).build();
}

}  // namespace tessera::mapping
