// DRAM commands and where they go.
#pragma once

#include <cstdint>

#include "sim/base/types.h"

namespace tessera::dram {

/// Cycles of the channel's own clock, not of the chip.
using DramCycle = std::uint64_t;

enum class CommandKind : std::uint8_t {
  kActivate,
  kPrecharge,
  kPrechargeAll,
  kRead,
  kWrite,
  kRefresh,
  kRefreshBank,
};
inline constexpr int kCommandKinds = 7;

/// ACT, PRE, PREA, RD, WR, REF, REFPB.
const char* command_name(CommandKind kind);

/// Coordinates of a burst. `bank_index` counts all banks of the channel, rank by rank and group by
/// group within a rank.
struct Location {
  std::uint32_t channel = 0;
  std::uint32_t rank = 0, bank_group = 0, bank = 0;
  std::uint32_t row = 0, column = 0;
  std::uint32_t bank_index = 0;
};

/// One command as it went out; -1 where a coordinate does not apply.
struct IssuedCommand {
  DramCycle cycle = 0;
  CommandKind kind = CommandKind::kActivate;
  std::int32_t rank = 0;
  std::int32_t bank_group = -1, bank = -1;
  std::int64_t row = -1, column = -1;

  bool operator==(const IssuedCommand&) const = default;
};

/// Listens to a channel's commands; the channel runs the same without.
class CommandListener {
 public:
  virtual ~CommandListener() = default;
  virtual void issued(const IssuedCommand& command) = 0;
};

}  // namespace tessera::dram
