#include "sim/trace/recorder.h"

#include <systemc>

#include "hw_models/memory_interface/channel_config.h"
#include "sim/machine/machine.h"

namespace tessera::sim {

using mapping::Op;

namespace {

bool takes_time(Op op) {
  return op != Op::kAcquire && op != Op::kRelease && op != Op::kReserve && op != Op::kCommit;
}

}  // namespace

TraceRecorder::TraceRecorder(const hw::Accelerator& accelerator, EventSink& sink)
    : tiles_(static_cast<std::uint32_t>(accelerator.tiles())),
      period_ps_(clock_period_ps(accelerator.clock_mhz)),
      order_(sink) {
  for (const auto& interface : accelerator.dram)
    clocks_.push_back({period_ps_, hw::device_of(interface).timing.clock_ps});
}

/// The kernel's clock tells the present cycle: what is told may lie ahead of it, or behind.
void TraceRecorder::add(const TraceEvent& event) {
  order_.add(sc_core::sc_time_stamp().value() / period_ps_, event);
}

void TraceRecorder::packet(EventKind kind, std::uint32_t place, std::uint32_t peer,
                           const PacketEvent& event) {
  const auto& message = *event.message;
  const auto& granule = message.order != nullptr ? message.order->granule : message.granule;
  const auto copies = static_cast<std::int64_t>(event.destinations.size());
  add({.place = place,
       .kind = kind,
       .cycle = event.cycle,
       .code = static_cast<std::uint8_t>(message.kind),
       .detail = {peer, copies, granule.stage, granule.slot, granule.sequence,
                  static_cast<std::int64_t>(message.payload_bytes)}});
}

void TraceRecorder::packet_sent(const PacketEvent& event) {
  packet(EventKind::kSend, event.message->source, event.destinations.front(), event);
}

void TraceRecorder::packet_arrived(const PacketEvent& event) {
  packet(EventKind::kDeliver, event.destinations.front(), event.message->source, event);
}

void TraceRecorder::instruction(EventKind kind, Cycle cycle, const hw::InstructionEvent& event) {
  add({.place = static_cast<std::uint32_t>(event.tile),
       .kind = kind,
       .cycle = cycle,
       .code = static_cast<std::uint8_t>(event.op),
       .detail = {event.stage, event.slot, event.operand, event.granule}});
}

void TraceRecorder::instruction_began(const hw::InstructionEvent& event) {
  instruction(EventKind::kBegin, event.begin, event);
}

void TraceRecorder::instruction_ended(const hw::InstructionEvent& event) {
  if (takes_time(event.op)) instruction(EventKind::kEnd, event.end, event);
}

void TraceRecorder::dram_command(std::size_t channel, const dram::IssuedCommand& command) {
  add({.place = tiles_ + static_cast<std::uint32_t>(channel),
       .kind = EventKind::kCommand,
       .cycle = clocks_[channel].chip_cycle(command.cycle),
       .code = static_cast<std::uint8_t>(command.kind),
       .detail = {static_cast<std::int64_t>(command.cycle), command.rank, command.bank_group,
                  command.bank, command.row, command.column}});
}

void TraceRecorder::finished(Cycle end) {
  cycles_ = end;
  order_.finish();
}

}  // namespace tessera::sim
