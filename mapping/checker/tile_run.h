// A tile's queues through stages that run at the same time, without time.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "mapping/checker/stage_view.h"
#include "mapping/checker/stream_exchange.h"
#include "mapping/checker/sums_exchange.h"
#include "mapping/checker/window_tags.h"
#include "mapping/code_cursor.h"
#include "mapping/received_regions.h"

namespace tessera::mapping::checker {

/// What the runs of several tiles hand to each other.
struct Exchanges {
  StreamExchange granules;
  SumsExchange sums;
};

/// Runs what one tile has of some stages: those of a fusion take turns at yields, others follow
/// each other, each slot as soon as its memory is free. Slots fill and drain, windows hold what has
/// been written last, granules come and go by exchanges that several runs may share. Every step is
/// judged; UserError names the instruction.
class TileRun {
 public:
  /// Of the stages in [first, last] those that the tile has a share in.
  TileRun(const Program& program, int first, int last, TileId tile, Exchanges& exchanges);

  /// Goes on until every queue waits; true when anything was done.
  bool advance();
  /// Every queue is at its end.
  bool done();

  /// Points computed per stage.
  std::map<int, std::int64_t> finish();

 private:
  struct Granule {
    workloads::Region region;
    int operand = -1;  ///< -1: outputs, or partners' sums
    bool left = false;
    std::int64_t ticket = -1;  ///< streamed from another stage: arrives when the exchange says so
  };

  struct SlotState {
    std::deque<Granule> held;   ///< appended and not released
    std::int64_t complete = 0;  ///< of those held
    int acquired = 0;
    workloads::Region before;             ///< windows: what the granule before held
    ReceivedRegions received;             ///< of tensors whose elements come once
    std::vector<workloads::Region> came;  ///< the same, box by box
    /// Where more than the granule before left is needed again: what is still there.
    std::optional<WindowTags> lines;
  };

  /// One stage of the fusion on the tile.
  struct Member {
    StageView view;
    const TileShare* share;
    int part;
    CodeCursor cursors[3];
    std::int64_t executed[3] = {};
    std::vector<SlotState> slots;
    SlotId open = -1;
    workloads::RankTile open_ranks;
    std::int64_t points = 0;
    std::vector<bool> claimed;               ///< per slot: its memory is free for it
    std::vector<std::int64_t> tickets = {};  ///< of granules on their way
    bool told = false;                       ///< that everything has been received
  };

  /// Members that take turns: a fusion's, or one alone.
  struct Turns {
    int begin = 0, end = 0;
  };

  void add_window(const StageView& view);
  void add_member(const StageView& view, const TileShare& share);
  int& turn(Queue queue) { return turn_[static_cast<int>(queue)]; }
  const Turns& turns(Queue queue) const { return turns_[group_[static_cast<int>(queue)]]; }
  bool step(Queue queue);
  /// Passes over stages whose queue is at its end; false when all are.
  bool next_turn(Queue queue);
  void pass_turn(Queue queue);
  bool is_done(const Member& member, Queue queue) const {
    return member.cursors[static_cast<int>(queue)].done();
  }
  /// Nothing of earlier turns lies where the slot does; fused stages fetch nothing in advance.
  bool claim(Member& member, SlotId slot);
  bool closed(Member& member, SlotId slot);
  bool tell_finished();

  template <typename... Parts>
  [[noreturn]] void refuse(const Member& member, Queue queue, const Parts&... parts) const {
    const int q = static_cast<int>(queue);
    member.view.refuse_tile(tile_, name_of(queue), " queue: instruction ", member.executed[q] + 1,
                            " (", to_text(member.cursors[q].instruction(), member.view.stage),
                            "): ", parts...);
  }

  bool execute(Member& member, Queue queue, const Instruction& instruction,
               const workloads::RankTile& ranks);
  bool has_room(const Member& member, SlotId slot) const;
  void require_fit(const Member& member, Queue queue, SlotId slot,
                   const workloads::Region& region) const;
  /// While a granule is in use the next one arrives: neither may lie on the other.
  void require_both_fit(const Member& member, SlotId id, const workloads::Region& next,
                        const workloads::Region& before) const;
  bool receive(Member& member, const Instruction& instruction, const workloads::RankTile& ranks);
  /// Boxes of the next granule of a window that its tile does not hold.
  std::vector<workloads::Region> fresh(Member& member, const Instruction& instruction,
                                       const workloads::Region& next);
  bool acquire(Member& member, const Instruction& instruction) const;
  void release(Member& member, Queue queue, const Instruction& instruction);
  bool receive_sums(Member& member, const Instruction& instruction,
                    const workloads::RankTile& ranks);
  bool send_sums(Member& member, const Instruction& instruction);

  Home home(const Member& member) const { return program_.parts[member.part].home; }
  bool reserve(Member& member, const Instruction& instruction, const workloads::RankTile& ranks);
  void commit(Member& member, const Instruction& instruction, const workloads::RankTile& ranks);
  void store(Member& member, const Instruction& instruction, const workloads::RankTile& ranks);
  void compute(Member& member, const workloads::RankTile& ranks);
  void check_input(Member& member, std::size_t input, const workloads::RankTile& ranks);
  void require_end();

  const Program& program_;
  TileId tile_;
  StreamExchange& exchange_;
  SumsExchange& sums_;
  std::vector<Member> members_;
  std::vector<Turns> turns_;
  std::map<int, WindowTags> windows_;  ///< by stage
  std::size_t group_[3] = {};          ///< whose turns a queue is in
  int turn_[3] = {};                   ///< member whose turn it is
};

}  // namespace tessera::mapping::checker
