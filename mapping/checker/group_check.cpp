#include "mapping/checker/group_check.h"

#include <algorithm>
#include <map>

#include "mapping/code_cursor.h"
#include "mapping/stage_plan.h"

namespace tessera::mapping::checker {

namespace {

using workloads::Layer;
using workloads::Operand;
using workloads::RankRange;
using workloads::RankTile;

/// Number and contents of the granules that a tile appends or sends.
struct Sequence {
  std::uint64_t hash = 0x243f6a8885a308d3u;
  std::int64_t granules = 0;
  bool operator==(const Sequence&) const = default;

  /// Multiplication and rotation by odd constants mix every bit of the value into all above it.
  void add(std::int64_t value) {
    hash ^= static_cast<std::uint64_t>(value);
    hash *= 0x9e3779b97f4a7c15u;
    hash ^= hash >> 29;
  }
  void add(const workloads::Region& region) {
    ++granules;
    for (const auto& range : region.dimensions) {
      add(range.begin);
      add(range.count);
      add(range.step);
    }
  }
};

class GroupCheck {
 public:
  explicit GroupCheck(const StageView& view) : view_(view) {}

  void check() {
    for (const auto& share : view_.stage.shares) check_membership(share);
    for (std::size_t i = 0; i < view_.layer.inputs.size(); ++i) check_operand(static_cast<int>(i));
    check_sums();
  }

 private:
  void check_membership(const TileShare& share) const {
    for (std::size_t i = 0; i < share.input_groups.size(); ++i)
      require_member(share, share.input_groups[i], operand_name(view_.layer, static_cast<int>(i)));
    require_member(share, share.sums_group, "partial sums");
  }

  void require_member(const TileShare& share, GroupId group, const std::string& what) const {
    if (std::ranges::find(view_.stage.groups[group].members, share.tile) ==
        view_.stage.groups[group].members.end())
      view_.refuse_tile(share.tile, "is no member of its group ", group, " for ", what);
  }

  /// All groups that tiles use for one purpose, each with its members' shares.
  template <typename GroupOf>
  std::map<GroupId, std::vector<const TileShare*>> groups_by(const GroupOf& group_of,
                                                             const std::string& what) const {
    std::map<GroupId, std::vector<const TileShare*>> groups;
    for (const auto& share : view_.stage.shares) groups.try_emplace(group_of(share));
    for (auto& [group, shares] : groups)
      for (const TileId tile : view_.stage.groups[group].members) {
        const TileShare* share = view_.find_share(tile);
        if (share == nullptr || group_of(*share) != group)
          view_.refuse("group ", group, ": member tile ", tile, " does not use it for ", what);
        shares.push_back(share);
      }
    return groups;
  }

  void check_operand(int operand) {
    const std::string label = operand_name(view_.layer, operand);
    const auto groups =
        groups_by([&](const TileShare& share) { return share.input_groups[operand]; }, label);
    for (const auto& [group, shares] : groups) {
      const TileShare& first = *shares.front();
      for (const TileShare* share : shares) {
        if (equal_by_construction(first, *share, operand)) continue;
        const Sequence expected = received(first, operand);
        const Sequence found = received(*share, operand);
        if (expected == found) continue;
        view_.refuse("group ", group, " for ", label, ": tile ", share->tile, " receives ",
                     found.granules, " granules and tile ", first.tile, " ", expected.granules,
                     expected.granules == found.granules
                         ? ", but not the same regions in the same slots"
                         : "");
      }
    }
  }

  bool equal_by_construction(const TileShare& a, const TileShare& b, int operand) const {
    return a.code == b.code && indexing_ranges(a, operand) == indexing_ranges(b, operand);
  }

  std::vector<RankRange> indexing_ranges(const TileShare& share, int operand) const {
    std::vector<RankRange> ranges;
    for (std::size_t r = 0; r < share.ranks.size(); ++r)
      if (Layer::indexes(view_.layer.inputs[operand], static_cast<int>(r)))
        ranges.push_back(share.ranks[r]);
    return ranges;
  }

  Sequence received(const TileShare& share, int operand) const {
    Sequence sequence;
    std::vector<std::int64_t> appended(view_.stage.slots.size(), 0);
    for (CodeCursor at(view_.stage.codes[share.code].load, share); !at.done(); at.next()) {
      const Instruction& instruction = at.instruction();
      if (instruction.op != Op::kReceive) continue;
      const std::int64_t place = appended[instruction.slot]++;
      if (instruction.operand != operand) continue;
      sequence.add(instruction.slot);
      sequence.add(place);
      sequence.add(region_of(view_.layer.inputs[operand], at.ranks()));
    }
    return sequence;
  }

  void check_sums() {
    const auto groups =
        groups_by([](const TileShare& share) { return share.sums_group; }, "partial sums");
    const bool shared = view_.shares_sums();
    for (const auto& [group, shares] : groups) {
      check_outputs(group, shared ? chain_of(group, *shares.front()) : shares);
      if (!shared)
        check_exchange(group, shares);
      else if (shares.size() > 1)
        view_.refuse("group ", group, ": ", shares.size(),
                     " tiles send each other partial sums that they share; allowed: 1");
    }
  }

  /// Tiles that add to the same shared outputs.
  std::vector<const TileShare*> chain_of(GroupId group, const TileShare& first) const {
    std::vector<const TileShare*> chain = {&first};
    while (static_cast<int>(chain.size()) < first.rotation.places) {
      chain.push_back(view_.find_share(chain.back()->rotation.next));
      if (chain.back() == nullptr)
        view_.refuse("group ", group, ": tile ", first.tile, " shares outputs with tile ",
                     chain[chain.size() - 2]->rotation.next, ", which has no share");
    }
    return chain;
  }

  /// Same outputs everywhere, reduced ranks that add up. That the shares are disjoint is checked
  /// for the whole layer.
  void check_outputs(GroupId group, const std::vector<const TileShare*>& shares) const {
    std::int64_t reduced = 0;
    std::int64_t whole = 1;
    for (const TileShare* share : shares) {
      std::int64_t volume = 1;
      for (std::size_t r = 0; r < share->ranks.size(); ++r) {
        if (view_.layer.ranks[r].reduced)
          volume *= share->ranks[r].size();
        else if (share->ranks[r] != shares.front()->ranks[r])
          view_.refuse("group ", group, ": tiles ", shares.front()->tile, " and ", share->tile,
                       " add partial sums of different ranges of rank ", view_.layer.ranks[r].name);
      }
      reduced += volume;
    }
    for (const auto& rank : view_.layer.ranks)
      if (rank.reduced) whole *= rank.extent;
    const bool produces = std::ranges::all_of(view_.layer.ranks, [&](const workloads::Rank& rank) {
      return rank.reduced || shares.front()->ranks[&rank - view_.layer.ranks.data()].size() > 0;
    });
    if (produces && reduced != whole)
      view_.refuse("group ", group, " of tile ", shares.front()->tile, ": its members add ",
                   reduced, " of the ", whole, " terms of each output");
  }

  void check_exchange(GroupId group, const std::vector<const TileShare*>& shares) {
    const TileShare& owner = *shares.front();
    const auto partners = static_cast<std::int64_t>(shares.size()) - 1;
    if (partners == 0) return;
    const Sequence& expected =
        received_sums(group, owner, view_.stage.sums_in_network ? 1 : partners);
    for (const TileShare* share : shares) {
      if (share == &owner) continue;
      const Sequence& found = sent_sums(*share);
      if (found == expected) continue;
      view_.refuse("group ", group, ": tile ", share->tile, " sends ", found.granules,
                   " granules of partial sums and its owner, tile ", owner.tile, ", receives ",
                   expected.granules,
                   found.granules == expected.granules ? " with other regions" : "");
    }
  }

  /// Ranges of the output's ranks relative to the share, which all members have in common.
  void add_relative(Sequence& sequence, const RankTile& ranks, const TileShare& share) const {
    ++sequence.granules;
    for (std::size_t r = 0; r < ranks.size(); ++r) {
      if (view_.layer.ranks[r].reduced) continue;
      sequence.add(ranks[r].begin - share.ranks[r].begin);
      sequence.add(ranks[r].end - share.ranks[r].begin);
    }
  }

  using Key = std::pair<int, std::vector<std::int64_t>>;
  /// Same code, purpose and sizes of the output's ranks: same relative sequence.
  Key key_of(const TileShare& share, std::int64_t purpose) const {
    Key key{share.code, {purpose}};
    for (std::size_t r = 0; r < share.ranks.size(); ++r)
      if (!view_.layer.ranks[r].reduced) key.second.push_back(share.ranks[r].size());
    return key;
  }

  /// What the owner expects from each partner; granules come partner by partner for each output
  /// granule, or as from one partner when the network adds them up.
  const Sequence& received_sums(GroupId group, const TileShare& owner, std::int64_t partners) {
    const auto [entry, added] = sequences_.try_emplace(key_of(owner, partners));
    if (!added) return entry->second;
    std::int64_t received = 0;
    Sequence turn;
    for (CodeCursor at(view_.stage.codes[owner.code].load, owner); !at.done(); at.next()) {
      if (at.instruction().op != Op::kReceiveSums) continue;
      Sequence granule;
      add_relative(granule, at.ranks(), owner);
      if (received++ % partners == 0) {
        turn = granule;
        add_relative(entry->second, at.ranks(), owner);
      } else if (granule != turn) {
        view_.refuse("group ", group, ": owner tile ", owner.tile, " receives granule ", received,
                     " of partial sums for other outputs than the first of its ", partners,
                     " partners");
      }
    }
    if (received % partners != 0)
      view_.refuse("group ", group, ": owner tile ", owner.tile, " receives ", received,
                   " granules of partial sums; allowed: a multiple of its ", partners, " partners");
    return entry->second;
  }

  const Sequence& sent_sums(const TileShare& share) {
    const auto [entry, added] = sequences_.try_emplace(key_of(share, 0));
    if (!added) return entry->second;
    for (CodeCursor at(view_.stage.codes[share.code].store, share); !at.done(); at.next())
      if (at.instruction().op == Op::kSendSums) add_relative(entry->second, at.ranks(), share);
    return entry->second;
  }

  const StageView& view_;
  std::map<Key, Sequence> sequences_;
};

}  // namespace

void check_groups(const StageView& view) { GroupCheck(view).check(); }

}  // namespace tessera::mapping::checker
