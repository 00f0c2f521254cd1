// How many requests a second one DRAM channel simulates. `bench_dram` prints a table; `bench_dram
// DEVICE POLICY TRAFFIC COUNT` runs one case, for counting instructions as the difference of two
// counts.
#include <cstdio>
#include <ctime>
#include <memory>
#include <string>

#include "hw_models/dram/request_trace.h"

namespace {

using namespace tessera;
using namespace tessera::dram;

/// Four sequential streams 32 MiB and a row apart, eight bursts each in turn; the last one writes.
class FourStreams final : public RequestSource {
 public:
  FourStreams(std::uint64_t count, const Geometry& geometry)
      : count_(count),
        burst_bytes_(geometry.burst_bytes),
        row_bytes_(std::uint64_t{geometry.bursts_per_row} * geometry.burst_bytes) {}

  bool next(TraceRequest& request) override {
    if (produced_ == count_) return false;
    const std::uint64_t stream = produced_ / 8 % 4;
    const std::uint64_t burst = produced_ / 32 * 8 + produced_ % 8;
    const std::uint64_t offset = burst * burst_bytes_ % (std::uint64_t{32} << 20);
    request = {stream == 3, stream * ((std::uint64_t{32} << 20) + row_bytes_) + offset, 0};
    ++produced_;
    return true;
  }

 private:
  std::uint64_t count_, burst_bytes_, row_bytes_;
  std::uint64_t produced_ = 0;
};

std::unique_ptr<RequestSource> source_of(const std::string& traffic, std::uint64_t count,
                                         const Channel& channel) {
  if (traffic == "streams") return std::make_unique<FourStreams>(count, channel.device().geometry);
  RandomRequests::Config config{.count = count,
                                .capacity_bytes = channel.mapping().capacity_bytes(),
                                .burst_bytes = channel.burst_bytes()};
  config.mean_gap_cycles = channel.timing().burst / 0.15;
  return std::make_unique<RandomRequests>(config);
}

/// Requests per second of CPU time.
double speed(const std::string& device, const std::string& policy, const std::string& traffic,
             std::uint64_t count) {
  Channel channel(
      {.device = load_device(device), .mapping = "B", .policy = policy_from_name(policy)});
  const auto source = source_of(traffic, count, channel);
  const std::clock_t begin = std::clock();
  run_trace(channel, *source);
  return static_cast<double>(count) * CLOCKS_PER_SEC / static_cast<double>(std::clock() - begin);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 5) {
    std::printf("%.0f requests/s\n", speed(argv[1], argv[2], argv[3], std::stoull(argv[4])));
    return 0;
  }
  std::printf("%-14s %-10s %12s %14s  requests per CPU second\n", "device", "policy",
              "four streams", "random 15 %");
  for (const char* device : {"ddr4_2400", "lpddr4_3200", "hbm2_pc"})
    for (const char* policy : {"r", "d", "default"})
      std::printf("%-14s %-10s %12.0f %14.0f\n", device, policy,
                  speed(device, policy, "streams", 1'000'000),
                  speed(device, policy, "random", 1'000'000));
}
