#include "tests/mapping/element_oracle.h"

#include <algorithm>

#include "mapping/rotation.h"
#include "sim/base/error.h"
#include "sim/base/random.h"
#include "tests/mapping/element_tile.h"
#include "tests/mapping/elements.h"

namespace tessera::test {

namespace {

using namespace mapping;
using workloads::Layer;
using workloads::Operand;
using workloads::RankTile;

class Machine {
 public:
  Machine(const Program& program, std::uint64_t seed)
      : program_(program), random_(seed), elements_(program.network), produced_(program) {
    tiles_.resize(static_cast<std::size_t>(program.tiles));
    for (std::size_t s = 0; s < program.stages.size(); ++s)
      for (const auto& share : program.stages[s].shares) add_turn(static_cast<int>(s), share);
  }

  void run() {
    for (int idle = 0; idle < 3 * 3 * program_.tiles * 8;) {
      Tile& tile = tiles_[random_.below(tiles_.size())];
      const auto queue = static_cast<int>(random_.below(3));
      idle = step(tile, queue) ? 0 : idle + 1;
    }
    // A last sweep in order decides whether really nothing can move.
    for (bool moved = true; moved;) {
      moved = false;
      for (auto& tile : tiles_)
        for (int queue = 0; queue < 3; ++queue) moved |= step(tile, queue);
    }
    check_finished();
    produced_.check();
  }

 private:
  const Layer& layer_of(const Turn& turn) const {
    return program_.network.layers[turn.stage->layer];
  }
  const Group& sums_of(const Turn& turn) const {
    return turn.stage->groups[turn.share->sums_group];
  }
  bool owns(const Turn& turn) const { return sums_of(turn).members.front() == turn.share->tile; }

  void add_turn(int stage, const TileShare& share) {
    Turn turn;
    turn.stage = &program_.stages[stage];
    turn.number = stage;
    turn.share = &share;
    const Code& code = turn.stage->codes[share.code];
    turn.cursors[0] = CodeCursor(code.load, share);
    turn.cursors[1] = CodeCursor(code.compute, share);
    turn.cursors[2] = CodeCursor(code.store, share);
    turn.rings.resize(turn.stage->slots.size());
    for (std::size_t s = 0; s < turn.stage->slots.size(); ++s) {
      const Slot& slot = turn.stage->slots[s];
      if (slot.continues >= 0 && slot.granules != program_.stages[slot.continues].slots[s].granules)
        throw Fault{"goes on with another ring"};
    }
    tiles_[share.tile].turns.push_back(std::move(turn));
  }

  /// Its own, or that of the stage it goes on with.
  Ring& ring(Turn& turn, SlotId slot) {
    const int earlier = turn.stage->slots[slot].continues;
    return earlier < 0 ? turn.rings[slot] : ring(*turn_of(turn.share->tile, earlier), slot);
  }

  Turn* turn_of(TileId tile, int stage) {
    for (auto& turn : tiles_[tile].turns)
      if (turn.number == stage) return &turn;
    return nullptr;
  }

  bool step(Tile& tile, int queue) {
    while (tile.at[queue] < tile.turns.size() && tile.turns[tile.at[queue]].cursors[queue].done())
      ++tile.at[queue];
    if (tile.at[queue] == tile.turns.size()) return false;
    Turn& turn = tile.turns[tile.at[queue]];
    CodeCursor& cursor = turn.cursors[queue];
    if (!execute(turn, queue, cursor.instruction(), cursor.ranks())) return false;
    cursor.next();
    return true;
  }

  bool is_at(TileId tile, int queue, int stage) const {
    const std::size_t at = tiles_[tile].at[queue];
    return at < tiles_[tile].turns.size() && tiles_[tile].turns[at].number == stage;
  }

  bool execute(Turn& turn, int queue, const Instruction& instruction, const RankTile& ranks) {
    switch (instruction.op) {
      case Op::kReceive:
        return receive(turn, instruction, ranks);
      case Op::kReceiveSums:
        return receive_sums(turn, instruction, ranks);
      case Op::kAcquire:
        return acquire(turn, queue, instruction);
      case Op::kRelease:
        release(turn, queue, instruction);
        return true;
      case Op::kReserve:
        return reserve(turn, instruction, ranks);
      case Op::kRestore:
        return take_over(turn, instruction, ranks);
      case Op::kReopen:
        return reopen(turn, instruction, ranks);
      case Op::kCommit:
        commit(turn, instruction, ranks);
        return true;
      case Op::kArray:
      case Op::kVector:
        compute(turn, instruction, ranks);
        return true;
      case Op::kAddSums:
        add_sums(turn, instruction);
        return true;
      case Op::kStore:
        leave(turn, instruction, ranks);
        return true;
      case Op::kSendSums:
        return send_sums(turn, instruction, ranks);
      case Op::kYield:
        return true;
    }
    return false;
  }

  bool has_room(Turn& turn, SlotId slot) {
    const Slot& description = turn.stage->slots[slot];
    const Ring& ring = this->ring(turn, slot);
    if (description.rotating) return held_of_shared(turn, slot) < description.granules;
    auto held = static_cast<std::int64_t>(ring.granules.size());
    std::int64_t gone = held;
    for (int reader = 0; reader < 2; ++reader)
      if ((description.readers & (1u << reader)) != 0) gone = std::min(gone, ring.released[reader]);
    if ((description.readers & 4u) != 0) gone = 0;
    return held - gone < description.granules;
  }

  /// The next piece of shared partial sums, empty or from the next tile, which has added to it.
  bool take_over(Turn& turn, const Instruction& instruction, const RankTile& ranks) {
    const Slot& slot = turn.stage->slots[instruction.slot];
    if (!slot.rotating) throw Fault{"sums from DRAM are not followed"};
    if (instruction.slot != turn.stage->output_slot) throw Fault{"restores something else"};
    if (slot.round % slot.turns != 0 || slot.fill % slot.round != 0) throw Fault{"uneven rounds"};
    if (!has_room(turn, instruction.slot)) return false;
    Contents contents = elements_.empty(layer_of(turn).output, ranks);
    const auto number = static_cast<std::int64_t>(turn.rings[instruction.slot].granules.size());
    if (is_taken_over(slot, turn.share->rotation, number)) {
      Turn* next = turn_of(turn.share->rotation.next, turn.number);
      if (next == nullptr) throw Fault{"nobody to take over from"};
      Ring& from = next->rings[instruction.slot];
      const auto theirs = number - lag(slot, turn.share->rotation);
      if (from.complete <= theirs) return false;
      Granule& granule = from.granules[static_cast<std::size_t>(theirs)];
      if (granule.passed || !passes(*next, instruction.slot, static_cast<std::size_t>(theirs)))
        throw Fault{"takes what is not passed on"};
      if (keys(granule.contents) != keys(contents)) throw Fault{"takes sums of other outputs"};
      granule.passed = true;
      contents = granule.contents;
    }
    append(turn, instruction.slot, {std::move(contents)});
    return true;
  }

  bool reopen(Turn& turn, const Instruction& instruction, const RankTile& ranks) {
    require_output_slot(turn, instruction);
    Ring& ring = turn.rings[instruction.slot];
    if (ring.open) throw Fault{"two reservations"};
    if (ring.reopened == ring.granules.size()) return false;
    ring.at = ring.reopened++;
    if (keys(ring.granules[ring.at].contents) !=
        keys(elements_.empty(layer_of(turn).output, ranks)))
      throw Fault{"reopens other outputs"};
    ring.open = true;
    turn.sums_added = 0;
    return true;
  }

  void require_output_slot(const Turn& turn, const Instruction& instruction) const {
    if (instruction.slot != (owns(turn) ? turn.stage->output_slot : turn.stage->partial_slot))
      throw Fault{"outputs in another slot"};
  }

  void append(Turn& turn, SlotId slot, Granule granule) {
    const Bytes bytes = granule.contents.size() * static_cast<Bytes>(program_.word_bytes);
    if (bytes > turn.stage->slots[slot].granule_bytes) throw Fault{"granule larger than its space"};
    ring(turn, slot).granules.push_back(std::move(granule));
  }

  /// Moves a granule to all members of the group when all stand at the same receive with room.
  bool receive(Turn& turn, const Instruction& instruction, const RankTile& ranks) {
    const auto& operand = layer_of(turn).inputs[instruction.operand];
    const GroupId group = turn.share->input_groups[instruction.operand];
    const Contents wanted = elements_.empty(operand, ranks);
    for (const TileId member : turn.stage->groups[group].members) {
      Turn* other = turn_of(member, turn.number);
      if (other == nullptr || other->share->input_groups[instruction.operand] != group)
        throw Fault{"group member without part in it"};
      if (!is_at(member, 0, turn.number)) return false;
      CodeCursor& cursor = other->cursors[0];
      if (cursor.done() || cursor.instruction().op != Op::kReceive ||
          cursor.instruction().operand != instruction.operand ||
          !has_room(*other, cursor.instruction().slot))
        return false;
      if (cursor.instruction().slot != instruction.slot ||
          elements_.empty(operand, cursor.ranks()) != wanted ||
          ring(*other, instruction.slot).granules.size() !=
              ring(turn, instruction.slot).granules.size())
        throw Fault{"members receive different granules"};
    }
    for (const auto& [element, sum] : wanted)
      if (!produced_.readable(operand.tensor, element, turn.number)) return false;
    for (const TileId member : turn.stage->groups[group].members) {
      if (member == turn.share->tile) continue;
      Turn& other = *turn_of(member, turn.number);
      take(other, instruction, wanted);
      other.cursors[0].next();
    }
    take(turn, instruction, wanted);
    return true;
  }

  void take(Turn& turn, const Instruction& instruction, const Contents& contents) {
    append(turn, instruction.slot, {contents, instruction.operand});
    ++ring(turn, instruction.slot).complete;
  }

  /// The partner's store queue must stand at the matching send; both go on together.
  bool receive_sums(Turn& turn, const Instruction& instruction, const RankTile& ranks) {
    const auto& members = sums_of(turn).members;
    if (!owns(turn) || members.size() < 2) throw Fault{"nobody sends sums to this tile"};
    if (instruction.slot != turn.stage->sums_slot) throw Fault{"sums arrive in another slot"};
    if (!has_room(turn, instruction.slot)) return false;
    if (turn.stage->sums_in_network) return receive_all_sums(turn, instruction, ranks);
    const auto partners = static_cast<std::int64_t>(members.size()) - 1;
    Turn& partner = *turn_of(members[1 + turn.sums_taken % partners], turn.number);
    CodeCursor& cursor = partner.cursors[2];
    if (partner.sums_sent != turn.sums_taken / partners || cursor.done() ||
        !is_at(partner.share->tile, 2, turn.number) || cursor.instruction().op != Op::kSendSums)
      return false;
    Granule granule = outgoing(partner, cursor.instruction(), cursor.ranks());
    const auto expected = elements_.empty(layer_of(turn).output, ranks);
    if (keys(granule.contents) != keys(expected)) throw Fault{"sums of other outputs"};
    append(turn, instruction.slot, std::move(granule));
    ++ring(turn, instruction.slot).complete;
    ++turn.sums_taken;
    ++partner.sums_sent;
    cursor.next();
    return true;
  }

  /// All partners' store queues must stand at the matching send; what arrives is their sum.
  bool receive_all_sums(Turn& turn, const Instruction& instruction, const RankTile& ranks) {
    const auto& members = sums_of(turn).members;
    for (std::size_t i = 1; i < members.size(); ++i) {
      const Turn& partner = *turn_of(members[i], turn.number);
      const CodeCursor& cursor = partner.cursors[2];
      if (partner.sums_sent != turn.sums_taken || cursor.done() ||
          !is_at(members[i], 2, turn.number) || cursor.instruction().op != Op::kSendSums)
        return false;
    }
    const auto expected = elements_.empty(layer_of(turn).output, ranks);
    Granule sum{expected};
    for (std::size_t i = 1; i < members.size(); ++i) {
      Turn& partner = *turn_of(members[i], turn.number);
      CodeCursor& cursor = partner.cursors[2];
      const Granule granule = outgoing(partner, cursor.instruction(), cursor.ranks());
      if (keys(granule.contents) != keys(expected)) throw Fault{"sums of other outputs"};
      for (const auto& [element, term] : granule.contents) sum.contents[element] += term;
      ++partner.sums_sent;
      cursor.next();
    }
    append(turn, instruction.slot, std::move(sum));
    ++ring(turn, instruction.slot).complete;
    ++turn.sums_taken;
    return true;
  }

  /// Completed from the owner's side.
  bool send_sums(Turn& turn, const Instruction& instruction, const RankTile&) {
    if (owns(turn)) throw Fault{"owner sends sums"};
    if (turn.rings[instruction.slot].window[1] == 0) throw Fault{"sends what it has not acquired"};
    return false;
  }

  Granule outgoing(Turn& turn, const Instruction& instruction, const RankTile& ranks) {
    Ring& ring = this->ring(turn, instruction.slot);
    if (turn.rings[instruction.slot].window[1] == 0) throw Fault{"leaves without being acquired"};
    Granule& granule = ring.granules[ring.released[1]];
    if (granule.left) throw Fault{"leaves twice"};
    granule.left = true;
    if (keys(granule.contents) != keys(elements_.empty(layer_of(turn).output, ranks)))
      throw Fault{"leaves as something else"};
    return granule;
  }

  void require_reader(const Turn& turn, int queue, SlotId slot) const {
    if ((turn.stage->slots[slot].readers & (1u << (queue - 1))) == 0) throw Fault{"not a reader"};
  }

  bool acquire(Turn& turn, int queue, const Instruction& instruction) {
    require_reader(turn, queue, instruction.slot);
    Ring& ring = this->ring(turn, instruction.slot);
    if (ring.complete - ring.released[queue - 1] < instruction.amount) return false;
    turn.rings[instruction.slot].window[queue - 1] =
        std::max<std::int64_t>(turn.rings[instruction.slot].window[queue - 1], instruction.amount);
    return true;
  }

  void release(Turn& turn, int queue, const Instruction& instruction) {
    require_reader(turn, queue, instruction.slot);
    Ring& ring = this->ring(turn, instruction.slot);
    if (turn.rings[instruction.slot].window[queue - 1] < instruction.amount)
      throw Fault{"releases what it has not acquired"};
    turn.rings[instruction.slot].window[queue - 1] -= instruction.amount;
    ring.released[queue - 1] += instruction.amount;
  }

  bool reserve(Turn& turn, const Instruction& instruction, const RankTile& ranks) {
    require_output_slot(turn, instruction);
    Ring& ring = this->ring(turn, instruction.slot);
    if (ring.open) throw Fault{"two reservations"};
    if (!has_room(turn, instruction.slot)) return false;
    append(turn, instruction.slot, {elements_.empty(layer_of(turn).output, ranks)});
    ring.at = ring.granules.size() - 1;
    ring.open = true;
    turn.sums_added = 0;
    return true;
  }

  Granule& open_granule(Turn& turn) {
    for (auto& ring : turn.rings)
      if (ring.open) return ring.granules[ring.at];
    throw Fault{"nothing reserved"};
  }

  const Part& part_of(int stage) const {
    for (const auto& part : program_.parts)
      if (part.producer_stage == stage) return part;
    throw Fault{"stage without part"};
  }

  void commit(Turn& turn, const Instruction& instruction, const RankTile& ranks) {
    Ring& ring = this->ring(turn, instruction.slot);
    if (!ring.open) throw Fault{"commits nothing"};
    const Contents& contents = ring.granules[ring.at].contents;
    if (keys(contents) != keys(elements_.empty(layer_of(turn).output, ranks)))
      throw Fault{"commits something else"};
    if (owns(turn) && turn.sums_added + 1 != static_cast<int>(sums_of(turn).members.size()))
      throw Fault{"sums of some partners are missing"};
    ring.open = false;
    ++ring.complete;
    const bool served = (turn.stage->slots[instruction.slot].readers & 4u) != 0;
    const Part& part = part_of(turn.number);
    if (served != (owns(turn) && (part.home == Home::kTiles || part.kept_until >= 0)))
      throw Fault{"wrong home"};
    if (part.home != Home::kTiles) {
      for (const auto& [element, sum] : contents)
        if (served) produced_.keep(part.tensor, element, part.kept_until);
      return;
    }
    if (served && network_output(turn)) throw Fault{"an output of the network stays in the tiles"};
    if (served && !passes(turn, instruction.slot, ring.at))
      produced_.publish(part.tensor, contents);
  }

  bool network_output(const Turn& turn) const {
    const auto tensor = layer_of(turn).output.tensor;
    return program_.network.tensors[tensor].kind == workloads::TensorKind::kOutput;
  }

  void leave(Turn& turn, const Instruction& instruction, const RankTile& ranks) {
    if (!owns(turn) || part_of(turn.number).home == Home::kTiles)
      throw Fault{"stores what it should not"};
    const Ring& ring = turn.rings[instruction.slot];
    if (passes(turn, instruction.slot, static_cast<std::size_t>(ring.released[1]))) {
      if (ring.window[1] == 0) throw Fault{"leaves without being acquired"};
      return;
    }
    produced_.publish(layer_of(turn).output.tensor, outgoing(turn, instruction, ranks).contents);
  }

  void compute(Turn& turn, const Instruction& instruction, const RankTile& ranks) {
    const Layer& layer = layer_of(turn);
    Granule& target = open_granule(turn);
    turn.computed += workloads::volume(ranks);
    if (instruction.slot >= 0 && !ring(turn, instruction.slot).open)
      throw Fault{"another slot is reserved"};
    for_each_point(ranks, [&](const Point& point) {
      for (std::size_t i = 0; i < layer.inputs.size(); ++i)
        require_input(turn, static_cast<int>(i), elements_.at(layer.inputs[i], point));
      const auto output = target.contents.find(elements_.at(layer.output, point));
      if (output == target.contents.end()) throw Fault{"output outside the reservation"};
      output->second += number_of(layer, point);
    });
  }

  void require_input(Turn& turn, int operand, std::int64_t element) {
    if (element < 0) return;
    for (SlotId slot = 0; slot < static_cast<SlotId>(turn.rings.size()); ++slot) {
      const Ring& ring = this->ring(turn, slot);
      for (std::int64_t i = 0; i < turn.rings[slot].window[0]; ++i) {
        const Granule& granule = ring.granules[ring.released[0] + i];
        if (granule.operand == operand && granule.contents.contains(element)) return;
      }
    }
    throw Fault{"input element not there"};
  }

  void add_sums(Turn& turn, const Instruction& instruction) {
    Ring& ring = this->ring(turn, instruction.slot);
    Granule& target = open_granule(turn);
    if (turn.rings[instruction.slot].window[0] == 0) throw Fault{"adds what it has not acquired"};
    const Contents& sums = ring.granules[ring.released[0]].contents;
    if (keys(sums) != keys(target.contents)) throw Fault{"adds other outputs"};
    for (const auto& [element, sum] : sums) target.contents[element] += sum;
    ++turn.sums_added;
  }

  void check_finished() {
    for (auto& tile : tiles_)
      for (auto& turn : tile.turns) {
        if (turn.computed != workloads::volume(turn.share->ranks))
          throw Fault{"computes more or less than its share"};
        for (const auto& cursor : turn.cursors)
          if (!cursor.done())
            throw Fault{detail::concatenate("tile ", turn.share->tile, " waits for ever")};
        for (std::size_t s = 0; s < turn.rings.size(); ++s)
          for (int reader = 0; reader < 2 && turn.stage->slots[s].continues < 0; ++reader)
            if ((turn.stage->slots[s].readers & (1u << reader)) != 0 &&
                turn.rings[s].released[reader] !=
                    static_cast<std::int64_t>(turn.rings[s].granules.size()))
              throw Fault{"slot does not drain"};
      }
  }

  const Program& program_;
  Random random_;
  Elements elements_;
  Produced produced_;
  std::vector<Tile> tiles_;
};

}  // namespace

std::optional<std::string> run_every_element(const Program& program, std::uint64_t seed) {
  try {
    Machine(program, seed).run();
  } catch (const Fault& fault) {
    return fault.text;
  }
  return std::nullopt;
}

}  // namespace tessera::test
