// Gives tensors their addresses in the shared buffers.
#pragma once

#include <map>
#include <optional>

#include "mapping/program.h"
#include "mapping/tile_memory.h"

namespace tessera::mapping {

/// The shared buffers are one address space. A tensor lives there from the first stage that writes
/// it to the last that reads it; tensors must come in the order of their first stage. Lowering and
/// scheduling place the same tensors in the same order and so find the same addresses.
class SharedPlacer {
 public:
  SharedPlacer(Bytes capacity, int word_bytes) : memory_(capacity), word_bytes_(word_bytes) {}

  /// Where the tensor lies, placed now if it was not before; nothing when no room is left for it.
  std::optional<DramLayout> place(const workloads::Network& network, workloads::TensorId tensor,
                                  int first_stage, int last_stage);

 private:
  TileMemory memory_;
  int word_bytes_;
  std::map<workloads::TensorId, DramLayout> placed_;
};

}  // namespace tessera::mapping
