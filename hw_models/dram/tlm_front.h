// A TLM-2.0 target in front of a DRAM channel, for SystemC models that are not ours.
#pragma once

#include <tlm_utils/simple_target_socket.h>

#include <map>
#include <systemc>
#include <vector>

#include "hw_models/dram/channel_module.h"

namespace tessera::dram {

/// A memory behind a standard target socket: generic-payload reads and writes are cut into bursts,
/// each goes through the channel, and the transport call returns when the last data beat has
/// passed. Blocking and non-blocking initiators work (the socket converts), any number at a time.
/// Bytes are kept, so the memory also functions; untouched bytes read as zero. Leaves out byte
/// enables and streaming (answered with the error responses the standard names) and direct memory
/// access.
class TlmFront final : public sc_core::sc_module, private CompletionSink {
 public:
  TlmFront(const sc_core::sc_module_name& name, const ChannelConfig& config);

  tlm_utils::simple_target_socket<TlmFront> socket;
  const ChannelModule& channel() const { return channel_; }

 private:
  struct Transaction {
    std::uint32_t bursts_left = 0;
    DramCycle data_end = 0;
    sc_core::sc_event ev_done;
  };
  using Page = std::vector<unsigned char>;
  static constexpr std::uint64_t kPageBytes = 4096;

  void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  unsigned transport_dbg(tlm::tlm_generic_payload& payload);
  void completed(std::uint64_t id, bool is_write, DramCycle data_end) override;

  bool refuse(tlm::tlm_generic_payload& payload) const;
  void push_bursts(const tlm::tlm_generic_payload& payload, std::uint64_t id);
  void move_bytes(tlm::tlm_generic_payload& payload);

  ChannelModule channel_;
  std::map<std::uint64_t, Transaction> transactions_;  ///< by id
  std::uint64_t next_id_ = 0;
  std::map<std::uint64_t, Page> pages_;
};

}  // namespace tessera::dram
