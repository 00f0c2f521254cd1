#include "noc/network_module.h"

#include <utility>

#include "sim/base/error.h"

namespace tessera::noc {

NetworkModule::NetworkModule(const sc_core::sc_module_name& name, Network network,
                             std::uint64_t period_ps, PacketSink& sink)
    : sc_module(name),
      network_(std::move(network)),
      period_(static_cast<double>(period_ps), sc_core::SC_PS),
      sink_(sink) {
  if (period_ps == 0) throw UserError("noc: the clock period is 0 ps; write at least 1");
  SC_METHOD(step);
  sensitive << ev_next_;
  dont_initialize();
}

Cycle NetworkModule::current_cycle() const {
  return sc_core::sc_time_stamp().value() / period_.value();
}

void NetworkModule::inject(const PacketRequest& request) {
  network_.inject(current_cycle(), request);
  wake_at_next_event();
}

void NetworkModule::step() {
  network_.advance(current_cycle(), sink_);
  wake_at_next_event();
}

// A pending notification gives way to an earlier one by itself.
void NetworkModule::wake_at_next_event() {
  const Cycle next = network_.next_event();
  if (next == kNever) return;
  const sc_core::sc_time at = sc_core::sc_time::from_value(next * period_.value());
  ev_next_.notify(at - sc_core::sc_time_stamp());
}

}  // namespace tessera::noc
