// From a running machine to the events of a trace.
#pragma once

#include <vector>

#include "hw_models/description/accelerator.h"
#include "hw_models/memory_interface/dram_interface.h"
#include "sim/machine/observer.h"
#include "sim/trace/event_order.h"

namespace tessera::sim {

/// Records messages, DRAM commands, and begin and end of the instructions that take time. Those
/// that only wait or keep books follow from these and are left out.
class TraceRecorder final : public Observer {
 public:
  /// Events go to `sink` in the order of a trace. Both must outlive the recorder's use.
  TraceRecorder(const hw::Accelerator& accelerator, EventSink& sink);

  void instruction_began(const hw::InstructionEvent& event) override;
  void instruction_ended(const hw::InstructionEvent& event) override;
  void packet_sent(const PacketEvent& event) override;
  void packet_arrived(const PacketEvent& event) override;
  void dram_command(std::size_t channel, const dram::IssuedCommand& command) override;
  void finished(Cycle end) override;
  bool wants_dram_commands() const override { return true; }

  /// Length of the run, once it has finished.
  Cycle cycles() const { return cycles_; }

 private:
  void packet(EventKind kind, std::uint32_t place, std::uint32_t peer, const PacketEvent& event);
  void instruction(EventKind kind, Cycle cycle, const hw::InstructionEvent& event);
  void add(const TraceEvent& event);

  std::uint32_t tiles_;
  std::uint64_t period_ps_;
  std::vector<hw::ClockPair> clocks_;
  EventOrder order_;
  Cycle cycles_ = 0;
};

}  // namespace tessera::sim
