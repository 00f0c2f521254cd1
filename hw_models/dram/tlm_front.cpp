#include "hw_models/dram/tlm_front.h"

#include <algorithm>

namespace tessera::dram {

TlmFront::TlmFront(const sc_core::sc_module_name& name, const ChannelConfig& config)
    : sc_module(name), socket("socket"), channel_("channel", config, *this) {
  socket.register_b_transport(this, &TlmFront::b_transport);
  socket.register_transport_dbg(this, &TlmFront::transport_dbg);
}

bool TlmFront::refuse(tlm::tlm_generic_payload& payload) const {
  const std::uint64_t length = payload.get_data_length();
  const std::uint64_t capacity = channel_.channel().mapping().capacity_bytes();
  if (payload.get_byte_enable_ptr() != nullptr)
    payload.set_response_status(tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE);
  else if (length == 0 || payload.get_streaming_width() < length)
    payload.set_response_status(tlm::TLM_BURST_ERROR_RESPONSE);
  else if (payload.get_command() == tlm::TLM_IGNORE_COMMAND)
    payload.set_response_status(tlm::TLM_COMMAND_ERROR_RESPONSE);
  else if (payload.get_address() >= capacity || length > capacity - payload.get_address())
    payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
  else
    return false;
  return true;
}

void TlmFront::b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
  if (refuse(payload)) return;
  wait(delay);
  delay = sc_core::SC_ZERO_TIME;
  if (payload.is_write()) move_bytes(payload);
  const std::uint64_t id = next_id_++;
  Transaction& transaction = transactions_[id];
  push_bursts(payload, id);
  while (transaction.bursts_left > 0) wait(transaction.ev_done);
  const sc_core::sc_time end = channel_.time_of(transaction.data_end);
  if (end > sc_core::sc_time_stamp()) wait(end - sc_core::sc_time_stamp());
  transactions_.erase(id);
  if (payload.is_read()) move_bytes(payload);
  payload.set_response_status(tlm::TLM_OK_RESPONSE);
}

void TlmFront::push_bursts(const tlm::tlm_generic_payload& payload, std::uint64_t id) {
  const std::uint64_t unit = channel_.channel().burst_bytes();
  const std::uint64_t first = payload.get_address() / unit;
  const std::uint64_t last = (payload.get_address() + payload.get_data_length() - 1) / unit;
  transactions_[id].bursts_left = static_cast<std::uint32_t>(last - first + 1);
  for (std::uint64_t burst = first; burst <= last; ++burst) {
    while (!channel_.has_room()) wait(channel_.ev_room());
    channel_.push({id, payload.is_write(), burst * unit});
  }
}

void TlmFront::completed(std::uint64_t id, bool, DramCycle data_end) {
  Transaction& transaction = transactions_.at(id);
  transaction.data_end = std::max(transaction.data_end, data_end);
  if (--transaction.bursts_left == 0) transaction.ev_done.notify(sc_core::SC_ZERO_TIME);
}

void TlmFront::move_bytes(tlm::tlm_generic_payload& payload) {
  unsigned char* data = payload.get_data_ptr();
  for (std::uint64_t i = 0; i < payload.get_data_length(); ++i) {
    const std::uint64_t address = payload.get_address() + i;
    Page& page = pages_[address / kPageBytes];
    if (page.empty()) page.resize(kPageBytes);
    unsigned char& stored = page[address % kPageBytes];
    if (payload.is_write())
      stored = data[i];
    else
      data[i] = stored;
  }
}

unsigned TlmFront::transport_dbg(tlm::tlm_generic_payload& payload) {
  if (refuse(payload)) return 0;
  move_bytes(payload);
  return payload.get_data_length();
}

}  // namespace tessera::dram
