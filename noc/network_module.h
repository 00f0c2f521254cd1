// The network as a SystemC module.
#pragma once

#include <systemc>

#include "noc/network.h"

namespace tessera::noc {

/// One process for the whole network: it sleeps until the next cycle in which something happens and
/// forwards what arrives. Cycle n is at time n x period.
class NetworkModule : public sc_core::sc_module {
 public:
  SC_HAS_PROCESS(NetworkModule);
  /// The sink must outlive the module; it may inject from inside its calls.
  NetworkModule(const sc_core::sc_module_name& name, Network network, std::uint64_t period_ps,
                PacketSink& sink);

  /// Joins the source queue in the present cycle; may be called before or after the network's own
  /// step of the cycle with the same result.
  void inject(const PacketRequest& request);

  Cycle current_cycle() const;
  Network& network() { return network_; }
  const Network& network() const { return network_; }

 private:
  void step();
  void wake_at_next_event();

  Network network_;
  const sc_core::sc_time period_;
  PacketSink& sink_;
  sc_core::sc_event ev_next_;
};

}  // namespace tessera::noc
