// The banks of a buffer cycle by cycle: slow, and the judge of the slot arithmetic.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "hw_models/buffer/buffer_ports.h"
#include "hw_models/description/accelerator.h"
#include "sim/base/types.h"

namespace tessera::hw {

enum class NetworkDirection { kIn, kOut };

/// Every bank, port and cycle of a tile buffer. Bank pointers rotate one step per slot; an access
/// out of turn, or a second one to the same bank through the same port in a cycle, is an
/// InvariantViolation.
class BufferArbiter {
 public:
  BufferArbiter(const BufferDescription& buffer, std::string module);

  /// Goes to the next cycle; the first call goes to cycle 0.
  void next_cycle();
  /// Goes to a later cycle in which nobody has had access in between.
  void idle_until(Cycle cycle);
  Cycle now() const { return now_; }

  /// Does the stream reach the line in this cycle?
  bool offers(BufferStream stream, std::int64_t line) const;
  bool offers(NetworkDirection direction) const;

  void access(BufferStream stream, std::int64_t line);
  void access(NetworkDirection direction, std::int64_t line);

  std::int64_t accesses(BufferStream stream) const { return stream_accesses_[stream]; }

 private:
  enum class Turn { kArray, kIn, kOut };

  int bank_of(std::int64_t line) const { return static_cast<int>(line % description_.banks); }
  bool array_has_turn() const;
  Turn network_turn() const;
  void use(int port, int bank);

  BufferDescription description_;
  std::string module_;
  Cycle now_ = 0;
  bool started_ = false;
  int turn_ = 0;  ///< position in the fixed deal of cycles
  std::array<int, kBufferStreams> pointer_{};
  std::vector<bool> used_[2];
  std::array<std::int64_t, kBufferStreams> stream_accesses_{};
};

}  // namespace tessera::hw
