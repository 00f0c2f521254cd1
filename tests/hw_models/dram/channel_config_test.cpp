// What a machine's description makes of its channels' controllers.
#include "hw_models/memory_interface/channel_config.h"

#include <gtest/gtest.h>

#include "tests/support/refusal.h"

namespace tessera::hw {
namespace {

Accelerator machine_with(const DramInterfaceDescription& channel) {
  Accelerator machine;
  machine.name = "small";
  machine.dram = {channel};
  return machine;
}

DramInterfaceDescription plain() {
  DramInterfaceDescription channel;
  channel.device = "lpddr5_6400";
  return channel;
}

TEST(ChannelConfig, DefaultsAreThoseOfTheChannel) {
  const auto config = channel_config_of(machine_with(plain()), 0);
  const dram::ChannelConfig defaults;
  EXPECT_EQ(config.device.name, "lpddr5_6400");
  EXPECT_EQ(config.mapping, defaults.mapping);
  EXPECT_EQ(config.policy, dram::Policy::kDefault);
  EXPECT_EQ(config.fr_fcfs.read_depth, defaults.fr_fcfs.read_depth);
  EXPECT_EQ(config.fr_fcfs.write_high, defaults.fr_fcfs.write_high);
  EXPECT_EQ(config.fr_fcfs.age_cap, defaults.fr_fcfs.age_cap);
}

TEST(ChannelConfig, EveryFieldArrives) {
  auto channel = plain();
  channel.ranks = 2;
  channel.mapping = "row,rank,bank^row,column,group";
  channel.controller = {"r-rowhit", "closed", "per-bank", 3, 20, 32, 100};
  const auto config = channel_config_of(machine_with(channel), 0);
  EXPECT_EQ(config.device.geometry.ranks, 2u);
  EXPECT_EQ(config.mapping, channel.mapping);
  EXPECT_EQ(config.policy, dram::Policy::kRamulatorRowHit);
  EXPECT_EQ(config.fr_fcfs.page, dram::PagePolicy::kClosed);
  EXPECT_EQ(config.fr_fcfs.refresh, dram::RefreshMode::kPerBank);
  EXPECT_EQ(config.fr_fcfs.postponed_refreshes, 3u);
  EXPECT_EQ(config.fr_fcfs.read_depth, 20u);
  EXPECT_EQ(config.fr_fcfs.write_depth, 32u);
  EXPECT_EQ(config.fr_fcfs.write_high, 30u);  // 60 of 64 kept in proportion
  EXPECT_EQ(config.fr_fcfs.write_low, 2u);
  EXPECT_EQ(config.fr_fcfs.age_cap, 100u);
}

std::string refusal(const DramInterfaceDescription& channel) {
  return test::refusal_of([&] { channel_config_of(machine_with(channel), 0); });
}

TEST(ChannelConfig, RefusalsNameTheChannel) {
  auto policy = plain(), page = plain(), refresh = plain(), mapping = plain(), device = plain();
  policy.controller.policy = "fastest";
  EXPECT_EQ(
      refusal(policy).find("accelerator small: dram[0]: DRAM policy 'fastest': no such policy"),
      0u);
  page.controller.page = "half";
  EXPECT_EQ(refusal(page),
            "accelerator small: dram[0]: DRAM page policy 'half': allowed: open, closed");
  refresh.controller.refresh = "never";
  EXPECT_EQ(refusal(refresh),
            "accelerator small: dram[0]: DRAM refresh 'never': allowed: all-bank, per-bank");
  mapping.mapping = "row,column";
  EXPECT_EQ(refusal(mapping).find("accelerator small: dram[0]: address mapping 'row,column'"), 0u);
  device.device = "no_such";
  EXPECT_EQ(refusal(device).find("accelerator small: dram[0]: "), 0u);
}

}  // namespace
}  // namespace tessera::hw
