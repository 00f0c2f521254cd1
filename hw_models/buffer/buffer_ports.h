// When the banks of a tile's buffer serve whom: arithmetic on fixed time slots.
#pragma once

#include <cstdint>

#include "hw_models/description/accelerator.h"
#include "sim/base/types.h"

namespace tessera::hw {

/// Line streams of the array; the vector unit borrows them while it runs.
enum BufferStream : int {
  kInputStream = 0,
  kWeightStream = 1,
  kPartialSumStream = 2,
  kOutputStream = 3,
};
inline constexpr int kBufferStreams = 4;
static_assert(kBufferStreams <= kFewestBanks);

/// Slot table of a banked SRAM whose lines are interleaved over the banks (line a is in bank a mod
/// B).
///
/// Port A belongs to the array and the vector unit: in its u-th slot stream s reaches bank (u + s)
/// mod B, so streams never meet in a bank and consecutive lines come in consecutive slots. Port B
/// belongs to the network: incoming and outgoing lines take turns, any bank. With two ports both
/// have a slot every cycle; with one port the cycles are dealt A, in, A, out. Unlimited ports, an
/// idealisation, serve any line in any cycle. Left out: refresh, errors, and any latency of the
/// SRAM macro (a line is on the bus in the cycle of its slot).
class BufferPorts {
 public:
  explicit BufferPorts(const BufferDescription& buffer);

  /// First cycle >= `from` in which the stream reaches the line.
  Cycle array_slot(int stream, std::int64_t line, Cycle from) const;

  /// Cycle of line `first_line` + n of a sequential stream that may start at `from`.
  Cycle array_line(int stream, std::int64_t first_line, std::int64_t n, Cycle from) const {
    return array_slot(stream, first_line, from) + static_cast<Cycle>(n) * slot_spacing();
  }

  /// Cycles between slots of port A: 1 with two ports, 2 with one; 0 with unlimited ports, when all
  /// lines come in the same cycle.
  Cycle slot_spacing() const { return array_spacing_; }
  /// Array timing depends on the start cycle modulo this only.
  Cycle slot_period() const { return array_spacing_ == 0 ? 1 : array_spacing_ * banks_; }
  /// Cycles between slots of one direction of the network.
  Cycle network_spacing() const { return network_spacing_; }
  int banks() const { return static_cast<int>(banks_); }

  /// First cycle >= `from` in which the network may write (read) a line.
  Cycle network_in_slot(Cycle from) const { return next(from, in_phase_); }
  Cycle network_out_slot(Cycle from) const { return next(from, out_phase_); }

  /// Cycle in which the last of a packet's lines is written. A packet is collected in the interface
  /// and written from the cycle after its tail on; `port_free` is the cycle after the last write of
  /// the packet before.
  Cycle packet_written(Cycle tail, std::int64_t lines, Cycle port_free) const;

  /// Cycle in which the first flit of a message leaves whose reading may start at `from`: one after
  /// its first line is read. The lines that follow arrive at least as fast as the link carries
  /// them.
  Cycle first_flit_leaves(Cycle from) const { return network_out_slot(from) + 1; }

 private:
  Cycle next(Cycle from, Cycle phase) const;

  Cycle banks_;
  Cycle array_spacing_;
  Cycle network_spacing_;
  Cycle in_phase_;
  Cycle out_phase_;
};

}  // namespace tessera::hw
