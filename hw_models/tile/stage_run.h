// A tile's share of one stage while it runs: its slots, its receives, who waits for whom in its
// groups.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "hw_models/tile/retained_window.h"
#include "hw_models/tile/slot_ring.h"
#include "mapping/program_index.h"
#include "mapping/rotation.h"
#include "mapping/sliding_window.h"

namespace tessera::hw {

/// Members of a group are arranged in a tree by position: readiness is collected along it, so that
/// no tile has to take in a message from every other.
inline constexpr int kGroupFanOut = 8;

/// One input operand of the share: its place in the group and the readiness collected so far.
struct ReceiveState {
  const mapping::Group* group = nullptr;
  mapping::SlotId slot = -1;  ///< -1: its code never receives the operand
  int position = 0;
  int children = 0;
  std::map<std::int64_t, int> ready;  ///< per granule: children, and this tile itself
  std::int64_t begun = 0;             ///< granules that were given room
  std::int64_t arrived = 0;           ///< of these complete
  bool closed = false;                ///< root only: owners have been told
  mapping::SlidingWindow window;      ///< idealisation toolwords
  std::int64_t pieces = 1;            ///< idealisation toolwords: granules that make a share

  bool root() const { return position == 0; }
  int parent() const { return group->members[(position - 1) / kGroupFanOut]; }
};

/// State of the share from its first instruction to its last; made when the tile comes to the stage
/// or hears from another tile that has.
class StageRun {
 public:
  StageRun(const mapping::Program& program, const mapping::ProgramIndex& index, int stage,
           const mapping::TileShare& share);

  const mapping::Stage& stage() const { return *stage_; }
  int number() const { return number_; }
  const mapping::TileShare& share() const { return *share_; }
  const mapping::Code& code() const { return stage_->codes[share_->code]; }
  const workloads::Layer& layer() const { return *layer_; }
  SlotRing& ring(mapping::SlotId slot) { return *ring_of_[slot]; }
  /// The slot is that of the stage before, with what it holds.
  void go_on_with(mapping::SlotId slot, StageRun& earlier);
  ReceiveState& receive(int operand) { return receives_[operand]; }
  /// nullptr for slots that retain nothing.
  RetainedWindow* window(mapping::SlotId slot) {
    return windows_[slot] ? &*windows_[slot] : nullptr;
  }
  int operands() const { return static_cast<int>(receives_.size()); }
  const mapping::Group& sums_group() const { return stage_->groups[share_->sums_group]; }
  bool uses(mapping::SlotId slot) const { return used_[slot]; }
  /// A granule of a rotating slot that comes from the next tile.
  bool takes_over(mapping::SlotId slot, std::int64_t sequence) const {
    return mapping::is_taken_over(stage_->slots[slot], share_->rotation, sequence);
  }
  /// A granule that goes on to another tile. Where all tiles' ranges are empty nobody asks for it.
  bool passes_on(mapping::SlotId slot, const Granule& granule) const {
    return mapping::is_passed_on(stage_->slots[slot], share_->rotation, granule.sequence) &&
           !granule.region.empty();
  }
  /// The tile keeps outputs in the slot until everyone who reads them has closed it.
  bool keeps(mapping::SlotId slot) const {
    return (stage_->slots[slot].readers & static_cast<unsigned>(mapping::SlotReader::kServer)) != 0;
  }
  bool owner() const { return sums_group().members.front() == share_->tile; }
  /// Outputs are visited more than once: the load queue appends their granules and brings back
  /// their sums.
  bool restores() const { return restores_; }
  /// Partners that add to the outputs of this owner.
  int partners() const { return static_cast<int>(sums_group().members.size()) - 1; }

  /// Granules of partial sums that an owner takes in for each of its outputs.
  int sums_per_output() const { return stage_->sums_in_network ? 1 : partners(); }

  bool load_done = false;
  bool compute_done = false;
  bool store_done = false;
  std::vector<bool> claimed;  ///< per slot: its memory is free for it
  std::map<std::int64_t, std::int64_t>
      sums_grants;                ///< partner: how many sends come before -> sequence at the owner
  std::int64_t sums_begun = 0;    ///< partner: sends begun
  std::int64_t last_output = -1;  ///< sequence of the last granule that leaves the tile
  int closings = 0;
  int expected_closings = 0;  ///< owner of a part in the tiles
  std::map<std::int64_t, std::int64_t>
      owed;                       ///< streamed granules: elements that readers still have to get
  int reads_in_flight = 0;        ///< served reads whose packets have not all left
  std::int64_t sums_to_pass = 0;  ///< kept outputs: granules that have to leave for other tiles

  /// Nothing more will enter the slot and nothing is left in it.
  bool closed(mapping::SlotId slot);

 private:
  const mapping::Stage* stage_;
  int number_;
  const mapping::TileShare* share_;
  const workloads::Layer* layer_;
  void find_kept_slots(const mapping::Program& program, const mapping::ProgramIndex& index);

  std::deque<SlotRing> rings_;
  std::vector<SlotRing*> ring_of_;       ///< per slot: its own, or an earlier stage's
  std::vector<StageRun*> continued_by_;  ///< per slot
  std::vector<std::optional<RetainedWindow>> windows_;
  std::vector<ReceiveState> receives_;
  std::vector<bool> used_;
  bool restores_ = false;
};

}  // namespace tessera::hw
