// From the description of a machine's DRAM channel to what the channel is built from.
#pragma once

#include "hw_models/description/accelerator.h"
#include "hw_models/dram/channel.h"

namespace tessera::hw {

/// The device of a channel with the data rate and ranks it is described with.
dram::Device device_of(const DramInterfaceDescription& description);

/// Device, mapping, policy and controller options. UserError names the channel and the field.
dram::ChannelConfig channel_config_of(const Accelerator& accelerator, std::size_t channel);

}  // namespace tessera::hw
