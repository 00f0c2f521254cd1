#include "hw_models/dram/channel_module.h"

#include <algorithm>

#include "sim/base/error.h"

namespace tessera::dram {

using sc_core::sc_time;
using sc_core::sc_time_stamp;

ChannelModule::ChannelModule(const sc_core::sc_module_name& name, const ChannelConfig& config,
                             CompletionSink& sink, std::size_t input_depth)
    : sc_module(name),
      channel_(config),
      sink_(sink),
      input_depth_(input_depth),
      clock_(static_cast<double>(config.device.timing.clock_ps), sc_core::SC_PS) {
  SC_HAS_PROCESS(ChannelModule);
  SC_METHOD(step);
  sensitive << ev_step_;
  dont_initialize();
}

DramCycle ChannelModule::current_cycle() const { return sc_time_stamp().value() / clock_.value(); }

void ChannelModule::push(const Request& request) {
  if (!has_room())
    throw InvariantViolation(name(), current_cycle(), "input queue of ", input_depth_,
                             " requests is full");
  input_.push_back({request, current_cycle() + 1});
  schedule(current_cycle() + 1);
}

void ChannelModule::step() {
  const DramCycle now = current_cycle();
  if (!input_.empty() && input_.front().earliest <= now &&
      channel_.can_accept(input_.front().request.is_write)) {
    channel_.accept(now, input_.front().request);
    input_.pop_front();
    ev_room_.notify(sc_core::SC_ZERO_TIME);
  }
  if (channel_.next_visit() <= now) channel_.visit(now, sink_);
  schedule(now + 1);
}

void ChannelModule::schedule(DramCycle earliest) {
  DramCycle next = channel_.next_visit();
  if (!input_.empty() && channel_.can_accept(input_.front().request.is_write))
    next = std::min(next, input_.front().earliest);
  if (next == kNever) return;
  // An earlier pending notification stays, a later one is replaced: both are what we want.
  ev_step_.notify(time_of(std::max(next, earliest)) - sc_time_stamp());
}

}  // namespace tessera::dram
