#include "mapping/checker/untimed_run.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "mapping/rotation.h"

namespace tessera::mapping::checker {

namespace {

int reader_index(Queue queue) { return queue == Queue::kCompute ? 0 : 1; }

/// Codes whose tiles meet in some group of an operand have the same representative.
std::vector<int> codes_that_meet(const StageView& view, std::size_t operand) {
  std::vector<int> parent(view.stage.codes.size());
  std::iota(parent.begin(), parent.end(), 0);
  const auto find = [&](int code) {
    while (parent[code] != code) code = parent[code];
    return code;
  };
  std::vector<int> first(view.stage.groups.size(), -1);
  for (const auto& share : view.stage.shares) {
    int& code = first[share.input_groups[operand]];
    if (code < 0) code = share.code;
    parent[find(share.code)] = find(code);
  }
  for (auto& code : parent) code = find(code);
  return parent;
}

}  // namespace

UntimedRun::Actor& UntimedRun::add_actor(const TileShare& share) {
  Actor& actor = actors_.emplace_back();
  const Code& code = view_.stage.codes[share.code];
  actor.tile = share.tile;
  for (const Queue queue : kQueues)
    actor.cursors[static_cast<int>(queue)] = CodeCursor(block_of(code, queue), share);
  actor.slots.resize(view_.stage.slots.size());
  for (std::size_t s = 0; s < actor.slots.size(); ++s)
    if (holds_from_before(view_.stage.slots[s]))
      actor.slots[s].appended = actor.slots[s].complete = 1;
  actor.received.assign(view_.layer.inputs.size(), 0);
  actor.arrived.assign(view_.layer.inputs.size(), false);
  actor.owner = view_.owns(share);
  return actor;
}

void UntimedRun::join_port(Actor& actor, std::size_t operand,
                           std::map<std::pair<std::size_t, int>, int>& known, int key) {
  const auto [entry, added] = known.try_emplace({operand, key}, static_cast<int>(ports_.size()));
  if (added) ports_.emplace_back();
  ++ports_[entry->second].members;
  actor.ports.push_back(entry->second);
}

UntimedRun UntimedRun::full(const StageView& view) {
  UntimedRun run(view);
  run.actors_.reserve(view.stage.shares.size());
  std::map<std::pair<std::size_t, int>, int> known;
  std::map<TileId, int> actor_of_tile;
  for (const auto& share : view.stage.shares) {
    actor_of_tile[share.tile] = static_cast<int>(run.actors_.size());
    Actor& actor = run.add_actor(share);
    for (std::size_t i = 0; i < view.layer.inputs.size(); ++i)
      run.join_port(actor, i, known, share.input_groups[i]);
  }
  std::map<GroupId, int> exchange_of;
  for (std::size_t i = 0; i < view.stage.shares.size(); ++i) {
    const GroupId group = view.stage.shares[i].sums_group;
    const auto [entry, added] =
        exchange_of.try_emplace(group, static_cast<int>(run.exchanges_.size()));
    run.actors_[i].exchange = entry->second;
    if (!added) continue;
    Exchange& exchange = run.exchanges_.emplace_back();
    const auto& members = view.stage.groups[group].members;
    for (std::size_t m = 1; m < members.size(); ++m)
      exchange.partners.push_back(actor_of_tile.at(members[m]));
    exchange.received.assign(exchange.partners.size(), 0);
  }
  return run;
}

std::optional<UntimedRun> UntimedRun::folded(const StageView& view) {
  UntimedRun run(view);
  run.actors_.reserve(view.stage.codes.size());
  std::vector<int> actor_of_code(view.stage.codes.size(), -1);
  for (std::size_t code = 0; code < view.stage.codes.size(); ++code) {
    const TileId tile = view.first_tile_of(static_cast<int>(code));
    if (tile < 0) continue;
    actor_of_code[code] = static_cast<int>(run.actors_.size());
    run.add_actor(*view.find_share(tile));
  }
  std::map<std::pair<std::size_t, int>, int> known;
  for (std::size_t i = 0; i < view.layer.inputs.size(); ++i) {
    const auto meets = codes_that_meet(view, i);
    for (std::size_t code = 0; code < meets.size(); ++code)
      if (actor_of_code[code] >= 0)
        run.join_port(run.actors_[actor_of_code[code]], i, known, meets[code]);
  }
  if (!run.fold_exchanges(actor_of_code)) return std::nullopt;
  return run;
}

/// One exchange per code of owners, if all its groups have the same codes in the same places.
bool UntimedRun::fold_exchanges(const std::vector<int>& actor_of_code) {
  std::map<int, int> exchange_of_owner;  // by actor
  std::set<GroupId> seen;
  for (const auto& share : view_.stage.shares) {
    if (!seen.insert(share.sums_group).second) continue;
    const auto& members = view_.sums_of(share).members;
    std::vector<int> actors;
    for (const TileId tile : members) actors.push_back(actor_of_code[view_.find_share(tile)->code]);
    const int owner = actors.front();
    actors.erase(actors.begin());
    const auto [entry, added] =
        exchange_of_owner.try_emplace(owner, static_cast<int>(exchanges_.size()));
    if (added) {
      exchanges_.push_back({actors, std::vector<std::int64_t>(actors.size(), 0), 0});
    } else if (exchanges_[entry->second].partners != actors) {
      return false;
    }
    actors.push_back(owner);
    for (const int actor : actors) {
      if (actors_[actor].owner != (actor == owner)) return false;
      if (actors_[actor].exchange >= 0 && actors_[actor].exchange != entry->second) return false;
      actors_[actor].exchange = entry->second;
    }
  }
  return true;
}

std::optional<std::string> UntimedRun::run() {
  for (bool moved = true; moved;) {
    moved = false;
    for (auto& actor : actors_)
      for (const Queue queue : kQueues)
        while (step(actor, queue)) moved = true;
  }
  if (auto waiting = stall()) return waiting;
  check_drained();
  return std::nullopt;
}

bool UntimedRun::step(Actor& actor, Queue queue) {
  CodeCursor& cursor = actor.cursors[static_cast<int>(queue)];
  if (cursor.done() || !execute(actor, queue, cursor.instruction())) return false;
  cursor.next();
  ++actor.executed[static_cast<int>(queue)];
  return true;
}

/// False when the instruction has to wait.
bool UntimedRun::execute(Actor& actor, Queue queue, const Instruction& instruction) {
  if (instruction.op == Op::kArray || instruction.op == Op::kVector) {
    check_compute(actor, instruction);
    return true;
  }
  SlotState& slot = actor.slots[instruction.slot];
  const Slot& ring = view_.stage.slots[instruction.slot];
  switch (instruction.op) {
    case Op::kReceive:
      return receive(actor, instruction);
    case Op::kReceiveSums:
      return receive_sums(actor, slot, ring, instruction);
    case Op::kAcquire:
      return acquire(actor, queue, instruction);
    case Op::kRelease:
      release(actor, queue, instruction);
      return true;
    case Op::kReserve:
      if (slot.open) refuse(actor, queue, "the granule reserved before is not committed");
      if (!has_room(slot, ring)) return false;
      ++slot.appended;
      slot.open = true;
      return true;
    case Op::kRestore:
      if (!has_room(slot, ring)) return false;
      restore(actor, slot);
      return true;
    case Op::kReopen:
      if (slot.open) refuse(actor, queue, "the granule reserved before is not committed");
      if (ring.rotating) return reopen_shared(slot);
      if (slot.needs_stored.empty() || slot.stored < slot.needs_stored.front()) return false;
      slot.needs_stored.pop_front();
      slot.open = true;
      return true;
    case Op::kCommit:
      if (!slot.open) refuse(actor, queue, "no granule is reserved");
      ++slot.complete;
      slot.open = false;
      return true;
    case Op::kAddSums:
      check_compute(actor, instruction);
      [[fallthrough]];
    case Op::kStore:
      if (slot.window[reader_index(queue)] == 0) refuse(actor, queue, "no granule is acquired");
      slot.stored += instruction.op == Op::kStore ? 1 : 0;
      return true;
    case Op::kSendSums:
      if (slot.window[reader_index(queue)] == 0) refuse(actor, queue, "no granule is acquired");
      return send_sums(actor, instruction);
    default:
      return true;
  }
}

/// A multicast: complete on every member at once, when all stand at it with room.
bool UntimedRun::receive(Actor& actor, const Instruction& instruction) {
  SlotState& slot = actor.slots[instruction.slot];
  if (!has_room(slot, view_.stage.slots[instruction.slot])) return false;
  const int operand = instruction.operand;
  Port& port = ports_[actor.ports[operand]];
  if (!actor.arrived[operand]) {
    actor.arrived[operand] = true;
    if (++port.arrived == port.members) {
      ++port.completed;
      port.arrived = 0;
    }
  }
  if (port.completed <= actor.received[operand]) return false;
  actor.arrived[operand] = false;
  ++actor.received[operand];
  ++slot.appended;
  ++slot.complete;
  return true;
}

bool UntimedRun::receive_sums(Actor& actor, SlotState& slot, const Slot& ring, const Instruction&) {
  Exchange& exchange = exchanges_[actor.exchange];
  if (!actor.owner || exchange.partners.empty())
    refuse(actor, Queue::kLoad, "the tile is not the owner of a group that adds partial sums");
  if (view_.stage.sums_in_network) return receive_all_sums(exchange, slot, ring);
  const auto partners = static_cast<std::int64_t>(exchange.partners.size());
  const std::int64_t granule = exchange.taken / partners;
  const auto place = static_cast<std::size_t>(exchange.taken % partners);
  if (!has_room(slot, ring) || actors_[exchange.partners[place]].offered <= granule) return false;
  ++exchange.taken;
  exchange.received[place] = granule + 1;
  ++slot.appended;
  ++slot.complete;
  return true;
}

/// One granule with the sums of all partners.
bool UntimedRun::receive_all_sums(Exchange& exchange, SlotState& slot, const Slot& ring) {
  if (!has_room(slot, ring) || absent_partner(exchange) < exchange.partners.size()) return false;
  ++exchange.taken;
  for (auto& received : exchange.received) received = exchange.taken;
  ++slot.appended;
  ++slot.complete;
  return true;
}

/// The first partner that does not offer the granule to be taken next, or one past the last.
std::size_t UntimedRun::absent_partner(const Exchange& exchange) const {
  std::size_t place = 0;
  while (place < exchange.partners.size() &&
         actors_[exchange.partners[place]].offered > exchange.taken)
    ++place;
  return place;
}

/// The granule leaves only when the owner has granted it room, so the store queue waits for that.
bool UntimedRun::send_sums(Actor& actor, const Instruction&) {
  if (actor.owner)
    refuse(actor, Queue::kStore, "the tile owns its outputs and has nobody to send sums to");
  actor.offered = actor.sent + 1;
  const Exchange& exchange = exchanges_[actor.exchange];
  const int self = static_cast<int>(&actor - actors_.data());
  for (std::size_t i = 0; i < exchange.partners.size(); ++i)
    if (exchange.partners[i] == self && exchange.received[i] <= actor.sent) return false;
  ++actor.sent;
  return true;
}

/// The sums come back when the granule of the visit before has been stored.
void UntimedRun::restore(Actor& actor, SlotState& slot) const {
  std::vector<std::int64_t> outputs;
  const auto& ranks = actor.cursors[static_cast<int>(Queue::kLoad)].ranks();
  for (std::size_t r = 0; r < ranks.size(); ++r)
    if (!view_.layer.ranks[r].reduced) outputs.push_back(ranks[r].begin);
  auto [last, first_visit] = slot.visited.try_emplace(std::move(outputs), slot.appended);
  slot.needs_stored.push_back(first_visit ? 0 : last->second + 1);
  last->second = slot.appended++;
}

bool UntimedRun::acquire(Actor& actor, Queue queue, const Instruction& instruction) {
  SlotState& slot = actor.slots[instruction.slot];
  const int reader = reader_index(queue);
  if (slot.complete - slot.released[reader] < instruction.amount) return false;
  slot.window[reader] = std::max(slot.window[reader], instruction.amount);
  return true;
}

void UntimedRun::release(Actor& actor, Queue queue, const Instruction& instruction) {
  SlotState& slot = actor.slots[instruction.slot];
  const int reader = reader_index(queue);
  if (instruction.amount > slot.window[reader])
    refuse(actor, queue, "only ", slot.window[reader], " granules are acquired");
  slot.window[reader] -= instruction.amount;
  slot.released[reader] += instruction.amount;
}

void UntimedRun::check_compute(const Actor& actor, const Instruction& instruction) const {
  int open = 0;
  SlotId where = -1;
  for (std::size_t s = 0; s < actor.slots.size(); ++s) {
    if (!actor.slots[s].open) continue;
    ++open;
    where = static_cast<SlotId>(s);
  }
  if (open != 1)
    refuse(actor, Queue::kCompute, open, " granules are reserved for the output; allowed: 1");
  if (instruction.op != Op::kAddSums && instruction.slot >= 0 && instruction.slot != where)
    refuse(actor, Queue::kCompute, "the reserved granule is in ", view_.stage.slots[where].name);
}

std::int64_t UntimedRun::held(const SlotState& slot, const Slot& ring) const {
  if (ring.rotating && &ring == &view_.stage.slots[view_.stage.output_slot])
    return held_sums(slot, ring);
  if ((ring.readers & bit(SlotReader::kServer)) != 0) return slot.appended;
  std::int64_t released = slot.appended;
  for (const Queue queue : {Queue::kCompute, Queue::kStore})
    if ((ring.readers & bit(reader_of(queue))) != 0)
      released = std::min(released, slot.released[reader_index(queue)]);
  return slot.appended - released;
}

/// Shared partial sums pass on as soon as they are committed (rotation_check.h); complete outputs
/// stay, or are released by the store queue.
std::int64_t UntimedRun::held_sums(const SlotState& slot, const Slot& ring) const {
  const bool stays = (ring.readers & bit(SlotReader::kServer)) != 0;
  if (!stays) return slot.appended - slot.released[reader_index(Queue::kStore)];
  const std::int64_t part = largest_part(ring, view_.stage.shares.front().rotation.places);
  const std::int64_t kept = slot.complete / ring.fill * part +
                            std::max<std::int64_t>(0, slot.complete % ring.fill - ring.fill + part);
  return slot.appended - slot.complete + kept;
}

/// What comes from the next tile comes in lockstep.
bool UntimedRun::reopen_shared(SlotState& slot) const {
  if (slot.complete == slot.appended) return false;
  slot.open = true;
  return true;
}

template <typename... Parts>
void UntimedRun::refuse(const Actor& actor, Queue queue, const Parts&... parts) const {
  const int q = static_cast<int>(queue);
  view_.refuse_tile(actor.tile, name_of(queue), " queue: instruction ", actor.executed[q] + 1, " (",
                    to_text(actor.cursors[q].instruction(), view_.stage), "): ", parts...);
}

/// Members that a receive waits for, by the tile that stands for each.
std::string UntimedRun::absent_members(const Actor& actor, int operand) const {
  std::string tiles;
  for (const auto& other : actors_) {
    if (other.ports[operand] != actor.ports[operand] || other.arrived[operand]) continue;
    tiles += detail::concatenate(tiles.empty() ? "" : ", ", other.tile);
  }
  return tiles;
}

std::string UntimedRun::reason(const Actor& actor, Queue queue,
                               const Instruction& instruction) const {
  const SlotState& slot = actor.slots[instruction.slot];
  const Slot& ring = view_.stage.slots[instruction.slot];
  if (instruction.op == Op::kAcquire)
    return detail::concatenate("a complete granule of ", ring.name, ", which has ",
                               slot.complete - slot.released[reader_index(queue)], " of ",
                               instruction.amount);
  if (instruction.op == Op::kReopen)
    return "the outputs' last visit to be stored, to be restored from";
  if (instruction.op == Op::kSendSums)
    return detail::concatenate("tile ",
                               view_.sums_of(*view_.find_share(actor.tile)).members.front(),
                               " to receive the sums");
  if (!has_room(slot, ring))
    return detail::concatenate("room in ", ring.name, ", where all ", ring.granules,
                               " granules are held");
  if (instruction.op == Op::kReceive)
    return detail::concatenate("tiles ", absent_members(actor, instruction.operand),
                               " of its group to receive the same granule");
  const Exchange& exchange = exchanges_[actor.exchange];
  const std::size_t place = view_.stage.sums_in_network ? absent_partner(exchange)
                                                        : static_cast<std::size_t>(exchange.taken) %
                                                              exchange.partners.size();
  return detail::concatenate("tile ", actors_[exchange.partners[place]].tile, " to send its sums");
}

std::string UntimedRun::waits_for(const Actor& actor, Queue queue) const {
  const int q = static_cast<int>(queue);
  const Instruction& instruction = actor.cursors[q].instruction();
  return detail::concatenate("tile ", actor.tile, " ", name_of(queue), " queue: instruction ",
                             actor.executed[q] + 1, " (", to_text(instruction, view_.stage),
                             ") waits for ", reason(actor, queue, instruction));
}

std::optional<std::string> UntimedRun::stall() const {
  constexpr int kMostNamed = 6;
  std::string text;
  int waiting = 0;
  for (const auto& actor : actors_)
    for (const Queue queue : kQueues) {
      if (actor.cursors[static_cast<int>(queue)].done() || ++waiting > kMostNamed) continue;
      text += (text.empty() ? "" : "; ") + waits_for(actor, queue);
    }
  if (waiting == 0) return std::nullopt;
  if (waiting > kMostNamed)
    text += detail::concatenate("; and ", waiting - kMostNamed, " more queues");
  return text;
}

void UntimedRun::check_drained() const {
  for (const auto& actor : actors_)
    for (std::size_t s = 0; s < actor.slots.size(); ++s) {
      const SlotState& slot = actor.slots[s];
      const Slot& ring = view_.stage.slots[s];
      if (slot.open)
        view_.refuse_tile(actor.tile, "slot ", ring.name,
                          ": the last granule reserved is never committed");
      for (const Queue queue : {Queue::kCompute, Queue::kStore}) {
        const std::int64_t released =
            slot.released[reader_index(queue)] + (holds_for_later(ring) ? 1 : 0);
        if ((ring.readers & bit(reader_of(queue))) != 0 && released != slot.appended)
          view_.refuse_tile(actor.tile, "slot ", ring.name, " does not drain: ", slot.appended,
                            " granules are appended and the ", name_of(queue), " queue releases ",
                            released);
      }
    }
}

}  // namespace tessera::mapping::checker
