#include "hw_models/dram/tlm_front.h"

#include <gtest/gtest.h>
#include <tlm_utils/simple_initiator_socket.h>

#include <functional>
#include <numeric>

namespace tessera::dram {
namespace {

/// Runs a function as a SystemC thread with a socket.
class Initiator final : public sc_core::sc_module {
 public:
  Initiator(const sc_core::sc_module_name& name, std::function<void(Initiator&)> body)
      : sc_module(name), socket("socket"), body_(std::move(body)) {
    SC_HAS_PROCESS(Initiator);
    SC_THREAD(run);
  }

  tlm::tlm_response_status transfer(tlm::tlm_command command, std::uint64_t address,
                                    std::vector<unsigned char>& data,
                                    unsigned char* enables = nullptr) {
    tlm::tlm_generic_payload payload;
    payload.set_command(command);
    payload.set_address(address);
    payload.set_data_ptr(data.data());
    payload.set_data_length(static_cast<unsigned>(data.size()));
    payload.set_streaming_width(static_cast<unsigned>(data.size()));
    payload.set_byte_enable_ptr(enables);
    sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
    socket->b_transport(payload, delay);
    return payload.get_response_status();
  }

  tlm_utils::simple_initiator_socket<Initiator> socket;

 private:
  void run() { body_(*this); }
  std::function<void(Initiator&)> body_;
};

ChannelConfig ddr4() { return {.device = load_device("ddr4_2400"), .mapping = "B"}; }

TEST(TlmFront, ReturnsAtTheLastDataBeatWithTheBytesWritten) {
  TlmFront memory("memory", ddr4());
  sc_core::sc_time after_write, after_read;
  std::vector<unsigned char> read(128);
  Initiator initiator("initiator", [&](Initiator& self) {
    std::vector<unsigned char> written(128);
    std::iota(written.begin(), written.end(), static_cast<unsigned char>(1));
    EXPECT_EQ(self.transfer(tlm::TLM_WRITE_COMMAND, 0, written), tlm::TLM_OK_RESPONSE);
    after_write = sc_core::sc_time_stamp();
    EXPECT_EQ(self.transfer(tlm::TLM_READ_COMMAND, 0, read), tlm::TLM_OK_RESPONSE);
    after_read = sc_core::sc_time_stamp();
  });
  initiator.socket.bind(memory.socket);
  sc_core::sc_start();
  for (int i = 0; i < 128; ++i) ASSERT_EQ(read[static_cast<std::size_t>(i)], i + 1);
  // Two bursts in two bank groups, offered in cycles 1 and 2: ACT 1, ACT 5, WR 18, WR 22, data end
  // 22 + 12 + 4 = 38.
  EXPECT_EQ(after_write, memory.channel().time_of(38));
  // The reads, offered from cycle 39 on: in the second bank group tWTR_L allows a read from
  // 22 + 25 = 47, in the first from max(18 + 25, 22 + 19) = 43; data end 47 + 21 = 68.
  EXPECT_EQ(after_read, memory.channel().time_of(68));
}

TEST(TlmFront, CutsAnUnalignedTransferIntoTheBurstsItTouches) {
  TlmFront memory("memory", ddr4());
  Initiator initiator("initiator", [&](Initiator& self) {
    std::vector<unsigned char> data(64);
    self.transfer(tlm::TLM_READ_COMMAND, 32, data);
  });
  initiator.socket.bind(memory.socket);
  sc_core::sc_start();
  EXPECT_EQ(memory.channel().channel().stats().count(CommandKind::kRead), 2u);
}

TEST(TlmFront, AnswersWhatItCannotDoWithTheStandardsErrors) {
  TlmFront memory("memory", ddr4());
  Initiator initiator("initiator", [&](Initiator& self) {
    std::vector<unsigned char> data(64);
    unsigned char enable = TLM_BYTE_ENABLED;
    EXPECT_EQ(self.transfer(tlm::TLM_READ_COMMAND, std::uint64_t{1} << 60, data),
              tlm::TLM_ADDRESS_ERROR_RESPONSE);
    EXPECT_EQ(self.transfer(tlm::TLM_READ_COMMAND, 0, data, &enable),
              tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE);
    EXPECT_EQ(self.transfer(tlm::TLM_IGNORE_COMMAND, 0, data), tlm::TLM_COMMAND_ERROR_RESPONSE);
  });
  initiator.socket.bind(memory.socket);
  sc_core::sc_start();
  EXPECT_EQ(memory.channel().channel().stats().bursts(), 0u);
}

}  // namespace
}  // namespace tessera::dram
