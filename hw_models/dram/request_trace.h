// Request traces from files, and the driver that offers them to a channel.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hw_models/dram/channel.h"

namespace tessera::dram {

struct TraceRequest {
  bool is_write = false;
  std::uint64_t address = 0;
  /// Not offered before this cycle.
  DramCycle arrive = 0;
};

/// Reads requests. `.txt` and `.txt.xz` hold lines `R|W hex-address arrive-cycle`; `.csv` has the
/// columns case,index,op,byte_address,arrive_cycle and may hold several cases, of which `case_name`
/// picks one (it may be empty when there is only one). UserError names file, line and value.
std::vector<TraceRequest> load_requests(const std::string& path, const std::string& case_name);

/// When each request of a trace was accepted and when its data ended; kNever when it never was.
struct TraceTiming {
  std::vector<DramCycle> accepted;
  std::vector<DramCycle> data_end;
};

/// Offers the requests strictly in order, at most one per cycle, never before they arrive, again
/// every cycle while the channel's queue is full, until the channel is empty. UserError when an
/// address is beyond the channel; NoProgress when the channel can do nothing more although requests
/// wait.
TraceTiming run_trace(Channel& channel, const std::vector<TraceRequest>& requests);

}  // namespace tessera::dram
