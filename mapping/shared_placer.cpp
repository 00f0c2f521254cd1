#include "mapping/shared_placer.h"

#include "mapping/dram_order.h"

namespace tessera::mapping {

std::optional<DramLayout> SharedPlacer::place(const workloads::Network& network,
                                              workloads::TensorId tensor, int first_stage,
                                              int last_stage) {
  const auto known = placed_.find(tensor);
  if (known != placed_.end()) return known->second;
  constexpr Bytes alignment = 64;
  const auto& stored = network.tensors[tensor];
  const Bytes bytes = static_cast<Bytes>(stored.elements()) * static_cast<Bytes>(word_bytes_);
  const auto address = memory_.place_low(round_up(bytes, alignment), first_stage, last_stage);
  if (!address) return std::nullopt;
  return placed_.emplace(tensor, DramLayout{*address, dram_order(stored), stored.extents, bytes})
      .first->second;
}

}  // namespace tessera::mapping
