// Gives tensors their addresses in the shared buffers.
#pragma once

#include <map>
#include <optional>

#include "hw_models/description/accelerator.h"
#include "mapping/program.h"
#include "mapping/tile_memory.h"

namespace tessera::mapping {

/// A tensor is dealt to all shared buffers in stripes and has the same address in each. It lives
/// there from the first stage that writes it to the last that reads it; tensors must come in the
/// order of their first stage. Lowering and scheduling place the same tensors in the same order and
/// so find the same addresses.
class SharedPlacer {
 public:
  explicit SharedPlacer(const hw::Accelerator& accelerator)
      : memory_(accelerator.shared_bytes()),
        buffers_(accelerator.shared_buffers.size()),
        stripe_bytes_(accelerator.shared_interleave_bytes),
        word_bytes_(accelerator.word_bytes()) {}

  /// Where the tensor lies, placed now if it was not before; nothing when no room is left for it.
  std::optional<DramLayout> place(const workloads::Network& network, workloads::TensorId tensor,
                                  int first_stage, int last_stage);

 private:
  TileMemory memory_;
  std::size_t buffers_;
  Bytes stripe_bytes_;
  int word_bytes_;
  std::map<workloads::TensorId, DramLayout> placed_;
};

}  // namespace tessera::mapping
