// A channel's statistics as a result message.
#pragma once

#include "hw_models/dram/channel.h"
#include "hw_models/dram/dram_result.pb.h"

namespace tessera::dram {

/// Everything the channel knows of itself, up to its last data beat. The caller adds what only it
/// knows: policy name and latency from arrival.
proto::DramResult report_of(const Channel& channel);

/// The sample of index round(fraction * (count - 1)) in ascending order, halves up, as the
/// validation data define their percentiles; 0 without samples.
std::uint64_t latency_quantile(const Histogram& latency, double fraction);

}  // namespace tessera::dram
