#include "hw_models/tile/tile.h"

#include <algorithm>

#include "sim/base/error.h"

namespace tessera::hw {

using mapping::SlotId;

void TileCounts::add(const TileCounts& other) {
  macs += other.macs;
  vector_operations += other.vector_operations;
  buffer_words += other.buffer_words;
  array_words += other.array_words;
  register_words += other.register_words;
  for (int x = 0; x < kOperands; ++x) words[x].add(other.words[x]);
  stack.add(other.stack);
  first = std::min(first, other.first);
  last = std::max(last, other.last);
}

Tile::Tile(mapping::TileId id, const TileContext& context, PacketPort& port)
    : id_(id),
      context_(context),
      ports_(context.accelerator.tile.buffer),
      interface_(static_cast<NodeId>(id), context.accelerator.tile.interface.max_payload_bytes,
                 port),
      turns_(context.index.turns(id)),
      runs_(turns_.size()),
      counts_(turns_.size()) {}

StageRun& Tile::stage_run(std::size_t turn) {
  if (runs_[turn] == nullptr) {
    const auto& [stage, share] = turns_[turn];
    runs_[turn] = std::make_unique<StageRun>(context_.program, context_.index, stage,
                                             context_.program.stages[stage].shares[share]);
    const auto& slots = context_.program.stages[stage].slots;
    for (SlotId slot = 0; slot < static_cast<SlotId>(slots.size()); ++slot)
      if (slots[slot].continues >= 0)
        runs_[turn]->go_on_with(slot, *find_stage(slots[slot].continues));
  }
  return *runs_[turn];
}

std::size_t Tile::turn_of(int stage) const {
  const auto found =
      std::ranges::lower_bound(turns_, stage, {}, &mapping::ProgramIndex::Turn::stage);
  if (found == turns_.end() || found->stage != stage)
    throw InvariantViolation("tile " + std::to_string(id_), 0, "message for stage ", stage,
                             ", in which it has no share");
  return static_cast<std::size_t>(found - turns_.begin());
}

StageRun* Tile::find_stage(int stage) { return &stage_run(turn_of(stage)); }

/// A queue that is not at work and has a stage to work on.
bool Tile::may_step(Queue& queue, mapping::CodeBlock mapping::Code::*code, Cycle now) {
  if (queue.free_at > now) {
    wake(queue.free_at);
    return false;
  }
  return enter(queue, code);
}

/// Stages of a fusion that have a share on this tile are entered together.
bool Tile::enter(Queue& queue, mapping::CodeBlock mapping::Code::*code) {
  if (queue.turn == turns_.size()) return false;
  if (queue.entered) return true;
  queue.begin = queue.end = queue.turn;
  queue.parked.clear();
  const auto fusion = [&](std::size_t turn) {
    return context_.program.stages[turns_[turn].stage].fusion;
  };
  do {
    StageRun& run = stage_run(queue.end++);
    queue.parked.emplace_back(run.code().*code, run.share());
  } while (queue.end < turns_.size() && fusion(queue.begin) >= 0 &&
           fusion(queue.end) == fusion(queue.begin));
  queue.cursor = std::move(queue.parked.front());
  queue.entered = true;
  return true;
}

/// At the end of its code, and where the code lets others take their turn, the queue goes on with
/// another stage. False where neither is the case.
bool Tile::change_stage(Queue& queue, bool StageRun::*done) {
  if (queue.cursor.done()) return leave(queue, done);
  if (queue.cursor.instruction().op != mapping::Op::kYield) return false;
  queue.cursor.next();
  yield(queue);
  return true;
}

/// Goes on with the next stage of the fusion that is not at its end.
void Tile::yield(Queue& queue) {
  const std::size_t members = queue.end - queue.begin;
  queue.parked[queue.turn - queue.begin] = std::move(queue.cursor);
  for (std::size_t i = 0; i < members; ++i) {
    if (++queue.turn == queue.end) queue.turn = queue.begin;
    if (!queue.parked[queue.turn - queue.begin].done()) break;
  }
  queue.cursor = std::move(queue.parked[queue.turn - queue.begin]);
}

/// The cursor is at its end: goes on with another stage of the fusion, or past all of them.
bool Tile::leave(Queue& queue, bool StageRun::*done) {
  yield(queue);
  if (!queue.cursor.done()) return true;
  for (std::size_t turn = queue.begin; turn < queue.end; ++turn) {
    StageRun& run = stage_run(turn);
    run.*done = true;
    if (context_.tool != nullptr && run.compute_done && run.store_done &&
        done != &StageRun::load_done)
      context_.tool->left(run.number(), now_);
  }
  queue.turn = queue.end;
  queue.entered = false;
  return true;
}

/// A slot may be used when everything of earlier stages that lies in the same place has been
/// closed. Fused stages fetch nothing in advance: they wait for all that earlier stages do not keep
/// for others. A stage that fetches last waits for what earlier stages have asked for.
bool Tile::claim(std::size_t turn, SlotId slot) {
  StageRun& run = stage_run(turn);
  const auto& wanted = run.stage().slots[slot];
  if (run.claimed[slot] || wanted.continues >= 0) return true;
  if (run.stage().fetches_last && outstanding_receives_ > 0 &&
      std::ranges::find(run.claimed, true) == run.claimed.end())
    return false;
  const Bytes begin = wanted.base_address;
  const Bytes end = begin + wanted.bytes();
  bool gap = false;
  for (std::size_t t = first_open_turn_; t < turn; ++t) {
    StageRun& earlier = stage_run(t);
    const bool together = run.stage().fusion < 0 || run.stage().fusion == earlier.stage().fusion;
    bool open = false;
    for (SlotId s = 0; s < static_cast<SlotId>(earlier.stage().slots.size()); ++s) {
      if (earlier.closed(s)) continue;
      open = true;
      const auto& other = earlier.stage().slots[s];
      if (other.staging != wanted.staging) continue;
      const Bytes other_end = other.base_address + other.bytes();
      const bool kept = (other.readers & static_cast<unsigned>(mapping::SlotReader::kServer)) != 0;
      if (!together && !kept) return false;
      if (other.base_address < end && begin < other_end) return false;
    }
    gap |= open;
    if (!gap) first_open_turn_ = t + 1;
  }
  run.claimed[slot] = true;
  note_reserved();
  return true;
}

void Tile::deliver(const Message& message, Cycle now) { arrivals_.push_back({now, message}); }

Cycle Tile::run(Cycle now) {
  now_ = now;
  next_wake_ = kNever;
  receive_arrivals(now);
  depart(now);
  for (bool progress = true; progress;) {
    progress = step_load(now);
    progress |= step_compute(now);
    progress |= step_store(now);
    progress |= serve(now);
    progress |= serve_streams(now);
    progress |= pass_on(now);
    occupancy_changed_ |= progress;
  }
  close_groups(now);
  if (observer_ != nullptr && occupancy_changed_) tell_occupancy(now);
  if (!departures_.empty()) wake(departures_.front().at);
  if (!arrivals_.empty()) wake(arrivals_.front().at + 1);
  if (!left_.empty()) wake(left_.front().at + 1);
  return next_wake_;
}

void Tile::receive_arrivals(Cycle now) {
  for (; !left_.empty() && left_.front().at < now; left_.pop_front())
    interface_.packet_left(left_.front().ticket);
  while (!arrivals_.empty() && arrivals_.front().at < now) {
    handle(arrivals_.front(), now);
    arrivals_.pop_front();
  }
}

void Tile::handle(const Arrival& arrival, Cycle now) {
  const Message& message = arrival.message;
  switch (message.kind) {
    case MessageKind::kReady:
      return note_ready(now, *find_stage(message.granule.stage), message.operand,
                        message.granule.sequence);
    case MessageKind::kReadRequest:
      if (message.order->part < 0)
        rotation_requests_.push_back(message.order);
      else if (is_streamed(*message.order))
        stream_requests_.push_back({message.order, 0, message.order->region.elements()});
      else
        requests_.push_back(message.order);
      return;
    case MessageKind::kData:
      return take_data(arrival);
    case MessageKind::kWriteGrant:
      return take_write_grant(arrival, now);
    case MessageKind::kSumsGrant: {
      StageRun& run = *find_stage(message.granule.stage);
      run.sums_grants[message.granule.sequence / run.sums_per_output()] = message.granule.sequence;
      return;
    }
    case MessageKind::kClose:
      ++find_stage(context_.program.parts[message.part].producer_stage)->closings;
      occupancy_changed_ = true;
      return;
    default:
      throw InvariantViolation("tile " + std::to_string(id_), now,
                               "received a message for a memory interface");
  }
}

void Tile::schedule_departure(Cycle now, Departure departure) {
  if (departure.message.free)
    departure.at = now;
  else
    departure.at = departure.staging ? now + 1 : ports_.first_flit_leaves(now);
  if (!departures_.empty()) departure.at = std::max(departure.at, departures_.back().at);
  departures_.push_back(std::move(departure));
}

void Tile::depart(Cycle now) {
  while (!departures_.empty() && departures_.front().at <= now) {
    Departure departure = std::move(departures_.front());
    departures_.pop_front();
    const auto ticket = interface_.send_payload(now, std::move(departure.message), departure.bytes,
                                                departure.destinations);
    if (!departure.staging)
      counts_[turn_of(departure.stage)].buffer_words +=
          static_cast<std::int64_t>(departure.bytes) / context_.program.word_bytes;
    if (departure.served)
      served_.push_back(
          {ticket, departure.stage, departure.sequence, departure.elements, departure.rotating});
    else
      store_work_.tickets.push_back(ticket);
  }
  std::erase_if(served_, [&](const Served& served) {
    if (interface_.leaving(served.ticket)) return false;
    --find_stage(served.stage)->reads_in_flight;
    occupancy_changed_ = true;
    if (served.rotating >= 0)
      passed_on(*find_stage(served.stage), served.rotating, served.sequence);
    else if (served.sequence >= 0)
      give_back(*find_stage(served.stage), served.sequence, served.elements);
    return true;
  });
}

bool Tile::finished() const {
  const auto end = turns_.size();
  return load_.turn == end && compute_.turn == end && store_.turn == end && departures_.empty() &&
         requests_.empty() && stream_requests_.empty() && rotation_requests_.empty() &&
         arrivals_.empty() && served_.empty() && store_work_.tickets.empty();
}

std::string Tile::describe_wait() const {
  std::string text = "tile " + std::to_string(id_);
  const auto add = [&](const char* name, const Queue& queue) {
    if (queue.turn == turns_.size()) return;
    text += detail::concatenate("; ", name, " in stage ",
                                context_.program.stages[turns_[queue.turn].stage].name,
                                " waits for ", queue.wait);
  };
  add("load queue", load_);
  add("compute queue", compute_);
  add("store queue", store_);
  if (!stream_requests_.empty())
    text += detail::concatenate("; ", stream_requests_.size(),
                                " reads wait for outputs it has not computed");
  if (!rotation_requests_.empty())
    text += detail::concatenate("; ", rotation_requests_.size(),
                                " tiles wait for pieces that they share with it");
  if (!requests_.empty())
    text += detail::concatenate("; ", requests_.size(), " reads wait for its feature maps");
  return text;
}

/// The granule of a reader's window that was complete last; nullptr while the window is not
/// complete.
const Granule* Tile::acquire(SlotRing& ring, mapping::SlotReader reader, int amount, Cycle now) {
  const Granule* last = nullptr;
  for (int i = 0; i < amount; ++i) {
    const Granule* granule = ring.front(reader, i);
    if (granule == nullptr || granule->complete_at == kNever) return nullptr;
    if (last == nullptr || granule->complete_at > last->complete_at) last = granule;
  }
  if (last->complete_at <= now) return last;
  wake(last->complete_at);
  return nullptr;
}

Bytes Tile::held_bytes() {
  Bytes bytes = 0;
  Bytes staging = 0;
  for (std::size_t t = first_open_turn_; t < runs_.size(); ++t) {
    if (runs_[t] == nullptr) continue;
    for (SlotId s = 0; s < static_cast<SlotId>(runs_[t]->stage().slots.size()); ++s) {
      if (runs_[t]->stage().slots[s].continues >= 0 || runs_[t]->closed(s)) continue;
      const auto& ring = runs_[t]->ring(s);
      const bool passing = runs_[t]->stage().slots[s].rotating && !ring.has_room();
      const bool streams = runs_[t]->stage().slots[s].staging;
      (streams ? staging : bytes) +=
          ring.granule_bytes() * static_cast<Bytes>(ring.occupied() - (passing ? 1 : 0));
      if (passing) staging += ring.granule_bytes();
    }
  }
  peak_staging_bytes_ = std::max(peak_staging_bytes_, staging);
  return bytes;
}

void Tile::note_reserved() {
  std::int64_t words = 0;
  for (std::size_t t = first_open_turn_; t < runs_.size(); ++t) {
    if (runs_[t] == nullptr) continue;
    const auto& slots = runs_[t]->stage().slots;
    for (SlotId s = 0; s < static_cast<SlotId>(slots.size()); ++s) {
      if (!runs_[t]->claimed[s] || runs_[t]->closed(s)) continue;
      std::int64_t granule =
          slots[s].extents.empty()
              ? static_cast<std::int64_t>(slots[s].granule_bytes) / context_.program.word_bytes
              : 1;
      for (const auto extent : slots[s].extents) granule *= extent;
      words += slots[s].retains ? granule : granule * slots[s].granules;
    }
  }
  peak_reserved_words_ = std::max(peak_reserved_words_, words);
}

void Tile::note_occupancy() { peak_bytes_ = std::max(peak_bytes_, held_bytes()); }

void Tile::finish(Cycle end) {
  if (observer_ != nullptr && end > accounted_)
    observer_->spent(id_, -1, Cause::kIdle, accounted_, end);
  if (end > accounted_) stack_.add(Cause::kIdle, end - accounted_);
  accounted_ = end;
}

}  // namespace tessera::hw
