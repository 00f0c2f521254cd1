// Reads of feature maps that this tile keeps: other tiles ask, the interface answers from the
// buffer.
#include <algorithm>

#include "hw_models/tile/tile.h"

namespace tessera::hw {

using workloads::Region;

bool Tile::serve(Cycle now) {
  bool served = false;
  std::erase_if(requests_, [&](const std::shared_ptr<const Order>& order) {
    StageRun& run = *find_stage(context_.program.parts[order->part].producer_stage);
    if (!held_completely(run, order->region, now)) return false;
    serve_order(now, run, order);
    served = true;
    return true;
  });
  return served;
}

bool Tile::held_completely(StageRun& run, const Region& region, Cycle now) const {
  if (run.compute_done) return true;
  std::int64_t held = 0;
  for (const auto& granule : run.ring(run.stage().output_slot).held())
    if (granule.complete_at <= now && !run.passes_on(run.stage().output_slot, granule) &&
        overlap(granule.region, region))
      held += intersect(region, granule.region).elements();
  return held == region.elements();
}

void Tile::serve_order(Cycle now, StageRun& run, const std::shared_ptr<const Order>& order) {
  ++run.reads_in_flight;
  Message data{.kind = MessageKind::kData};
  data.granule = order->granule;
  data.operand = order->operand;
  data.order = order;
  data.free = order->free;
  data.last = true;
  if (context_.functional) {
    auto values = std::make_shared<RegionValues>(order->region);
    for (const auto& granule : run.ring(run.stage().output_slot).held())
      if (granule.values != nullptr && !run.passes_on(run.stage().output_slot, granule))
        values->merge(*granule.values);
    data.values = std::move(values);
  }
  schedule_departure(now, {.at = 0,
                           .message = std::move(data),
                           .bytes = order->bytes,
                           .destinations = order->destinations,
                           .served = true,
                           .stage = run.number()});
}

bool Tile::is_streamed(const Order& order) const {
  const auto& producer = context_.program.stages[context_.program.parts[order.part].producer_stage];
  return producer.slots[producer.output_slot].streams;
}

/// Granules are completed in order, so each request looks at each granule once.
bool Tile::serve_streams(Cycle now) {
  bool served = false;
  std::erase_if(stream_requests_, [&](StreamRequest& request) {
    StageRun& run = *find_stage(context_.program.parts[request.order->part].producer_stage);
    for (const auto& granule : run.ring(run.stage().output_slot).held()) {
      if (granule.sequence < request.next) continue;
      if (granule.complete_at > now) break;
      request.next = granule.sequence + 1;
      const auto common = intersect(request.order->region, granule.region).elements();
      if (common > 0) served |= serve_piece(now, run, *request.order, granule);
      request.left -= common;
    }
    return request.left == 0;
  });
  return served;
}

bool Tile::serve_piece(Cycle now, StageRun& run, const Order& order, const Granule& granule) {
  auto piece = std::make_shared<Order>(order);
  piece->region = intersect(order.region, granule.region);
  const auto elements = piece->region.elements();
  piece->bytes = static_cast<Bytes>(elements) * static_cast<Bytes>(context_.program.word_bytes);
  ++run.reads_in_flight;
  Message data{.kind = MessageKind::kData};
  data.granule = order.granule;
  data.operand = order.operand;
  data.last = true;
  if (context_.functional) {
    auto values = std::make_shared<RegionValues>(piece->region);
    values->merge(*granule.values);
    data.values = std::move(values);
  }
  const Bytes bytes = piece->bytes;
  auto destinations = piece->destinations;
  data.order = std::move(piece);
  schedule_departure(now, {.at = 0,
                           .message = std::move(data),
                           .bytes = bytes,
                           .destinations = std::move(destinations),
                           .served = true,
                           .stage = run.number(),
                           .sequence = granule.sequence,
                           .elements = elements});
  return true;
}

/// Pieces of shared operands for the tile at the place before: as soon as they are asked for and
/// here, or as soon as this tile has added its part to them.
bool Tile::pass_on(Cycle now) {
  bool served = false;
  std::erase_if(rotation_requests_, [&](const std::shared_ptr<const Order>& order) {
    StageRun& run = *find_stage(order->granule.stage);
    const mapping::SlotId slot = order->granule.slot;
    auto& ring = run.ring(slot);
    const std::int64_t sequence =
        order->granule.sequence -
        mapping::lag_behind(run.stage().slots[slot], run.share().rotation);
    if (ring.appended() <= sequence) return false;
    const Granule& granule = ring.granule(sequence);
    if (granule.complete_at > now) {
      if (granule.complete_at != kNever) wake(granule.complete_at);
      return false;
    }
    ++run.reads_in_flight;
    Message data{.kind = MessageKind::kData};
    data.granule = order->granule;
    data.operand = order->operand;
    data.order = order;
    data.last = true;
    data.rotates = true;
    if (context_.functional && order->operand == kRestoredSums)
      data.sums = std::make_shared<workloads::Accumulators>(*granule.accumulators);
    else if (context_.functional)
      data.values = std::make_shared<RegionValues>(*granule.values);
    schedule_departure(now, {.at = 0,
                             .message = std::move(data),
                             .bytes = order->bytes,
                             .destinations = order->destinations,
                             .served = true,
                             .stage = run.number(),
                             .sequence = sequence,
                             .rotating = slot});
    served = true;
    return true;
  });
  return served;
}

/// Outputs that stay let the pieces between them go one by one.
void Tile::passed_on(StageRun& run, mapping::SlotId slot, std::int64_t sequence) {
  auto& ring = run.ring(slot);
  if (run.keeps(slot)) {
    ring.leave(sequence);
    --run.sums_to_pass;
    return;
  }
  ring.granule(sequence).passed = true;
  settle_rotation(run, slot);
}

/// Lets pieces go in order, though a request may overtake another on its way. The last ones of a
/// filling are asked for by nobody: when all before have been passed on they are the tile's alone.
void Tile::settle_rotation(StageRun& run, mapping::SlotId slot) {
  auto& ring = run.ring(slot);
  if (run.keeps(slot)) return;
  for (auto next = ring.released(mapping::SlotReader::kServer);
       next < ring.appended() &&
       (ring.granule(next).passed || !run.passes_on(slot, ring.granule(next)));
       ++next)
    ring.release(mapping::SlotReader::kServer);
}

/// Shared partial sums that this tile has added to. A piece of none goes by itself.
void Tile::settle_sums(StageRun& run, mapping::SlotId slot) {
  const Granule& granule = run.ring(slot).open();
  const bool goes =
      mapping::is_passed_on(run.stage().slots[slot], run.share().rotation, granule.sequence);
  if (run.keeps(slot) && goes && granule.region.empty())
    passed_on(run, slot, granule.sequence);
  else
    settle_rotation(run, slot);
}

/// A completed granule stays until every group that reads from it has got its share.
void Tile::owe(StageRun& run, const Granule& granule) {
  run.owed[granule.sequence] =
      context_.index.readings(context_.index.part_of_stage(run.number()), granule.region);
  give_back(run, granule.sequence, 0);
}

void Tile::give_back(StageRun& run, std::int64_t sequence, std::int64_t elements) {
  run.owed.at(sequence) -= elements;
  while (!run.owed.empty() && run.owed.begin()->second == 0) {
    run.owed.erase(run.owed.begin());
    run.ring(run.stage().output_slot).release(mapping::SlotReader::kServer);
  }
}

}  // namespace tessera::hw
