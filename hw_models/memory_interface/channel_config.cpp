#include "hw_models/memory_interface/channel_config.h"

#include "sim/base/error.h"

namespace tessera::hw {

namespace {

dram::FrFcfsOptions options_of(const DramControllerDescription& controller) {
  dram::FrFcfsOptions options;
  options.page = dram::page_policy_from_name(controller.page);
  options.refresh = dram::refresh_mode_from_name(controller.refresh);
  options.postponed_refreshes = static_cast<std::uint32_t>(controller.postponed_refreshes);
  if (controller.read_depth > 0)
    options.read_depth = static_cast<std::uint32_t>(controller.read_depth);
  if (controller.write_depth > 0)
    dram::set_write_depth(options, static_cast<std::uint32_t>(controller.write_depth));
  if (controller.age_cap > 0) options.age_cap = static_cast<dram::DramCycle>(controller.age_cap);
  return options;
}

dram::ChannelConfig config_of(const DramInterfaceDescription& description) {
  dram::ChannelConfig config;
  config.device = device_of(description);
  config.mapping = description.mapping;
  config.policy = dram::policy_from_name(description.controller.policy);
  config.fr_fcfs = options_of(description.controller);
  dram::check_options(config.fr_fcfs, config.device);
  dram::AddressMapping checked(config.device.geometry, config.mapping);
  return config;
}

}  // namespace

dram::Device device_of(const DramInterfaceDescription& description) {
  dram::DeviceChanges changes;
  changes.data_rate_mt_s = static_cast<std::uint32_t>(description.data_rate_mt_s);
  changes.ranks = static_cast<std::uint32_t>(description.ranks);
  return dram::load_device(description.device, changes);
}

dram::ChannelConfig channel_config_of(const Accelerator& accelerator, std::size_t channel) {
  try {
    return config_of(accelerator.dram[channel]);
  } catch (const UserError& error) {
    throw UserError("accelerator ", accelerator.name, ": dram[", channel, "]: ", error.what());
  }
}

}  // namespace tessera::hw
