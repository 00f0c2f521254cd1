// Runs the tiles of a stage without time: queues step whenever they can, messages arrive at once.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mapping/checker/stage_view.h"
#include "mapping/code_cursor.h"

namespace tessera::mapping::checker {

/// The tiles of a stage as they wait for each other. Every wait is for a counter that only grows,
/// each counter has one writer per side, and nothing is taken back, so the order in which queues
/// step cannot change where the run ends: if any order reaches the end, all do.
///
/// That also allows tiles to be run in lockstep. Loops make the same number of trips on every tile,
/// so tiles with the same code differ only in whom they wait for. `folded` therefore runs one tile
/// per code, and a receive waits for every code whose tiles share some group of that operand; the
/// lockstep order it finds is an order of the whole machine. It may stop where the machine would
/// not, never the reverse.
class UntimedRun {
 public:
  /// Every tile of the stage.
  static UntimedRun full(const StageView& view);
  /// One tile per code; none when the tiles with one code differ in how they exchange partial sums.
  static std::optional<UntimedRun> folded(const StageView& view);

  /// Runs to the fixed point. None when all queues finished and all slots drained; otherwise who
  /// waits for what. UserError for an instruction that no order makes legal.
  std::optional<std::string> run();

 private:
  struct SlotState {
    std::int64_t appended = 0;
    std::int64_t complete = 0;
    std::int64_t released[2] = {};  ///< compute, store
    int window[2] = {};             ///< granules acquired and not yet released
    bool open = false;              ///< reserved and not yet committed
    std::int64_t stored = 0;
    /// Restored outputs: per granule appended, how many must have been stored before; last visit by
    /// region.
    std::deque<std::int64_t> needs_stored;
    std::map<std::vector<std::int64_t>, std::int64_t> visited;
  };
  /// Tiles that receive the same granules of an operand.
  struct Port {
    int members = 0;
    int arrived = 0;
    std::int64_t completed = 0;
  };
  struct Actor {
    TileId tile = 0;
    CodeCursor cursors[3];
    std::int64_t executed[3] = {};
    std::vector<SlotState> slots;
    std::vector<int> ports;              ///< per operand
    std::vector<std::int64_t> received;  ///< per operand
    std::vector<bool> arrived;           ///< per operand: waits at its port
    int exchange = -1;
    bool owner = true;
    std::int64_t sent = 0;
    std::int64_t offered = 0;
  };
  /// Partial sums on their way to one owner, partner by partner.
  struct Exchange {
    std::vector<int> partners;  ///< actors
    std::vector<std::int64_t> received;
    std::int64_t taken = 0;
  };

  explicit UntimedRun(const StageView& view) : view_(view) {}

  Actor& add_actor(const TileShare& share);
  void join_port(Actor& actor, std::size_t operand,
                 std::map<std::pair<std::size_t, int>, int>& known, int key);
  bool fold_exchanges(const std::vector<int>& actor_of_code);

  bool step(Actor& actor, Queue queue);
  bool execute(Actor& actor, Queue queue, const Instruction& instruction);
  bool receive(Actor& actor, const Instruction& instruction);
  bool receive_sums(Actor& actor, SlotState& slot, const Slot& ring,
                    const Instruction& instruction);
  bool receive_all_sums(Exchange& exchange, SlotState& slot, const Slot& ring);
  std::size_t absent_partner(const Exchange& exchange) const;
  bool send_sums(Actor& actor, const Instruction& instruction);
  void restore(Actor& actor, SlotState& slot) const;
  bool acquire(Actor& actor, Queue queue, const Instruction& instruction);
  void release(Actor& actor, Queue queue, const Instruction& instruction);
  void check_compute(const Actor& actor, const Instruction& instruction) const;

  std::int64_t held(const SlotState& slot, const Slot& ring) const;
  std::int64_t held_sums(const SlotState& slot, const Slot& ring) const;
  bool reopen_shared(SlotState& slot) const;
  bool has_room(const SlotState& slot, const Slot& ring) const {
    return held(slot, ring) < ring.granules;
  }
  std::string waits_for(const Actor& actor, Queue queue) const;
  std::string reason(const Actor& actor, Queue queue, const Instruction& instruction) const;
  std::string absent_members(const Actor& actor, int operand) const;
  std::optional<std::string> stall() const;
  void check_drained() const;

  template <typename... Parts>
  [[noreturn]] void refuse(const Actor& actor, Queue queue, const Parts&... parts) const;

  const StageView view_;
  std::vector<Actor> actors_;
  std::vector<Port> ports_;
  std::vector<Exchange> exchanges_;
};

}  // namespace tessera::mapping::checker
