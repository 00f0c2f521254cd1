// What has to be known to repeat a run.
#pragma once

#include <boost/program_options.hpp>

#include "sim/result.pb.h"
#include "workloads/network.h"

namespace tessera::sim {

/// Adds version, network, schedule, options and a hash over all of them; the accelerator's text is
/// there already.
void complete_manifest(proto::Manifest& manifest, const workloads::Network& network,
                       const std::string& schedule,
                       const boost::program_options::variables_map& options);

}  // namespace tessera::sim
