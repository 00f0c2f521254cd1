// How fast the host ran a simulation.
#pragma once

#include <chrono>

#include "sim/result.pb.h"

namespace tessera::sim {

/// Starts counting when made.
class HostMeter {
 public:
  HostMeter();
  proto::Host measure(const proto::Result& result) const;

 private:
  std::chrono::steady_clock::time_point begin_;
};

}  // namespace tessera::sim
