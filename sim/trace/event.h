// What a trace says of one thing that happened in a machine.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "sim/base/types.h"

namespace tessera::sim {

/// In the order in which they stand when they happen at one place in one cycle.
enum class EventKind : std::uint8_t {
  kDeliver,  ///< a packet's tail was read by a destination
  kEnd,      ///< first cycle in which an instruction's result can be used
  kBegin,    ///< an instruction that takes time was issued
  kSend,     ///< a packet was handed to the network
  kCommand,  ///< a DRAM command went out
};
inline constexpr int kEventKinds = 5;

/// deliver, end, begin, send, command.
const char* event_kind_name(EventKind kind);
/// UserError listing the names.
EventKind event_kind_from_name(const std::string& name);

/// Indices into TraceEvent::detail of packets.
struct PacketDetail {
  enum { kPeer, kDestinations, kStage, kSlot, kGranule, kBytes, kCount };
};
/// Of instructions.
struct InstructionDetail {
  enum { kStage, kSlot, kOperand, kGranule, kCount };
};
/// Of commands; the cycle is of the channel's own clock.
struct CommandDetail {
  enum { kDramCycle, kRank, kBankGroup, kBank, kRow, kColumn, kCount };
};
inline constexpr int kMostDetails = 6;

/// Details that an event of this kind has; the others are 0.
constexpr int details_of(EventKind kind) {
  switch (kind) {
    case EventKind::kBegin:
    case EventKind::kEnd:
      return InstructionDetail::kCount;
    case EventKind::kCommand:
      return CommandDetail::kCount;
    default:
      return PacketDetail::kCount;
  }
}

/// Plain numbers, comparable without knowing what they mean. The order of the members is the order
/// of events that happen in one cycle.
struct TraceEvent {
  std::uint32_t place =
      0;  ///< tile; from the number of tiles on DRAM channels, then shared buffers
  EventKind kind = EventKind::kDeliver;
  Cycle cycle = 0;  ///< chip clock
  std::uint8_t code =
      0;  ///< hw::MessageKind, number of the operation in program.proto, or dram::CommandKind
  std::array<std::int64_t, kMostDetails> detail = {};

  auto operator<=>(const TraceEvent&) const = default;
};

/// Names for the numbers in events.
struct TraceNames {
  std::uint32_t tiles = 0, channels = 0;
  std::vector<std::string> stages;

  std::string place(std::uint32_t place) const;
  std::string stage(std::int64_t number) const;
};

/// One line: cycle, place, kind and content.
std::string to_text(const TraceEvent& event, const TraceNames& names);

/// A sequence of events in the order of trace.proto.
class EventSource {
 public:
  virtual ~EventSource() = default;
  /// False at the end.
  virtual bool next(TraceEvent& event) = 0;
};

/// Takes such a sequence.
class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void add(const TraceEvent& event) = 0;
};

}  // namespace tessera::sim
