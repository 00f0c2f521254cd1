// The load queue: room for granules, readiness of groups, requests, and the data that comes back.
#include <algorithm>

#include "hw_models/tile/tile.h"
#include "sim/base/error.h"

namespace tessera::hw {

using mapping::Home;
using mapping::Op;
using mapping::Part;
using workloads::Region;

bool Tile::step_load(Cycle now) {
  if (!may_step(load_, &mapping::Code::load, now)) return false;
  if (change_stage(load_, &StageRun::load_done)) return true;
  StageRun& run = stage_run(load_.turn);
  const auto& instruction = load_.cursor.instruction();
  if (!begin_load(now, run, instruction)) return false;
  note_occupancy();
  if (observer_ != nullptr) tell_receive_began(now, run, instruction);
  load_.free_at = now + static_cast<Cycle>(context_.accelerator.tile.issue_cycles);
  load_.cursor.next();
  return true;
}

bool Tile::begin_load(Cycle now, StageRun& run, const mapping::Instruction& instruction) {
  switch (instruction.op) {
    case Op::kReceive:
      return start_receive(now, run, instruction);
    case Op::kRestore:
      return start_restore(now, run, instruction);
    default:
      return start_receive_sums(now, run, instruction);
  }
}

bool Tile::start_receive(Cycle now, StageRun& run, const mapping::Instruction& instruction) {
  auto& ring = run.ring(instruction.slot);
  load_.wait = "memory of earlier stages to be given back";
  if (!claim(load_.turn, instruction.slot)) return false;
  load_.wait = "room for a granule of its inputs";
  if (!ring.has_room()) return false;
  load_.wait = "earlier receives";
  Region region = region_of(run.layer().inputs[instruction.operand], load_.cursor.ranks());
  RetainedWindow* window = run.window(instruction.slot);
  if ((window != nullptr || !region.empty()) &&
      outstanding_receives_ >= context_.accelerator.tile.interface.outstanding_receives)
    return false;
  std::vector<Region> wanted = {region};
  if (window != nullptr) {
    // Where nothing is computed nothing is needed, and the window is left as it is.
    if (workloads::volume(load_.cursor.ranks()) == 0)
      for (auto& range : region.dimensions) range.count = 0;
    wanted = window->advance(region);
  } else if (context_.ideal(Ideal::kToolwords) && context_.tool == nullptr &&
             !run.stage().slots[instruction.slot].rotating &&
             !context_.index.is_streamed_in_part(run.layer().inputs[instruction.operand].tensor)) {
    wanted = tool_boxes(run, instruction, std::move(wanted.front()));
  }
  Bytes bytes = 0;
  for (const auto& box : wanted)
    bytes += static_cast<Bytes>(box.elements()) * static_cast<Bytes>(context_.program.word_bytes);

  Granule& granule = ring.append(std::move(region));
  granule.wanted = std::move(wanted);
  const bool hidden =
      context_.tool != nullptr ? from_dram(run, instruction.operand) : granule.sequence == 0;
  granule.free = context_.ideal(Ideal::kOverlap) && hidden;
  granule.times.allocated = now;
  granule.expected_bytes = bytes;
  ReceiveState& state = run.receive(instruction.operand);
  ++state.begun;
  if (context_.tool != nullptr)
    state.pieces = load_.cursor.trips(
        ToolMachine::ranks_of(run.layer(), run.layer().inputs[instruction.operand]));
  if (context_.functional) granule.values = std::make_unique<RegionValues>(granule.region);
  if (bytes == 0) {
    granule.complete_at = now;
    ++state.arrived;
    if (context_.tool != nullptr && state.root())
      count_fetch(run, instruction.operand, granule.sequence, 0);
    return true;
  }
  ++outstanding_receives_;
  if (taken_over(run, instruction.slot, granule.sequence))
    take_over(now, run, instruction.slot, instruction.operand, granule);
  else
    note_ready(now, run, instruction.operand, granule.sequence);
  return true;
}

/// Not all of what the operand reads is held by tiles.
bool Tile::from_dram(const StageRun& run, int operand) const {
  const auto region = region_of(run.layer().inputs[operand], run.share().ranks);
  return std::ranges::any_of(context_.index.parts_of(run.layer().inputs[operand].tensor),
                             [&](int part) {
                               const auto& held = context_.program.parts[part];
                               return held.home_for(run.number()) != Home::kTiles &&
                                      !intersect(region, held.region).empty();
                             });
}

/// A piece of a shared operand that the tile at the next place had before.
bool Tile::taken_over(StageRun& run, mapping::SlotId slot, std::int64_t sequence) {
  if (!run.stage().slots[slot].rotating) return false;
  settle_rotation(run, slot);
  return run.takes_over(slot, sequence);
}

void Tile::take_over(Cycle now, const StageRun& run, mapping::SlotId slot, int operand,
                     Granule& granule) {
  granule.times.requested = now;
  auto order = std::make_shared<Order>();
  order->granule = {run.number(), slot, granule.sequence};
  order->operand = operand;
  order->region = granule.region;
  order->bytes = granule.expected_bytes;
  order->destinations = {static_cast<NodeId>(id_)};
  order->requested = now;
  Message request{.kind = MessageKind::kReadRequest};
  request.order = std::move(order);
  interface_.send_control(now, std::move(request), static_cast<NodeId>(run.share().rotation.next));
}

/// What the tool says has to be fetched: an operand that no store keeps once for every step that
/// uses it, others as windows that slide.
std::vector<Region> Tile::tool_boxes(StageRun& run, const mapping::Instruction& instruction,
                                     Region region) {
  region = mapping::bounding_box(std::move(region));
  if (context_.whole_blocks) return {region};
  const auto& stage = run.stage();
  const bool kept = instruction.operand > 1 || !stage.slots[instruction.slot].staging ||
                    !stage.array.streamed[instruction.operand];
  if (kept) return {run.receive(instruction.operand).window.advance(region)};
  const auto& work = context_.compute.work_of(run.number(), load_.cursor.ranks(), false);
  const auto& operand = run.layer().inputs[instruction.operand];
  std::int64_t uses = 1;
  for (std::size_t i = 0; i < work.loops.size(); ++i)
    if (!workloads::Layer::indexes(operand, stage.array.loops[i].rank)) uses *= work.loops[i].count;
  return std::vector<Region>(static_cast<std::size_t>(uses), region);
}

bool Tile::start_receive_sums(Cycle now, StageRun& run, const mapping::Instruction& instruction) {
  auto& ring = run.ring(instruction.slot);
  load_.wait = "memory of earlier stages to be given back";
  if (!claim(load_.turn, instruction.slot)) return false;
  load_.wait = "room for a partner's sums";
  if (!ring.has_room()) return false;
  Granule& granule = ring.append(region_of(run.layer().output, load_.cursor.ranks()));
  granule.times.allocated = granule.times.requested = now;
  granule.expected_bytes = static_cast<Bytes>(granule.region.elements()) *
                           static_cast<Bytes>(context_.program.word_bytes);
  if (granule.expected_bytes == 0) granule.complete_at = now;
  const auto& members = run.sums_group().members;
  Message grant{.kind = MessageKind::kSumsGrant};
  grant.granule = {run.number(), instruction.slot, granule.sequence};
  if (run.stage().sums_in_network) {
    const std::vector<NodeId> partners(members.begin() + 1, members.end());
    interface_.send_control(now, std::move(grant), partners);
    return true;
  }
  const auto partner = members[static_cast<std::size_t>(1 + granule.sequence % run.partners())];
  interface_.send_control(now, std::move(grant), static_cast<NodeId>(partner));
  return true;
}

/// Room for outputs, with what an earlier visit left in DRAM or the next tile has added to.
bool Tile::start_restore(Cycle now, StageRun& run, const mapping::Instruction& instruction) {
  auto& ring = run.ring(instruction.slot);
  load_.wait = "memory of earlier stages to be given back";
  if (!claim(load_.turn, instruction.slot)) return false;
  load_.wait = "room for outputs whose sums come back";
  if (!ring.has_room()) return false;
  const bool rotates = run.stage().slots[instruction.slot].rotating;
  const auto visit = load_.cursor.visit(run.layer());
  Region region = region_of(run.layer().output, load_.cursor.ranks());
  const bool first = rotates ? !run.takes_over(instruction.slot, ring.appended()) : visit.first();
  const Bytes bytes = first ? 0
                            : static_cast<Bytes>(region.elements()) *
                                  static_cast<Bytes>(context_.program.word_bytes);
  load_.wait = "earlier receives";
  if (bytes > 0 &&
      outstanding_receives_ >= context_.accelerator.tile.interface.outstanding_receives)
    return false;

  Granule& granule = ring.append(std::move(region));
  granule.times.allocated = granule.times.requested = now;
  granule.expected_bytes = bytes;
  granule.holds_sums = bytes > 0;
  if (context_.tool != nullptr && !first && !rotates) count_output(run, load_.cursor, granule);
  if (bytes == 0) {
    granule.restored_at = now;
    return true;
  }
  ++outstanding_receives_;
  if (rotates) {
    take_over(now, run, instruction.slot, kRestoredSums, granule);
    return true;
  }
  Order order;
  order.granule = {run.number(), instruction.slot, granule.sequence};
  order.operand = kRestoredSums;
  order.free = context_.tool != nullptr && context_.ideal(Ideal::kOverlap);
  order.requested = now;
  order.visit = visit.number;
  order.part = context_.index.part_of_stage(run.number());
  order.destinations = {static_cast<NodeId>(id_)};
  order_from_memory(now, order, granule.region);
  return true;
}

/// Counts this tile and its children in the group's tree; passes on upwards, or asks when it is the
/// root.
void Tile::note_ready(Cycle now, StageRun& run, int operand, std::int64_t sequence) {
  ReceiveState& state = run.receive(operand);
  if (++state.ready[sequence] <= state.children) return;
  state.ready.erase(sequence);
  if (state.root()) return request(now, run, operand, sequence);
  Message ready{.kind = MessageKind::kReady};
  ready.granule = {run.number(), state.slot, sequence};
  ready.operand = operand;
  ready.free = run.ring(state.slot).granule(sequence).free;
  interface_.send_control(now, std::move(ready), static_cast<NodeId>(state.parent()));
}

/// The root asks everyone who holds something of the granule.
void Tile::request(Cycle now, StageRun& run, int operand, std::int64_t sequence) {
  const ReceiveState& state = run.receive(operand);
  Granule& granule = run.ring(state.slot).granule(sequence);
  granule.times.requested = now;
  Order order;
  order.granule = {run.number(), state.slot, sequence};
  order.operand = operand;
  order.requested = now;
  order.free = granule.free;
  for (const auto member : state.group->members)
    order.destinations.push_back(static_cast<NodeId>(member));
  if (context_.tool != nullptr) count_fetch(run, operand, sequence, granule.expected_bytes);
  for (const auto& box : granule.wanted)
    for (const int part : context_.index.parts_of(run.layer().inputs[operand].tensor)) {
      order.part = part;
      const auto region = intersect(box, context_.program.parts[part].region);
      if (region.empty()) continue;
      if (context_.program.parts[part].home_for(run.number()) == Home::kTiles)
        order_from_tiles(now, order, region);
      else
        order_from_memory(now, order, region);
    }
}

void Tile::order_from_memory(Cycle now, const Order& order, const Region& region) {
  const auto& part = context_.program.parts[order.part];
  auto dealt = context_.runs_per_channel(part, region, order);
  for (std::size_t channel = 0; channel < dealt.size(); ++channel) {
    if (dealt[channel].empty()) continue;
    auto piece = std::make_shared<Order>(order);
    piece->region = region;
    piece->runs = std::move(dealt[channel]);
    for (const auto& run : piece->runs) piece->bytes += run.bytes;
    Message message{.kind = MessageKind::kReadRequest};
    message.free = piece->free;
    message.order = std::move(piece);
    interface_.send_control(now, std::move(message), context_.memory_node(part.home, channel));
  }
}

void Tile::order_from_tiles(Cycle now, const Order& order, const Region& region) {
  for (const auto& owner : context_.index.owners(order.part)) {
    if (!overlap(owner.region, region)) continue;
    auto common = intersect(region, owner.region);
    if (common.empty()) continue;
    auto piece = std::make_shared<Order>(order);
    piece->bytes =
        static_cast<Bytes>(common.elements()) * static_cast<Bytes>(context_.program.word_bytes);
    piece->region = std::move(common);
    Message message{.kind = MessageKind::kReadRequest};
    message.free = piece->free;
    message.order = std::move(piece);
    interface_.send_control(now, std::move(message), static_cast<NodeId>(owner.tile));
  }
}

void Tile::take_data(const Arrival& arrival) {
  const Message& message = arrival.message;
  StageRun& run = *find_stage(message.granule.stage);
  Granule& granule = run.ring(message.granule.slot).granule(message.granule.sequence);
  granule.received_bytes += message.payload_bytes;
  note_received(run, message);
  payload_received_ += message.payload_bytes;
  if (granule.received_bytes > granule.expected_bytes)
    throw InvariantViolation("tile " + std::to_string(id_), arrival.at, "stage ", run.stage().name,
                             " slot ", run.stage().slots[message.granule.slot].name, " granule ",
                             granule.sequence, " received ", granule.received_bytes, " of ",
                             granule.expected_bytes, " bytes");
  granule.times.handed_over = std::max(granule.times.handed_over, message.sent);
  granule.times.last_from = message.from;
  if (message.order != nullptr) granule.times.requested = message.order->requested;
  if (message.values != nullptr) granule.values->merge(*message.values);
  RetainedWindow* window = run.window(message.granule.slot);
  if (window != nullptr && message.values != nullptr) window->write(*message.values);
  if (message.sums != nullptr)
    granule.accumulators = std::make_unique<workloads::Accumulators>(*message.sums);
  for (const auto& term : message.added)
    merge_accumulators(run.layer(), *term, *granule.accumulators);

  const Cycle usable =
      message.free ? arrival.at + 1
                   : written(run, message.granule.slot, message.payload_bytes, arrival.at) + 1;
  if (granule.received_bytes < granule.expected_bytes) return;
  (message.operand == kRestoredSums ? granule.restored_at : granule.complete_at) = usable;
  wake(usable);
  if (observer_ != nullptr) tell_receive_ended(message, granule, usable);
  if (message.operand == kPartnerSums) return;
  --outstanding_receives_;
  if (message.operand >= 0) ++run.receive(message.operand).arrived;
}

void Tile::note_received(const StageRun& run, const Message& message) {
  if (message.operand == kPartnerSums || message.operand >= kOutputOperand) return;
  const int operand = message.operand == kRestoredSums ? kOutputOperand : message.operand;
  counts_[turn_of(run.number())].words[operand].received +=
      static_cast<std::int64_t>(message.payload_bytes) / context_.program.word_bytes;
}

/// Cycle in which the last line of a packet is written whose tail has come in cycle `tail`. The
/// staging FIFO takes a line every cycle; the buffer serves the network in its slots.
Cycle Tile::written(const StageRun& run, mapping::SlotId slot, Bytes bytes, Cycle tail) {
  const auto lines =
      static_cast<std::int64_t>(ceil_div(bytes, context_.accelerator.tile.buffer.line_bytes));
  if (run.stage().slots[slot].staging) {
    if (context_.accelerator.tile.buffer.unlimited_ports) return tail + 1;
    staging_free_ = std::max(tail + 1, staging_free_) + static_cast<Cycle>(lines);
    return staging_free_ - 1;
  }
  const Cycle last = ports_.packet_written(tail, lines, port_free_);
  port_free_ = last + 1;
  counts_[turn_of(run.number())].buffer_words +=
      static_cast<std::int64_t>(bytes) / context_.program.word_bytes;
  return last;
}

/// When all granules of a stage have arrived, its roots tell the owners that they will not ask
/// again.
void Tile::close_groups(Cycle now) {
  for (std::size_t turn = first_unclosed_turn_; turn < runs_.size() && turn <= load_.turn; ++turn) {
    if (runs_[turn] == nullptr || !runs_[turn]->load_done) break;
    StageRun& run = *runs_[turn];
    bool all = true;
    for (int operand = 0; operand < run.operands(); ++operand) {
      ReceiveState& state = run.receive(operand);
      if (state.closed || !state.root()) continue;
      state.closed = state.slot < 0 || state.arrived == state.begun;
      all &= state.closed;
      if (state.closed) send_closings(now, run, operand);
    }
    if (all && turn == first_unclosed_turn_) ++first_unclosed_turn_;
  }
}

void Tile::send_closings(Cycle now, const StageRun& run, int operand) {
  const auto region =
      context_.index.group_region(run.number(), operand, run.share().input_groups[operand]);
  const auto close = [&](int part, NodeId node) {
    Message message{.kind = MessageKind::kClose};
    message.granule.stage = run.number();
    message.part = part;
    interface_.send_control(now, std::move(message), node);
  };
  for (const int part : context_.index.parts_of(run.layer().inputs[operand].tensor)) {
    const Part& stored = context_.program.parts[part];
    if (stored.home_for(run.number()) == Home::kTiles)
      for (const auto& owner : context_.index.owners(part))
        if (!intersect(owner.region, region).empty()) close(part, static_cast<NodeId>(owner.tile));
    if (stored.home != Home::kShared || intersect(stored.region, region).empty()) continue;
    for (std::size_t buffer = 0; buffer < context_.channels(Home::kShared); ++buffer)
      close(part, context_.shared_node(buffer));
  }
}

}  // namespace tessera::hw
