#include "tests/mapping/element_oracle.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <set>

#include "mapping/code_cursor.h"
#include "mapping/rotation.h"
#include "sim/base/error.h"
#include "sim/base/random.h"

namespace tessera::test {

namespace {

using namespace mapping;
using workloads::Layer;
using workloads::Operand;
using workloads::RankTile;
using workloads::Region;

struct Fault {
  std::string text;
};

/// Sum of the numbers of all terms that went into an element; for inputs merely present.
using Contents = std::map<std::int64_t, std::uint64_t>;

struct Granule {
  Contents contents;
  int operand = -1;
  bool left = false;
  bool passed = false;  ///< to the tile that shares it
};

struct Ring {
  std::deque<Granule> granules;  ///< all that were ever appended; rings of tests are short-lived
  std::int64_t complete = 0;
  std::int64_t released[2] = {};
  std::int64_t window[2] = {};
  bool open = false;
  std::size_t reopened = 0;  ///< restored granules that were opened
  std::size_t at = 0;        ///< the open one
};

struct Turn {
  const Stage* stage = nullptr;
  int number = 0;
  const TileShare* share = nullptr;
  CodeCursor cursors[3];
  std::vector<Ring> rings;
  std::int64_t sums_taken = 0;
  std::int64_t sums_sent = 0;
  int sums_added = 0;
  std::int64_t computed = 0;
};

struct Tile {
  std::vector<Turn> turns;
  std::size_t at[3] = {};  ///< each queue's turn
};

/// Numbers the points of a layer so that sums of them tell which were added and how often.
std::uint64_t number_of(std::int64_t point) {
  auto mixed = static_cast<std::uint64_t>(point) + 0x9e3779b97f4a7c15u;
  mixed = (mixed ^ (mixed >> 31)) * 0xbf58476d1ce4e5b9u;
  return mixed ^ (mixed >> 29);
}

void for_each_point(const RankTile& tile,
                    const std::function<void(const std::vector<std::int64_t>&)>& visit) {
  if (workloads::volume(tile) == 0) return;
  std::vector<std::int64_t> point;
  for (const auto& range : tile) point.push_back(range.begin);
  for (;;) {
    visit(point);
    std::size_t r = point.size();
    while (r > 0 && ++point[r - 1] == tile[r - 1].end) {
      point[r - 1] = tile[r - 1].begin;
      --r;
    }
    if (r == 0) return;
  }
}

class Machine {
 public:
  Machine(const Program& program, std::uint64_t seed) : program_(program), random_(seed) {
    written_.resize(program.network.tensors.size());
    for (const auto& part : program.parts)
      if (part.producer_stage < 0)
        for (const auto element : elements_of(part.tensor, part.region))
          written_[part.tensor][element] = 0;
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
    check_outputs();
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
    tiles_[share.tile].turns.push_back(std::move(turn));
  }

  Turn* turn_of(TileId tile, int stage) {
    for (auto& turn : tiles_[tile].turns)
      if (turn.number == stage) return &turn;
    return nullptr;
  }

  std::vector<std::int64_t> elements_of(workloads::TensorId tensor, const Region& region) const {
    std::vector<std::int64_t> elements = {0};
    const auto& extents = program_.network.tensors[tensor].extents;
    for (std::size_t d = 0; d < extents.size(); ++d) {
      std::vector<std::int64_t> longer;
      for (const auto element : elements)
        for (std::int64_t i = 0; i < region.dimensions[d].count; ++i)
          longer.push_back(element * extents[d] + region.dimensions[d].begin +
                           i * region.dimensions[d].step);
      elements = std::move(longer);
    }
    return elements;
  }

  Contents empty_contents(const Operand& operand, const RankTile& ranks) const {
    Contents contents;
    for (const auto element : elements_of(operand.tensor, region_of(operand, ranks)))
      contents[element] = 0;
    return contents;
  }

  /// Stored element that an operand touches at a point; -1 for padding.
  std::int64_t element_at(const Operand& operand, const std::vector<std::int64_t>& point) const {
    std::int64_t element = 0;
    const auto& extents = program_.network.tensors[operand.tensor].extents;
    for (std::size_t d = 0; d < extents.size(); ++d) {
      const auto& access = operand.dimensions[d];
      std::int64_t index = access.offset;
      for (const auto& term : access.terms) index += term.coefficient * point[term.rank];
      if (index < access.valid_begin || index >= access.valid_end) return -1;
      element = element * extents[d] + index;
    }
    return element;
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

  bool has_room(const Turn& turn, SlotId slot) const {
    const Slot& description = turn.stage->slots[slot];
    const Ring& ring = turn.rings[slot];
    if (description.rotating) return held_of_shared(turn, slot) < description.granules;
    auto held = static_cast<std::int64_t>(ring.granules.size());
    std::int64_t gone = held;
    for (int reader = 0; reader < 2; ++reader)
      if ((description.readers & (1u << reader)) != 0) gone = std::min(gone, ring.released[reader]);
    if ((description.readers & 4u) != 0) gone = 0;
    return held - gone < description.granules;
  }

  /// Passed on, and released by the store queue where it reads; complete outputs that are served
  /// stay.
  static std::int64_t held_of_shared(const Turn& turn, SlotId slot) {
    const Ring& ring = turn.rings[slot];
    const bool stored = (turn.stage->slots[slot].readers & 2u) != 0;
    std::int64_t held = 0;
    for (std::size_t i = 0; i < ring.granules.size(); ++i) {
      const bool goes_on = passes(turn, slot, i);
      const bool released = static_cast<std::int64_t>(i) < ring.released[1];
      const bool gone = (!goes_on || ring.granules[i].passed) && (stored ? released : goes_on);
      held += gone ? 0 : 1;
    }
    return held;
  }

  static bool passes(const Turn& turn, SlotId slot, std::size_t number) {
    return is_passed_on(turn.stage->slots[slot], turn.share->rotation,
                        static_cast<std::int64_t>(number));
  }

  /// The next piece of shared partial sums, empty or from the next tile, which has added to it.
  bool take_over(Turn& turn, const Instruction& instruction, const RankTile& ranks) {
    const Slot& slot = turn.stage->slots[instruction.slot];
    if (!slot.rotating) throw Fault{"sums from DRAM are not followed"};
    if (instruction.slot != turn.stage->output_slot) throw Fault{"restores something else"};
    if (slot.round % slot.turns != 0 || slot.fill % slot.round != 0) throw Fault{"uneven rounds"};
    if (!has_room(turn, instruction.slot)) return false;
    Contents contents = empty_contents(layer_of(turn).output, ranks);
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
    if (keys(ring.granules[ring.at].contents) != keys(empty_contents(layer_of(turn).output, ranks)))
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
    turn.rings[slot].granules.push_back(std::move(granule));
  }

  /// Moves a granule to all members of the group when all stand at the same receive with room.
  bool receive(Turn& turn, const Instruction& instruction, const RankTile& ranks) {
    const auto& operand = layer_of(turn).inputs[instruction.operand];
    const GroupId group = turn.share->input_groups[instruction.operand];
    const Contents wanted = empty_contents(operand, ranks);
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
          empty_contents(operand, cursor.ranks()) != wanted ||
          other->rings[instruction.slot].granules.size() !=
              turn.rings[instruction.slot].granules.size())
        throw Fault{"members receive different granules"};
    }
    for (const auto& [element, sum] : wanted)
      if (!written_[operand.tensor].contains(element)) return false;
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
    ++turn.rings[instruction.slot].complete;
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
    const auto expected = empty_contents(layer_of(turn).output, ranks);
    if (keys(granule.contents) != keys(expected)) throw Fault{"sums of other outputs"};
    append(turn, instruction.slot, std::move(granule));
    ++turn.rings[instruction.slot].complete;
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
    const auto expected = empty_contents(layer_of(turn).output, ranks);
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
    ++turn.rings[instruction.slot].complete;
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
    Ring& ring = turn.rings[instruction.slot];
    if (ring.window[1] == 0) throw Fault{"leaves without being acquired"};
    Granule& granule = ring.granules[ring.released[1]];
    if (granule.left) throw Fault{"leaves twice"};
    granule.left = true;
    if (keys(granule.contents) != keys(empty_contents(layer_of(turn).output, ranks)))
      throw Fault{"leaves as something else"};
    return granule;
  }

  static std::set<std::int64_t> keys(const Contents& contents) {
    std::set<std::int64_t> result;
    for (const auto& entry : contents) result.insert(entry.first);
    return result;
  }

  void require_reader(const Turn& turn, int queue, SlotId slot) const {
    if ((turn.stage->slots[slot].readers & (1u << (queue - 1))) == 0) throw Fault{"not a reader"};
  }

  bool acquire(Turn& turn, int queue, const Instruction& instruction) {
    require_reader(turn, queue, instruction.slot);
    Ring& ring = turn.rings[instruction.slot];
    if (ring.complete - ring.released[queue - 1] < instruction.amount) return false;
    ring.window[queue - 1] = std::max<std::int64_t>(ring.window[queue - 1], instruction.amount);
    return true;
  }

  void release(Turn& turn, int queue, const Instruction& instruction) {
    require_reader(turn, queue, instruction.slot);
    Ring& ring = turn.rings[instruction.slot];
    if (ring.window[queue - 1] < instruction.amount)
      throw Fault{"releases what it has not acquired"};
    ring.window[queue - 1] -= instruction.amount;
    ring.released[queue - 1] += instruction.amount;
  }

  bool reserve(Turn& turn, const Instruction& instruction, const RankTile& ranks) {
    require_output_slot(turn, instruction);
    Ring& ring = turn.rings[instruction.slot];
    if (ring.open) throw Fault{"two reservations"};
    if (!has_room(turn, instruction.slot)) return false;
    append(turn, instruction.slot, {empty_contents(layer_of(turn).output, ranks)});
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
    Ring& ring = turn.rings[instruction.slot];
    if (!ring.open) throw Fault{"commits nothing"};
    const Contents& contents = ring.granules[ring.at].contents;
    if (keys(contents) != keys(empty_contents(layer_of(turn).output, ranks)))
      throw Fault{"commits something else"};
    if (owns(turn) && turn.sums_added + 1 != static_cast<int>(sums_of(turn).members.size()))
      throw Fault{"sums of some partners are missing"};
    ring.open = false;
    ++ring.complete;
    const bool served = (turn.stage->slots[instruction.slot].readers & 4u) != 0;
    if (served != (owns(turn) && part_of(turn.number).home == Home::kTiles))
      throw Fault{"wrong home"};
    if (served && network_output(turn)) throw Fault{"an output of the network stays in the tiles"};
    if (served && !passes(turn, instruction.slot, ring.at)) publish(turn, contents);
  }

  bool network_output(const Turn& turn) const {
    const auto tensor = layer_of(turn).output.tensor;
    return program_.network.tensors[tensor].kind == workloads::TensorKind::kOutput;
  }

  void publish(Turn& turn, const Contents& contents) {
    for (const auto& [element, sum] : contents)
      if (!written_[layer_of(turn).output.tensor].try_emplace(element, sum).second)
        throw Fault{"element produced twice"};
  }

  void leave(Turn& turn, const Instruction& instruction, const RankTile& ranks) {
    if (!owns(turn) || part_of(turn.number).home == Home::kTiles)
      throw Fault{"stores what it should not"};
    const Ring& ring = turn.rings[instruction.slot];
    if (passes(turn, instruction.slot, static_cast<std::size_t>(ring.released[1]))) {
      if (ring.window[1] == 0) throw Fault{"leaves without being acquired"};
      return;
    }
    publish(turn, outgoing(turn, instruction, ranks).contents);
  }

  void compute(Turn& turn, const Instruction& instruction, const RankTile& ranks) {
    const Layer& layer = layer_of(turn);
    Granule& target = open_granule(turn);
    turn.computed += workloads::volume(ranks);
    if (instruction.slot >= 0 && !turn.rings[instruction.slot].open)
      throw Fault{"another slot is reserved"};
    for_each_point(ranks, [&](const std::vector<std::int64_t>& point) {
      for (std::size_t i = 0; i < layer.inputs.size(); ++i)
        require_input(turn, static_cast<int>(i), element_at(layer.inputs[i], point));
      const auto output = target.contents.find(element_at(layer.output, point));
      if (output == target.contents.end()) throw Fault{"output outside the reservation"};
      output->second += number_of(number_in(layer, point));
    });
  }

  static std::int64_t number_in(const Layer& layer, const std::vector<std::int64_t>& point) {
    std::int64_t number = 0;
    for (std::size_t r = 0; r < point.size(); ++r)
      number = number * layer.ranks[r].extent + point[r];
    return number;
  }

  void require_input(Turn& turn, int operand, std::int64_t element) {
    if (element < 0) return;
    for (auto& ring : turn.rings)
      for (std::int64_t i = 0; i < ring.window[0]; ++i) {
        const Granule& granule = ring.granules[ring.released[0] + i];
        if (granule.operand == operand && granule.contents.contains(element)) return;
      }
    throw Fault{"input element not there"};
  }

  void add_sums(Turn& turn, const Instruction& instruction) {
    Ring& ring = turn.rings[instruction.slot];
    Granule& target = open_granule(turn);
    if (ring.window[0] == 0) throw Fault{"adds what it has not acquired"};
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
          for (int reader = 0; reader < 2; ++reader)
            if ((turn.stage->slots[s].readers & (1u << reader)) != 0 &&
                turn.rings[s].released[reader] !=
                    static_cast<std::int64_t>(turn.rings[s].granules.size()))
              throw Fault{"slot does not drain"};
      }
  }

  void check_outputs() {
    for (const auto& layer : program_.network.layers) {
      Contents expected;
      for_each_point(layer.whole(), [&](const std::vector<std::int64_t>& point) {
        expected[element_at(layer.output, point)] += number_of(number_in(layer, point));
      });
      for (const auto& [element, sum] : expected) {
        const auto found = written_[layer.output.tensor].find(element);
        if (found == written_[layer.output.tensor].end()) throw Fault{"output missing"};
        if (found->second != sum) throw Fault{"output with other terms than its own"};
      }
    }
  }

  const Program& program_;
  Random random_;
  std::vector<Contents> written_;  ///< per tensor: what can be received
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
