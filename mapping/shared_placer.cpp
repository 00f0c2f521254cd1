#include "mapping/shared_placer.h"

#include "mapping/dram_channels.h"
#include "mapping/dram_order.h"

namespace tessera::mapping {

std::optional<DramLayout> SharedPlacer::place(const workloads::Network& network,
                                              workloads::TensorId tensor, int first_stage,
                                              int last_stage) {
  const auto known = placed_.find(tensor);
  if (known != placed_.end()) return known->second;
  if (buffers_ == 0) return std::nullopt;
  constexpr Bytes alignment = 64;
  const auto& stored = network.tensors[tensor];
  DramLayout layout;
  layout.order = dram_order(stored);
  layout.block = stored.extents;
  layout.footprint_bytes = static_cast<Bytes>(stored.elements()) * static_cast<Bytes>(word_bytes_);
  layout.stripe_bytes = stripe_bytes_;
  const auto address = memory_.place_low(round_up(bytes_per_channel(layout, buffers_), alignment),
                                         first_stage, last_stage);
  if (!address) return std::nullopt;
  layout.base_address = *address;
  return placed_.emplace(tensor, std::move(layout)).first->second;
}

}  // namespace tessera::mapping
