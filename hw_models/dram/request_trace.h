// Request traces: from files, at random, and the driver that offers them to a channel.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hw_models/dram/channel.h"
#include "sim/base/random.h"

namespace tessera::dram {

struct TraceRequest {
  bool is_write = false;
  std::uint64_t address = 0;
  /// Not offered before this cycle.
  DramCycle arrive = 0;
};

/// Where requests come from, in the order in which they are offered.
class RequestSource {
 public:
  virtual ~RequestSource() = default;
  /// False when there are no more.
  virtual bool next(TraceRequest& request) = 0;
};

/// Requests that are all known beforehand. The vector must outlive the source.
class ListedRequests final : public RequestSource {
 public:
  explicit ListedRequests(const std::vector<TraceRequest>& requests) : requests_(requests) {}
  bool next(TraceRequest& request) override;

 private:
  const std::vector<TraceRequest>& requests_;
  std::size_t index_ = 0;
};

/// Requests to independent uniform addresses.
class RandomRequests final : public RequestSource {
 public:
  struct Config {
    std::uint64_t count = 0;
    std::uint64_t seed = 1;
    std::uint64_t capacity_bytes = 0;
    std::uint32_t burst_bytes = 1;
    /// Probability that a request is a write.
    double write_fraction = 1.0 / 3;
    /// Mean cycles between arrivals, geometrically distributed; below 1 all arrive at cycle 0.
    double mean_gap_cycles = 0;
  };

  explicit RandomRequests(const Config& config) : config_(config), random_(config.seed) {}
  bool next(TraceRequest& request) override;

 private:
  Config config_;
  Random random_;
  std::uint64_t produced_ = 0;
  DramCycle now_ = 0;
};

/// Reads requests. `.txt` and `.txt.xz` hold lines `R|W hex-address arrive-cycle`; `.csv` has the
/// columns case,index,op,byte_address,arrive_cycle and may hold several cases, of which `case_name`
/// picks one (it may be empty when there is only one). UserError names file, line and value.
std::vector<TraceRequest> load_requests(const std::string& path, const std::string& case_name);

/// What only the one who offers the requests knows.
struct TraceSummary {
  std::uint64_t offered = 0;
  std::uint64_t completed = 0;
  /// Sum over completed requests from arrival to the last data beat.
  std::uint64_t latency_from_arrival = 0;
};

/// Offers the requests strictly in order, at most one per cycle, never before they arrive, again
/// every cycle while the channel's queue is full, until the channel is empty. UserError when an
/// address is beyond the channel; NoProgress when the channel can do nothing more although requests
/// wait. `also`, when given, hears of every completion, whose id is the request's number from 0.
TraceSummary run_trace(Channel& channel, RequestSource& source, CompletionSink* also = nullptr);

/// The same for a list; returns when each request's data ended, kNever when they never did.
std::vector<DramCycle> run_trace(Channel& channel, const std::vector<TraceRequest>& requests);

}  // namespace tessera::dram
