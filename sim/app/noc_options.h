// What the options of `tessera noc` mean.
#pragma once

#include <boost/program_options.hpp>
#include <memory>
#include <string>
#include <vector>

#include "noc/network.h"
#include "noc/study/open_loop.h"
#include "noc/study/traffic_pattern.h"

namespace tessera::app {

boost::program_options::options_description noc_options();

/// A description with what is built from it.
struct Study {
  explicit Study(const boost::program_options::variables_map& options);
  noc::Network network() const { return noc::Network(config, topology, *routing); }

  noc::proto::NetworkDescription description;
  noc::Topology topology;
  std::unique_ptr<noc::Routing> routing;
  noc::NetworkConfig config;
};

/// Synthetic traffic.
struct Traffic {
  std::unique_ptr<noc::TrafficPattern> pattern;
  std::vector<noc::NodeId> senders;
  std::string name;
};

Traffic traffic_of(const boost::program_options::variables_map& options, const Study& study);
noc::OpenLoopPlan plan_of(const boost::program_options::variables_map& options, const Study& study,
                          const Traffic& traffic);

}  // namespace tessera::app
