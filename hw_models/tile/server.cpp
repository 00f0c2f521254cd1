// Reads of feature maps that this tile keeps: other tiles ask, the interface answers from the buffer.
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
    if (granule.complete_at <= now && overlap(granule.region, region))
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
    for (const auto& granule : run.ring(run.stage().output_slot).held()) values->merge(*granule.values);
    data.values = std::move(values);
  }
  schedule_departure(now, {.at = 0, .message = std::move(data), .bytes = order->bytes,
                           .destinations = order->destinations, .served = true, .stage = run.number()});
}

}  // namespace tessera::hw
