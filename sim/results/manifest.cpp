#include "sim/results/manifest.h"

#include "sim/base/hash.h"
#include "sim/base/message_io.h"

namespace tessera::sim {

void complete_manifest(proto::Manifest& manifest, const workloads::Network& network,
                       const std::string& schedule,
                       const boost::program_options::variables_map& options) {
  manifest.set_version(TESSERA_VERSION);
  manifest.set_network(network.name);
  manifest.set_batch(network.batch);
  manifest.set_schedule(schedule);
  if (options.count("set") != 0)
    for (const auto& assignment : options["set"].as<std::vector<std::string>>())
      manifest.add_set(assignment);
  if (options.count("ideal") != 0) manifest.add_ideal(options["ideal"].as<std::string>());
  manifest.set_seed(options["seed"].as<std::uint64_t>());
  manifest.set_configuration_hash(hash_text(to_binary(manifest)));
}

}  // namespace tessera::sim
