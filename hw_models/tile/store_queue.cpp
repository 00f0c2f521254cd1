// The store queue: outputs on their way to DRAM, partial sums on their way to their owner.
#include <algorithm>

#include "hw_models/tile/tile.h"
#include "sim/base/error.h"

namespace tessera::hw {

using mapping::Op;
using mapping::SlotReader;

bool Tile::step_store(Cycle now) {
  if (!may_step(store_, &mapping::Code::store, now)) return false;
  if (change_stage(store_, &StageRun::store_done)) return true;
  StageRun& run = stage_run(store_.turn);
  const auto& instruction = store_.cursor.instruction();
  auto& ring = run.ring(instruction.slot);
  switch (instruction.op) {
    case Op::kAcquire: {
      store_.wait = "an output";
      if (acquire(ring, SlotReader::kStore, instruction.amount, now) == nullptr) return false;
      if (observer_ != nullptr) tell_moment(QueueKind::kStore, run, instruction, now);
      break;
    }
    case Op::kRelease:
      ring.release(SlotReader::kStore, instruction.amount);
      if (observer_ != nullptr) tell_moment(QueueKind::kStore, run, instruction, now);
      break;
    default:
      if (!leaves(run, instruction)) break;
      if (!store_work_.active) start_store(now, run, instruction);
      if (!store_finished()) return false;
      if (observer_ != nullptr) tell_store(now, run, instruction, true);
      store_work_ = {};
      counts_[store_.turn].last = std::max(counts_[store_.turn].last, now);
  }
  store_.cursor.next();
  return true;
}

/// Shared partial sums that another tile goes on with are no outputs yet.
bool Tile::leaves(StageRun& run, const mapping::Instruction& instruction) {
  const Granule& granule = *run.ring(instruction.slot).front(SlotReader::kStore);
  return !run.passes_on(instruction.slot, granule);
}

void Tile::start_store(Cycle now, StageRun& run, const mapping::Instruction& instruction) {
  store_work_.active = true;
  store_work_.sums = instruction.op == Op::kSendSums;
  store_work_.stage = run.number();
  store_work_.began = now;
  if (observer_ != nullptr) tell_store(now, run, instruction, false);
  const Granule& granule = *run.ring(instruction.slot).front(SlotReader::kStore);
  if (store_work_.sums) {
    ++run.sums_begun;
    if (context_.tool != nullptr) count_sums(run, store_.cursor, granule);
    if (region_of(run.layer().output, store_.cursor.ranks()).empty()) return;
    store_work_.expected = 1;
    store_.wait = "the owner of its sums to have room";
    return;
  }
  if (context_.tool != nullptr &&
      context_.program.parts[context_.index.part_of_stage(run.number())].home ==
          mapping::Home::kDram)
    count_output(run, store_.cursor, granule);
  if (granule.region.empty()) return;
  const auto visit = store_.cursor.visit(run.layer());
  const auto& part = context_.program.parts[context_.index.part_of_stage(run.number())];
  const bool shared = part.home == mapping::Home::kShared;
  store_.wait = shared ? "room at the shared buffers" : "room at the DRAM interfaces";
  store_work_.into = shared ? Source::kSharedBuffer : Source::kDram;
  auto dealt = context_.runs_per_channel(part, granule.region, {});
  for (std::size_t channel = 0; channel < dealt.size(); ++channel) {
    if (dealt[channel].empty()) continue;
    auto order = std::make_shared<Order>();
    order->granule = {run.number(), instruction.slot, granule.sequence};
    order->part = context_.index.part_of_stage(run.number());
    order->region = granule.region;
    order->runs = std::move(dealt[channel]);
    for (const auto& piece : order->runs) order->bytes += piece.bytes;
    order->visit = visit.number;
    order->partial = !visit.last();
    order->free = context_.ideal(Ideal::kOverlap) &&
                  (context_.tool != nullptr || granule.sequence == run.last_output);
    if (context_.functional && order->partial)
      order->sums = std::make_shared<workloads::Accumulators>(*granule.accumulators);
    else if (context_.functional)
      order->values = std::make_shared<RegionValues>(*granule.values);
    Message request{.kind = MessageKind::kWriteRequest};
    request.free = order->free;
    request.order = std::move(order);
    interface_.send_control(now, std::move(request), context_.memory_node(part.home, channel));
    ++store_work_.expected;
  }
}

void Tile::take_write_grant(const Arrival& arrival, Cycle now) {
  Message data{.kind = MessageKind::kWriteData};
  data.order = arrival.message.order;
  data.last = true;
  data.free = data.order->free;
  const Bytes bytes = data.order->bytes;
  const int stage = data.order->granule.stage;
  const bool staging = context_.program.stages[stage].slots[data.order->granule.slot].staging;
  schedule_departure(now, {.at = 0,
                           .message = std::move(data),
                           .bytes = bytes,
                           .destinations = {arrival.message.source},
                           .served = false,
                           .stage = stage,
                           .staging = staging});
}

/// A partner's sums, or a piece of them, leave as soon as both they and the owner's grant are
/// there.
bool Tile::store_finished() {
  if (store_work_.sums && store_work_.expected > 0 && !store_work_.sums_sent && !send_sums())
    return false;
  if (store_work_.tickets.size() < store_work_.expected) return false;
  return std::ranges::none_of(store_work_.tickets,
                              [&](auto ticket) { return interface_.leaving(ticket); });
}

bool Tile::send_sums() {
  StageRun& run = *find_stage(store_work_.stage);
  const Granule& granule = *run.ring(store_.cursor.instruction().slot).front(SlotReader::kStore);
  const auto grant = run.sums_grants.find(run.sums_begun - 1);
  if (grant == run.sums_grants.end()) return false;
  Message data{.kind = MessageKind::kData};
  data.granule = {run.number(), run.stage().sums_slot, grant->second};
  data.last = true;
  if (granule.accumulators != nullptr)
    data.sums = std::make_shared<workloads::Accumulators>(
        part_of(run.layer(), *granule.accumulators, store_.cursor.ranks()));
  if (run.stage().sums_in_network) data.partners = &run.sums_group();
  const auto piece = region_of(run.layer().output, store_.cursor.ranks());
  const Bytes bytes =
      static_cast<Bytes>(piece.elements()) * static_cast<Bytes>(context_.program.word_bytes);
  const auto owner = static_cast<NodeId>(run.sums_group().members.front());
  run.sums_grants.erase(grant);
  schedule_departure(now_, {.at = 0,
                            .message = std::move(data),
                            .bytes = bytes,
                            .destinations = {owner},
                            .served = false,
                            .stage = run.number(),
                            .staging = run.stage().slots[run.stage().partial_slot].staging});
  store_work_.sums_sent = true;
  store_.wait = "its outputs to leave";
  return true;
}

}  // namespace tessera::hw
