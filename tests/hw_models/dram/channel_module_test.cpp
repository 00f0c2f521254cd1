#include "hw_models/dram/channel_module.h"

#include <gtest/gtest.h>

#include "hw_models/dram/request_trace.h"

namespace tessera::dram {
namespace {

ChannelConfig ddr4() {
  return {.device = load_device("ddr4_2400"),
          .mapping = "B",
          .policy = Policy::kRamulator,
          .fr_fcfs = {}};
}

class Log final : public CompletionSink {
 public:
  void completed(std::uint64_t id, bool, DramCycle data_end) override {
    ids.push_back(id);
    ends.push_back(data_end);
  }
  std::vector<std::uint64_t> ids;
  std::vector<DramCycle> ends;
};

TEST(ChannelModule, OffersARequestInTheCycleAfterItWasPushed) {
  Log log;
  ChannelModule module("channel", ddr4(), log);
  sc_core::sc_start(sc_core::SC_ZERO_TIME);
  module.push({.id = 7, .is_write = false, .address = 0});
  sc_core::sc_start();
  // Pushed at the edge of cycle 0, offered in cycle 1: ACT 1, RD 1 + 17, data end 18 + 17 + 4.
  ASSERT_EQ(log.ends, std::vector<DramCycle>{39});
  EXPECT_EQ(log.ids, std::vector<std::uint64_t>{7});
  // Nothing wakes the kernel after the read command of cycle 18.
  EXPECT_EQ(sc_core::sc_time_stamp(), module.time_of(18));
}

TEST(ChannelModule, CountsCyclesInTheChannelsOwnClock) {
  Log log;
  ChannelModule module("channel", ddr4(), log);
  sc_core::sc_start(832, sc_core::SC_PS);
  EXPECT_EQ(module.current_cycle(), 0u);  // tCK is 833 ps
  sc_core::sc_start(1, sc_core::SC_PS);
  EXPECT_EQ(module.current_cycle(), 1u);
}

/// Pushes a request whenever there is room.
class Source final : public sc_core::sc_module {
 public:
  Source(const sc_core::sc_module_name& name, ChannelModule& channel,
         const std::vector<TraceRequest>& requests)
      : sc_module(name), channel_(channel), requests_(requests) {
    SC_HAS_PROCESS(Source);
    SC_METHOD(push);
    sensitive << channel.ev_room();
  }

 private:
  void push() {
    for (; next_ < requests_.size() && channel_.has_room(); ++next_)
      channel_.push({next_, requests_[next_].is_write, requests_[next_].address});
  }

  ChannelModule& channel_;
  const std::vector<TraceRequest>& requests_;
  std::size_t next_ = 0;
};

TEST(ChannelModule, RunsASaturatingTraceOneCycleAfterThePlainChannel) {
  const auto requests = load_requests(
      TESSERA_SOURCE_DIR "/validation/reference/dram/requests/ddr4_2400.B.dnn4_b8.txt.xz", "");
  Channel plain(ddr4());
  // A trace that starts one cycle later meets refreshes one cycle earlier; give both the same
  // start.
  auto later = requests;
  for (auto& request : later) request.arrive = 1;
  const std::vector<DramCycle> expected = run_trace(plain, later);

  Log log;
  ChannelModule module("channel", ddr4(), log);
  Source source("source", module, requests);
  sc_core::sc_start();
  ASSERT_EQ(log.ids.size(), requests.size());
  for (std::size_t i = 0; i < log.ids.size(); ++i)
    ASSERT_EQ(log.ends[i], expected[log.ids[i]]) << "request " << log.ids[i];
  EXPECT_EQ(module.channel().stats().bursts(), plain.stats().bursts());
}

}  // namespace
}  // namespace tessera::dram
