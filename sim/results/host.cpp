#include "sim/results/host.h"

#include <sys/resource.h>

namespace tessera::sim {

HostMeter::HostMeter() : begin_(std::chrono::steady_clock::now()) {}

proto::Host HostMeter::measure(const proto::Result& result) const {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  proto::Host host;
  host.set_cpu_seconds(seconds(usage.ru_utime) + seconds(usage.ru_stime));
  host.set_wall_seconds(
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count());
  host.set_simulated_cycles_per_second(static_cast<double>(result.cycles()) / host.cpu_seconds());
  host.set_macs_per_second(static_cast<double>(result.macs()) / host.cpu_seconds());
  host.set_peak_rss_bytes(static_cast<std::uint64_t>(usage.ru_maxrss) * 1024);
  return host;
}

}  // namespace tessera::sim
