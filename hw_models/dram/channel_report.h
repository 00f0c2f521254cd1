// A channel's statistics as a result message.
#pragma once

#include "hw_models/dram/channel.h"
#include "hw_models/dram/dram_result.pb.h"

namespace tessera::dram {

/// Everything the channel knows of itself, up to its last data beat. The caller adds what only it
/// knows: latency from arrival.
proto::DramResult report_of(const Channel& channel);

/// The same over cycles [0, end) of a channel that has finished: the bus cycles add up to `end`,
/// those after the last data beat being without requests, and energy counts their standby.
/// InvariantViolation when `end` lies before the last data beat.
proto::DramResult report_of(const Channel& channel, DramCycle end);

/// The sample of index round(fraction * (count - 1)) in ascending order, halves up, as the
/// validation data define their percentiles; 0 without samples.
std::uint64_t latency_quantile(const Histogram& latency, double fraction);

}  // namespace tessera::dram
